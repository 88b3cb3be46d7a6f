"""The backend of translation models that CTranslate2 runs; without torch.

Hypotheses are searched by CTranslate2 and ranked as ours are. Pieces that a translation may not hold are left out of
its probabilities, and no alignments come with it.

Shapes: S windows.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from typing_extensions import override

from spanbert.batches.examples import HeadRows, Window
from spanbert.checkpoint.bundle import BundleFiles
from spanbert.core.errors import SpanbertError
from spanbert.core.threads import threads
from spanbert.core.types import IntArray
from spanbert.inference.backend import Backend, Outputs
from spanbert.inference.predictor import Predictor
from spanbert.tasks.protocol import Generated, Hypothesis, TextTask
from spanbert.tokens.target_vocabulary import END

_NAME = "p{}"  # what a piece is called by its id
_TOKENS = 2048  # of a batch, sources


class TranslatorBackend(Backend):
    """An encoder and a decoder that CTranslate2 runs.

    Args:
        directory: See `exports.translator`.
        forbidden: Ids that a translation may not hold.
        longest: Pieces of a translation at most.
        precision: Of its products.

    Raises:
        SpanbertError: CTranslate2 is not installed.
    """

    def __init__(self, directory: Path, forbidden: Sequence[int], *, longest: int, precision: str) -> None:
        require_ctranslate2()
        import ctranslate2

        self._translator = ctranslate2.Translator(
            os.fspath(directory), device="cpu", compute_type=precision, inter_threads=1, intra_threads=threads()
        )
        self._forbidden = [[_NAME.format(one)] for one in forbidden]
        self._longest = longest

    @override
    def run(self, windows: Sequence[Window], asked: Mapping[str, Sequence[HeadRows]]) -> Outputs:
        """No head of such a model reads rows."""
        raise NotImplementedError

    @override
    def generate(
        self,
        windows: Sequence[Window],
        head: str,
        options: Mapping[str, float],
        references: Sequence[IntArray | None],
    ) -> list[Generated]:
        """Translations, by CTranslate2's beam search.

        Args:
            windows: The sources.
            head: The only one.
            options: See `TranslateHead.generate`.
            references: Targets whose log probability is asked for.
        """
        sources = [_named(one.ids) for one in windows]
        most_S = [min(int(options["ratio"] * len(one) + options["more"]), self._longest) for one in sources]
        found = self._searched(sources, max(most_S), options)
        for place, own in enumerate(found):  # what may be shorter than the longest of the batch is searched again
            if any(len(one.ids) > most_S[place] for one in own):
                found[place] = self._searched([sources[place]], most_S[place], options)[0]
        sums = self._sums(sources, references)
        return [Generated(hypotheses=own, reference=one) for own, one in zip(found, sums, strict=True)]

    def _searched(
        self, sources: Sequence[Sequence[str]], most: int, options: Mapping[str, float]
    ) -> list[list[Hypothesis]]:
        """The best hypotheses of each source, best first, of so many pieces at most, the end included."""
        beam = int(options["beam"])
        found = self._translator.translate_batch(
            list(sources),
            max_batch_size=_TOKENS,
            batch_type="tokens",
            beam_size=beam,
            num_hypotheses=beam,
            length_penalty=options["length_penalty"],
            max_input_length=0,
            max_decoding_length=max(most - 1, 1),
            suppress_sequences=self._forbidden,
            return_scores=True,
            return_end_token=True,
        )
        penalty = options["length_penalty"]
        return [
            _ranked(zip(one.hypotheses, one.scores, strict=True), penalty, is_greedy=beam == 1)[: int(options["best"])]
            for one in found
        ]

    def _sums(
        self, sources: Sequence[Sequence[str]], references: Sequence[IntArray | None]
    ) -> list[tuple[float, int] | None]:
        """Log probability and pieces of each reference that is given, the end included."""
        asked = [number for number, ids in enumerate(references) if ids is not None]
        found: list[tuple[float, int] | None] = [None] * len(references)
        targets = [ids for ids in references if ids is not None]
        fitting = [number for number, ids in zip(asked, targets, strict=True) if len(ids) < self._longest]
        scored = self._translator.score_batch(
            [sources[number] for number in fitting],
            [_named(references[number]) for number in fitting],  # type: ignore[arg-type]
            max_batch_size=_TOKENS,
            batch_type="tokens",
            max_input_length=0,
        )
        for number, one in zip(fitting, scored, strict=True):
            found[number] = float(sum(one.log_probs)), len(one.log_probs)
        return found


def _ranked(found: Any, penalty: float, *, is_greedy: bool) -> list[Hypothesis]:
    """Hypotheses by our scores, best first.

    Args:
        found: Pieces and CTranslate2's score of each.
        penalty: alpha.
        is_greedy: The scores are sums of log probabilities.
    """
    ranked = []
    for names, score in found:
        ids = [int(name[1:]) for name in names]
        pieces = len(ids)
        total = float(score) if is_greedy else float(score) * pieces**penalty
        if not ids or ids[-1] != END:
            ids.append(END)
        own = total / ((5 + len(ids)) / 6) ** penalty
        ranked.append(Hypothesis(ids=np.array(ids, dtype=np.int64), score=own, log_probability=total))
    return sorted(ranked, key=lambda one: -one.score)


def load_translator(files: BundleFiles, tasks: Mapping[str, TextTask]) -> Predictor:
    """An exported model that CTranslate2 runs.

    Args:
        files: The exported model.
        tasks: Its only task, by name.

    Raises:
        SpanbertError: CTranslate2 is not installed.
    """
    facts = files.manifest["export"]
    written = facts["written"]
    backend = TranslatorBackend(
        files.exported.parent, written["forbidden"], longest=written["longest"], precision=facts["precision"]
    )
    return Predictor(backend, tasks)


def require_ctranslate2() -> None:
    """Refuses to begin without CTranslate2.

    Raises:
        SpanbertError: It is not installed.
    """
    if find_spec("ctranslate2") is None:
        raise SpanbertError("this model is run by ctranslate2, which is not installed: pip install ctranslate2")


def piece_names(count: int) -> list[str]:
    """What CTranslate2, whose pieces are text, calls those of so many ids."""
    return [_NAME.format(number) for number in range(count)]


def _named(ids: IntArray) -> list[str]:
    return [_NAME.format(number) for number in ids.tolist()]
