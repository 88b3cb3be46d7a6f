"""Filling blanks: a joint beam search for each combination of lengths, then one ranking (both heads together).

    every combination of lengths -> masks -> beam search, all combinations of all texts in one packed batch a round:
        each text fills its most certain blank piece with the best candidates, the encoder reads it again
    score = mean over the pieces of (log p_MLM + log p_SBO) / 2, + log prior(length) of each blank

The prior is the geometric law of the masked spans over the lengths allowed; it makes up for later pieces of a word
being easy once the first is known. Torch-free: probabilities come from a `PieceScorer`.

Cost: as many rounds as the longest combination has pieces; how many tokens they read says `tokens_read`.
Shapes: K blank pieces of all texts, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from spanbert.core.errors import InputError
from spanbert.core.types import Filling, IntArray
from spanbert.tasks.pretrain.template import Template
from spanbert.tokens.tokenizer import TokenizerAdapter

Place = tuple[int, int]
_LENGTH_PRIOR = 0.2
_LEAST_BEAM = 5
_SPECIALS = 2
_MOST_WORK = 10_000


class PieceScorer(Protocol):
    """A model that reads texts with blanks."""

    def __call__(
        self, sequences: Sequence[IntArray], places: Sequence[Sequence[Place]]
    ) -> Iterable[npt.NDArray[np.float32]]:
        """Log probabilities of the pieces of the blanks.

        Args:
            sequences: Ids with specials.
            places: The blanks of each sequence, half-open.

        Returns:
            One by one, so that they need not all be kept: for each sequence (K, V), a row for each piece of its blanks
            in order: the mean of MLM's and SBO's log probability, or MLM's alone where there is no SBO target.
        """


@dataclass(frozen=True, eq=False)
class _Hypothesis:
    """A text under way: its shape, ids, blanks, and the score of each piece filled so far, by row of the text."""

    shape: tuple[int, ...]
    ids: IntArray
    places: list[Place]
    scores: dict[int, float] = field(default_factory=dict)

    @property
    def open_rows(self) -> list[int]:
        return [row for start, end in self.places for row in range(start, end) if row not in self.scores]

    @property
    def total(self) -> float:
        return sum(self.scores.values())


def tokens_read(template: Template, *, top_k: int, beam: int | None = None) -> int:
    """How many tokens the model reads at most to fill a text: those of each hypothesis of each round.

    Args:
        template: The text with its blanks.
        top_k: See `fill_templates`.
        beam: The same.
    """
    around = sum(map(len, template.ids)) + _SPECIALS
    width = _width(top_k, beam)
    return sum((around + sum(shape)) * _readings(shape, width) for shape in template.shapes())


def _width(top_k: int, beam: int | None) -> int:
    return beam or max(_LEAST_BEAM, top_k)


def _readings(shape: tuple[int, ...], width: int) -> int:
    """Of a text with blanks of these lengths: at first it is one hypothesis, and then as many as are kept."""
    return 1 + (sum(shape) - 1) * width


def fill_template(
    template: Template, tokenizer: TokenizerAdapter, scorer: PieceScorer, *, top_k: int, beam: int | None = None
) -> list[Filling]:
    """The best fillings of a text: see `fill_templates`."""
    [found] = fill_templates([template], tokenizer, scorer, top_k=top_k, beam=beam)
    return found


def fill_templates(
    templates: Sequence[Template],
    tokenizer: TokenizerAdapter,
    scorer: PieceScorer,
    *,
    top_k: int,
    beam: int | None = None,
    pieces: Collection[int] | None = None,
    wanted: Callable[[int], bool] | None = None,
) -> list[list[Filling]]:
    """The best fillings of texts, all of which are read together in each round.

    Args:
        templates: The texts with their blanks.
        tokenizer: Their tokenizer.
        scorer: The model.
        top_k: How many fillings to return of each text, best first; fewer where there are not so many different ones.
        beam: Hypotheses kept for each combination of lengths; default max(5, top_k).
        pieces: The ids of the pieces that may be filled in; None: all.
        wanted: Whether anybody still waits for the fillings of a text, by its number; asked before each round and, of
            all texts, as a round goes on. None: always.

    Returns:
        The fillings of each text; none of one that was not waited for to the end.

    Raises:
        InputError: More combinations and hypotheses than can be tried out in reasonable time.
    """
    width = _width(top_k, beam)
    for template in templates:
        _require_little_work(template, width)
    candidates = _Candidates(tokenizer, pieces)
    searches = [_Search(template, tokenizer, candidates, width) for template in templates]
    while True:
        under_way = [
            search for number, search in enumerate(searches) if search.live and (wanted is None or wanted(number))
        ]
        live = [(search, one) for search in under_way for one in search.live]
        if not live:
            break
        rows = scorer([one.ids for _, one in live], [merge_places(one.places) for _, one in live])
        for (search, one), log_probabilities_KV in zip(live, rows, strict=True):
            if wanted is not None and not any(map(wanted, range(len(searches)))):
                return [[] for _ in searches]
            search.extend(one, log_probabilities_KV)
        for search in under_way:
            search.end_round()
    return [[] if search.live else search.fillings(top_k) for search in searches]


def _require_little_work(template: Template, width: int) -> None:
    work = sum(_readings(shape, width) for shape in template.shapes())
    if work > _MOST_WORK:
        raise InputError(
            "too much to try out",
            got=f"{work:,} readings of the text",
            expected=f"at most {_MOST_WORK:,}",
            remedy="Narrow the lengths of the blanks, or ask for fewer fillings",
        )


class _Search:
    """The beam search of one text.

    Args:
        template: The text with its blanks.
        tokenizer: Its tokenizer.
        candidates: Which pieces may fill a blank.
        width: Hypotheses kept for each combination of lengths.
    """

    def __init__(self, template: Template, tokenizer: TokenizerAdapter, candidates: _Candidates, width: int) -> None:
        self._template, self._tokenizer, self._candidates, self._width = template, tokenizer, candidates, width
        self.live = [_Hypothesis(shape, *template.sequence(shape, tokenizer)) for shape in template.shapes()]
        self._done: list[_Hypothesis] = []
        self._grown: dict[tuple[int, ...], dict[bytes, _Hypothesis]] = {}

    def extend(self, one: _Hypothesis, log_probabilities_KV: npt.NDArray[np.float32]) -> None:
        """Takes in what the model says of a hypothesis."""
        for new in _extend(one, log_probabilities_KV, self._template, self._candidates, self._width):
            known = self._grown.setdefault(new.shape, {})
            key = new.ids.tobytes()
            if key not in known or known[key].total < new.total:
                known[key] = new

    def end_round(self) -> None:
        """Keeps the best hypotheses of each combination of lengths; those without open pieces are done."""
        kept = [
            one
            for group in self._grown.values()
            for one in sorted(group.values(), key=lambda h: -h.total)[: self._width]
        ]
        self._done += [one for one in kept if not one.open_rows]
        self.live = [one for one in kept if one.open_rows]
        self._grown = {}

    def fillings(self, top_k: int) -> list[Filling]:
        """The best of all that are done; of equal texts one."""
        finished = (_finish(one, self._template, self._tokenizer) for one in self._done)
        best: dict[str, Filling] = {}
        for filling in sorted(finished, key=lambda filling: -filling.score):
            best.setdefault(filling.text, filling)
        return list(best.values())[:top_k]


def merge_places(places: Sequence[Place]) -> list[Place]:
    """Blanks side by side as one span: the boundary pieces of a span must not be masked."""
    merged: list[Place] = []
    for start, end in places:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


class _Candidates:
    """Which pieces may fill a blank, each (V,): inside it, at its front, and at its front right after a letter."""

    def __init__(self, tokenizer: TokenizerAdapter, pieces: Collection[int] | None) -> None:
        self.inside_V = ~tokenizer.is_special_V
        if pieces is not None:
            self.inside_V &= np.isin(np.arange(len(self.inside_V)), list(pieces))
        for piece, identity in tokenizer.backend.get_vocab(with_added_tokens=True).items():
            if piece.startswith("[unused"):
                self.inside_V[identity] = False
        self.word_front_V = self.inside_V & tokenizer.may_begin_word_V
        self.glued_front_V = self.inside_V & tokenizer.may_go_on_V


def _extend(
    one: _Hypothesis,
    log_probabilities_KV: npt.NDArray[np.float32],
    template: Template,
    candidates: _Candidates,
    width: int,
) -> list[_Hypothesis]:
    """Fills the most certain open piece with its best candidates."""
    rows = [row for start, end in one.places for row in range(start, end)]
    fronts = {
        start: candidates.word_front_V if blank.begins_word else candidates.glued_front_V
        for (start, _), blank in zip(one.places, template.blanks, strict=True)
    }
    best: tuple[float, int, npt.NDArray[np.float32]] | None = None
    for k, row in enumerate(rows):
        if row in one.scores:
            continue
        usable_V = fronts.get(row, candidates.inside_V)
        scores_V = np.full(len(log_probabilities_KV[k]), -np.inf, dtype=np.float32)
        scores_V[: len(usable_V)] = np.where(usable_V, log_probabilities_KV[k][: len(usable_V)], -np.inf)
        top = float(scores_V.max())
        if best is None or top > best[0]:
            best = (top, row, scores_V)
    assert best is not None
    _, row, scores_V = best
    extended = []
    for piece in np.argsort(-scores_V, kind="stable")[:width].tolist():
        if not np.isfinite(scores_V[piece]):
            break
        ids = one.ids.copy()
        ids[row] = piece
        extended.append(_Hypothesis(one.shape, ids, one.places, {**one.scores, row: float(scores_V[piece])}))
    return extended


def _log_length_prior(length: int, shortest: int, longest: int) -> float:
    law = (1 - _LENGTH_PRIOR) ** np.arange(longest - shortest + 1)
    return float(np.log(law[length - shortest] / law.sum()))


def _finish(one: _Hypothesis, template: Template, tokenizer: TokenizerAdapter) -> Filling:
    fills, pieces, piece_scores = [], [], []
    prior = 0.0
    for (start, end), blank in zip(one.places, template.blanks, strict=True):
        ids = one.ids[start:end].tolist()
        fills.append(tokenizer.surface(ids))
        pieces.append(tuple(tokenizer.piece(identity) for identity in ids))
        piece_scores.append(tuple(one.scores[row] for row in range(start, end)))
        prior += _log_length_prior(end - start, blank.shortest, blank.longest)
    text = template.texts[0] + "".join(fill + after for fill, after in zip(fills, template.texts[1:], strict=True))
    return Filling(
        text=text,
        fills=tuple(fills),
        pieces=tuple(pieces),
        piece_scores=tuple(piece_scores),
        score=one.total / len(one.scores) + prior,
    )
