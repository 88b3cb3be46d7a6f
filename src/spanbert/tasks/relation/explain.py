"""Why two entities are related as they are said to be.

Shapes: N copies of a marked text, r rows of it, D hidden size, L labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
from torch import Tensor
from typing_extensions import override

from spanbert.core.errors import InputError, nearest
from spanbert.core.predictions import RelationExtraction
from spanbert.core.types import Document, Relation
from spanbert.scores.relations import relates
from spanbert.tasks.explain import (
    Outputs,
    Placed,
    ScoredOutput,
    TaskExplainer,
    Wish,
    layout_of,
    log_odds,
    quoted,
    same_place,
)
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tasks.relation.head import RelationHead
from spanbert.tasks.relation.marking import WindowedRelations
from spanbert.tasks.relation.task import RelationTask


class RelationExplainer(TaskExplainer[RelationTask, RelationExtraction]):
    """The log odds of a pair's label; the markers around its entities stay where they are."""

    @property
    @override
    def score_is(self) -> str:
        return "log odds of the pair's label"

    @property
    @override
    def score_is_zh(self) -> str:
        return "这对实体关系的对数几率"

    @override
    def document(self, document: Document, result: RelationExtraction, wish: Wish) -> Document:
        """With the pairs that are explained."""
        if wish.label is not None and wish.label not in self.task.labels:
            what = f"no label {wish.label!r}; {nearest(wish.label, self.task.labels)}"
            raise InputError(what, where=f"task {self.task.name}")
        chosen = [one for one in result.relations if self._is_meant(one, wish)]
        if wish.of is not None and wish.other is not None:  # the head is the one that is named first, where it is one
            first = wish.of
            chosen = [one for one in chosen if same_place(one.head, first)] or chosen
        if not chosen:
            text = document.text
            found = (f"{quoted(text, one.head)} {one.label} {quoted(text, one.tail)}" for one in result.relations)
            remedy = 'To ask about any pair, state it: {"text": ..., "head": {"start": 0, "end": 3}, "tail": {...}}'
            self.nothing("no such relation", found, remedy)
        return replace(document, relations=tuple(chosen))

    def _is_meant(self, one: Relation, wish: Wish) -> bool:
        """Of its places by any two that are wished; without places, those that are related, or have the label."""
        ends = (one.head, one.tail)
        if wish.of is not None or wish.other is not None:
            wished = [place for place in (wish.of, wish.other) if place is not None]
            return all(any(same_place(end, place) for end in ends) for place in wished)
        return relates(one.label) if wish.label is None else wish.label == one.label

    @override
    def placed(self, windowed: WindowedDocument, window: int) -> tuple[Placed, None]:
        """Pieces between markers: the text is marked again with their numbers, below 0, in place of their ids."""
        numbers = -1 - np.arange(len(windowed.pieces.ids))
        numbered = replace(windowed, pieces=replace(windowed.pieces, ids=numbers))
        ids = next(islice(self.task.windows(numbered), window, None)).ids
        rows = np.flatnonzero(ids < 0)
        return Placed(rows=rows, pieces=-1 - ids[rows]), None

    @override
    def scores(
        self, windowed: WindowedDocument, result: RelationExtraction, wish: Wish, outputs: Outputs
    ) -> list[ScoredOutput]:
        assert isinstance(windowed, WindowedRelations)
        rows = [one.rows for one in self.task.rows(windowed)]
        found = []
        for number, relation in enumerate(windowed.document.relations or ()):
            label = wish.label or relation.label
            score = self._score(self.task.labels.index(label))
            places = (relation.head, relation.tail)
            found.append(ScoredOutput(label=label, places=places, windows=(number,), rows=(rows[number],), score=score))
        return found

    def _score(self, number: int) -> Callable[[RelationHead, Sequence[Tensor]], Tensor]:
        def score(head: RelationHead, hidden: Sequence[Tensor]) -> Tensor:
            [one_NrD] = hidden
            copies, read, _ = one_NrD.shape
            return log_odds(head(one_NrD.flatten(0, 1), layout_of(copies, read))["logits"].float(), number)

        return score
