"""Steps of two plans in turn: labelled examples, and packs of text in a fixed share of the steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from spanbert.batches.example_plan import Drawn, ExamplePlan
from spanbert.batches.plan import Pack, PackingPlan, PlanPosition


class MixedPlan:
    """An endless, resumable order of steps, spread evenly: with a share of a quarter every fourth is of text.

    The position counts steps; its parts are the positions of the two plans.

    Args:
        examples: Steps of labelled examples.
        text: Steps of packs.
        share: Of the steps that are of text, more than 0 and less than 1.
    """

    def __init__(self, examples: ExamplePlan, text: PackingPlan, *, share: float) -> None:
        assert 0 < share < 1
        self.examples, self.text, self.share = examples, text, share

    @property
    def step_sizes(self) -> frozenset[int]:
        """Items a step, of steps of a kind that are equally large."""
        return self.examples.step_sizes | frozenset(self.text.step_sizes)

    @property
    def steps_an_epoch(self) -> float:
        """Steps in which every labelled task is read once."""
        return self.examples.steps_an_epoch / (1 - self.share)

    def is_of_text(self, step: int) -> bool:
        """Whether a step, counted from 0, is of text."""
        return math.floor((step + 1) * self.share) > math.floor(step * self.share)

    def steps(self, start: PlanPosition) -> Iterator[Sequence[Drawn | Pack]]:
        """The items of each step, from a position between two steps on."""
        step = start.item
        parts = list(start.parts or (PlanPosition(), PlanPosition()))
        labelled, text = self.examples.steps(parts[0]), self.text.steps(parts[1])
        while True:
            which = int(self.is_of_text(step))
            items: Sequence[Drawn | Pack] = next(text) if which else next(labelled)
            step, parts[which] = step + 1, items[-1].after
            yield [*items[:-1], replace(items[-1], after=PlanPosition(item=step, parts=(parts[0], parts[1])))]
