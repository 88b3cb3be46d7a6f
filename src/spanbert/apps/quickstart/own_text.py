"""The second part of the quick start: minutes of span pre-training on a text, held-out figures before and after.

text  --prepare-->  store  --pretrain from the model-->  bundle
paragraphs held out  --a word of each hidden-->  what the model fills in before and after
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from spanbert.apps.quickstart.bars import Bars
from spanbert.apps.quickstart.manual import LICENCE, write_manual
from spanbert.apps.quickstart.room import BUNDLE, STORE, TEXT
from spanbert.checkpoint.bundle import open_bundle
from spanbert.core.reporter import Reporter
from spanbert.core.seeding import keyed_fraction
from spanbert.core.types import Facts
from spanbert.encoder.config import EncoderConfig
from spanbert.pipelines.info import has_mlm_head
from spanbert.pipelines.load import Pipeline, load
from spanbert.tokens.prepare import PrepareResult, prepare
from spanbert.tokens.store import StoredDocument, TokenStore
from spanbert.tokens.tokenizer import TokenizerAdapter
from spanbert.train.pretrain import PretrainResult, pretrain
from spanbert.train.pretrain_config import PretrainConfig

AGAIN = "Run it again with --overwrite"  # what can be done where a signal ended it
_HELD_OUT = 0.15  # of the paragraphs
_LONGEST_SEGMENT = 128
_GO_ON = {"lr": 2e-4, "head_lr": 4e-4}  # heads that have learned are not to be shaken
_BEGIN = {"lr": 2.5e-4, "head_lr": 2e-3}
_BLANKS = 4
_SHORT = (8, 32)  # pieces of a paragraph that a word is hidden in: enough to go by, few enough to read
_SHORTEST_WORD = 4


@dataclass(frozen=True, kw_only=True)
class Blank:
    """A held-out sentence with a word hidden.

    Attributes:
        text: With `[MASK]` in place of the word.
        word: The word.
        before: What the model filled in before; empty where it fills none.
        after: What it fills in now.
    """

    text: str
    word: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class LearnedText:
    """The result of this part.

    Attributes:
        prepared: The store.
        result: The run.
        name: What the text is called.
        licence: Its licence and authors; None: a text of the user's own.
        blanks: Held-out sentences.
    """

    prepared: PrepareResult
    result: PretrainResult
    name: str
    licence: str | None
    blanks: Sequence[Blank]

    @property
    def rows(self) -> list[dict[str, str]]:
        """The held-out figures as text: name, before, after, unigram."""
        return comparison(self.result)

    @property
    def lines(self) -> list[str]:
        """The figures and the blanks for the terminal."""
        spent = self.result.outcome.progress
        found = [
            f"   {self.prepared.pieces['train']:,} pieces of text, {self.prepared.pieces['held_out']:,} held out; "
            f"{spent.step:,} steps in {spent.seconds / 60:.1f} minutes",
            f"   {'on held-out text':<20}{'before':>9}{'after':>9}{'no context':>13}",
        ]
        found += [f"   {row['name']:<20}{row['before']:>9}{row['after']:>9}{row['unigram']:>13}" for row in self.rows]
        for blank in self.blanks:
            before = f"before: {blank.before}   " if blank.before else ""
            found += [f"   {blank.text}", f"      {before}after: {blank.after}   written: {blank.word}"]
        return found


def learn_text(
    text: Path | None, *, model: str, out: Path, minutes: float, device: str, reporter: Reporter
) -> LearnedText:
    """Prepares a text, goes on with span pre-training on it, and compares before and after on what was held out.

    Args:
        text: The text; None: Python's manual.
        model: What to go on from.
        out: Folder; text, store and bundle are made in it.
        minutes: Minutes of training.
        device: What computes.
        reporter: Receives progress.

    Raises:
        InputError: A text that cannot be read.
        Interrupted: A signal ended the run.
    """
    licence, source = None, text
    if source is None:
        licence, source = LICENCE, out / TEXT
        write_manual(source)
    quiet = Bars(reporter, "text")
    prepared = prepare([source], tokenizer=model, out=out / STORE, held_out=_HELD_OUT, licence=licence, reporter=quiet)
    files = open_bundle(model)
    knows, longest = has_mlm_head(files), EncoderConfig.of_bundle(files).longest_segment
    store = TokenStore(out / STORE)
    hidden = list(islice(_hidden_words(store), _BLANKS))
    before = _fill(load(model, device=device), hidden) if knows else [""] * len(hidden)
    config = _config(minutes, segment_length=min(_LONGEST_SEGMENT, longest), optim=_GO_ON if knows else _BEGIN)
    result = pretrain(out / STORE, out=out / BUNDLE, model=model, config=config, device=device, reporter=quiet)
    result.outcome.require_whole(AGAIN)
    after = _fill(load(out / BUNDLE, device=device), hidden)
    blanks = [
        Blank(text=text, word=word, before=one, after=two)
        for (text, word), one, two in zip(hidden, before, after, strict=True)
    ]
    name = "the manual of Python" if text is None else text.name
    return LearnedText(prepared=prepared, result=result, name=name, licence=licence, blanks=blanks)


def _config(minutes: float, *, segment_length: int, optim: Facts) -> PretrainConfig:
    """Small batches, as CPUs like them (docs/LOG.md)."""
    return PretrainConfig.assemble(
        base={
            "batch": {"segment_length": segment_length, "pack_tokens": 8 * segment_length},
            "optim": optim,
            "train": {
                "max_minutes": minutes,
                "evaluate_every": "25%",
                "checkpoint_every": "50%",
                "evaluate_tokens": 16_384,
            },
        }
    )


def _hidden_words(store: TokenStore) -> Iterator[tuple[str, str]]:
    """Short held-out texts, each with one of its words hidden, and the word; which word, its place decides."""
    adapter = store.tokenizer()
    for document in store.documents("held_out"):
        if _SHORT[0] <= len(document.ids) <= _SHORT[1]:
            places = [place for place in range(2, len(document.ids) - 1) if _is_word(adapter, document, place)]
            if places:
                place = places[int(keyed_fraction("hidden word", document.id) * len(places))]
                ids = document.ids.tolist()
                before, after = adapter.surface(ids[:place]), adapter.surface(ids[place + 1 :])
                yield f"{before} [MASK] {after}", adapter.surface([ids[place]])


def _is_word(adapter: TokenizerAdapter, document: StoredDocument, place: int) -> bool:
    """Whether a piece is a whole word of letters, and not a short one."""
    word = adapter.surface([int(document.ids[place])])
    alone = bool(np.all(document.word_starts[place : place + 2]))
    return alone and word.isalpha() and len(word) >= _SHORTEST_WORD


def _fill(nlp: Pipeline, hidden: Sequence[tuple[str, str]]) -> list[str]:
    return [nlp.fill(text, top_k=1)[0].fills[0] for text, _ in hidden]


def comparison(result: PretrainResult) -> list[dict[str, str]]:
    """The held-out figures before and after training and the unigram model's, as rows of text."""
    before: Mapping[str, Any] = result.before
    after: Mapping[str, Any] = result.outcome.best.scores if result.outcome.best else {}
    kinds = (
        ("pieces right (MLM)", "mlm_accuracy", "unigram_accuracy", "{:.1%}"),
        ("pieces right (SBO)", "sbo_accuracy", "unigram_accuracy", "{:.1%}"),
        ("whole spans right", "exact_match", None, "{:.1%}"),
        ("MLM loss", "mlm_loss", "unigram_loss", "{:.3f}"),
        ("SBO loss", "sbo_loss", "unigram_loss", "{:.3f}"),
    )
    return [
        {
            "name": name,
            "before": form.format(before[key]) if key in before else "-",
            "after": form.format(after[key]) if key in after else "-",
            "unigram": form.format(after[unigram]) if unigram and unigram in after else "-",
        }
        for name, key, unigram, form in kinds
    ]
