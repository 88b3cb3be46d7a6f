"""What the training texts say about translations to come, and the vocabulary that these are written with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from spanbert.core.characters import HAN
from spanbert.core.types import Facts, IntArray, Record
from spanbert.corpus.io.files import require_file, whole_text
from spanbert.corpus.text.sentences import split_sentences
from spanbert.tasks.translate.config import TranslateConfig
from spanbert.tokens.target_vocabulary import TargetVocabulary, train_target_vocabulary
from spanbert.tokens.tokenizer import TokenizerAdapter

_SPARE = 1.2  # times the ratio of nearly all training pairs: what a translation may have
_FEW_SEVERAL = 0.05  # share of texts of several sentences below which training texts are single sentences
_SCRIPTS = {
    "ja-mecab": re.compile("[\u3040-\u30ff]"),
    "ko-mecab": re.compile("[\uac00-\ud7af\u1100-\u11ff]"),
    "zh": re.compile(f"[{HAN}]"),
}
_UNSPACED = ("zh", "ja-mecab")
_LETTER = re.compile(r"\w")


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What the training texts say about translations to come.

    Attributes:
        usual: Pieces of a text that nearly all training texts have at most.
        one_sentence: Nearly all training texts are single sentences.
        ratio: Pieces of a translation for each piece of its text, at most.
        tokenizer: How sacreBLEU divides words.
        decoder: The decoder's dimensions, by the names of the settings.
    """

    usual: int
    one_sentence: bool
    ratio: float
    tokenizer: str
    decoder: Mapping[str, int]

    @classmethod
    def of(
        cls,
        pairs: Sequence[tuple[str, str]],
        sources: Sequence[IntArray],
        written: Sequence[IntArray],
        language: str,
    ) -> Self:
        """What some training pairs say; the decoder is not decided yet.

        Args:
            pairs: Texts and translations.
            sources: The pieces of the texts.
            written: Those of the translations.
            language: Of the texts, for their sentences.
        """
        ratios = [(len(target) + 1) / max(len(source), 1) for source, target in zip(sources, written, strict=True)]
        several = sum(len(split_sentences(text, language=language)) > 1 for text, _ in pairs)
        return cls(
            usual=int(np.quantile([len(one) for one in sources], 0.99)),
            one_sentence=several < _FEW_SEVERAL * len(pairs),
            ratio=float(_SPARE * np.quantile(ratios, 0.999)),
            tokenizer=_tokenizer_of([target for _, target in pairs]),
            decoder={},
        )

    @classmethod
    def of_entry(cls, entry: Facts) -> Self:
        """What a bundle's manifest says."""
        names = ("usual", "one_sentence", "ratio", "tokenizer", "decoder")
        return cls(**{name: entry[name] for name in names})

    def entry(self) -> Record:
        """What the manifest says of it."""
        return {
            "usual": self.usual,
            "one_sentence": self.one_sentence,
            "ratio": self.ratio,
            "tokenizer": self.tokenizer,
            "decoder": dict(self.decoder),
        }

    @property
    def is_spaced(self) -> bool:
        """Whether there are blanks between the sentences of translations."""
        return self.tokenizer not in _UNSPACED


def target_vocabulary(config: TranslateConfig, tokenizer: TokenizerAdapter, targets: Iterator[str]) -> TargetVocabulary:
    """The vocabulary that the settings ask for.

    Args:
        config: The settings.
        tokenizer: The encoder's.
        targets: The training translations, all of which are read.
    """
    own = config._vocabulary_file
    if own is None and isinstance(config.vocabulary, int):
        return train_target_vocabulary(targets, config.vocabulary, model=config.vocabulary_model)
    for _ in targets:  # the sample is taken as they pass
        pass
    if own is None and config.vocabulary == "encoder":
        return TargetVocabulary.from_json(tokenizer.backend.to_str(), tokenizer.name)
    path = own or Path(str(config.vocabulary))
    path = path / "tokenizer.json" if path.is_dir() else path
    require_file(path)
    return TargetVocabulary.from_json(whole_text(path), str(path))


def _tokenizer_of(targets: Sequence[str]) -> str:
    """How sacreBLEU divides words of the script that most target texts are in."""
    letters = "".join(_LETTER.findall("".join(targets[:2000])))
    for name, script in _SCRIPTS.items():
        share = len(script.findall(letters)) / max(len(letters), 1)
        if share > (0.1 if name == "ja-mecab" else 0.5):
            return name
    return "13a"
