"""The order in which training reads labelled examples: task by task, step by step, epoch by epoch.

    Examples --ExamplePlan--> the examples of each step

Every task has an order of its own: so many examples a step from a shuffled epoch, or steps of so many tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from typing_extensions import override

from spanbert.batches.examples import Example
from spanbert.batches.plan import PlanPosition
from spanbert.core.seeding import keyed_fraction, keyed_generator
from spanbert.core.types import IntArray


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Drawn:
    """An example in its place in the order of training."""

    example: Example
    key: tuple[int | str, ...]
    after: PlanPosition

    @property
    def tokens(self) -> int:
        """Tokens of the example, specials included."""
        return self.example.tokens


class Order(Protocol):
    """The endless order of one task's examples, cut into steps; a pure function of what it is made from."""

    @property
    def step_size(self) -> int | None:
        """Examples a step; None where steps differ."""

    @property
    def steps_an_epoch(self) -> float:
        """Steps in which every example is read once."""

    def step(self, used: int) -> Sequence[tuple[int, int]]:
        """The next step.

        Args:
            used: Examples of the steps before.

        Returns:
            Epoch and number of each example.
        """


class FixedOrder(Order):
    """Steps of equally many examples, each epoch shuffled anew; a step may end one epoch and begin the next.

    Args:
        count: Examples of the task.
        per_step: Examples a step.
        seed: Of the order.
        name: The task's.
    """

    def __init__(self, count: int, per_step: int, *, seed: int, name: str) -> None:
        self._count, self._per_step = count, per_step

        @lru_cache(maxsize=2)
        def shuffled(epoch: int) -> IntArray:
            return keyed_generator(seed, "examples", name, epoch).permutation(count)

        self._shuffled = shuffled

    @property
    @override
    def step_size(self) -> int | None:
        return self._per_step

    @property
    @override
    def steps_an_epoch(self) -> float:
        return self._count / self._per_step

    @override
    def step(self, used: int) -> Sequence[tuple[int, int]]:
        places = (divmod(place, self._count) for place in range(used, used + self._per_step))
        return [(epoch, int(self._shuffled(epoch)[place])) for epoch, place in places]


class TokenOrder(Order):
    """Steps of at most so many tokens, of examples that are about equally long; each epoch's steps are shuffled.

    Examples are sorted by the lengths of window and writing, equal ones in an order of the epoch's own, and cut into
    steps, so that neighbours in a step are equally long; a longer example than a step may hold has one of its own.

    Args:
        lengths: Of each example, (tokens of the window, tokens written).
        tokens: Of a step, at most.
        seed: Of the order.
        name: The task's.
    """

    def __init__(self, lengths: Sequence[tuple[int, int]], tokens: int, *, seed: int, name: str) -> None:
        sizes = np.array(lengths, dtype=np.int64)

        @lru_cache(maxsize=2)
        def epoch_steps(epoch: int) -> tuple[list[IntArray], IntArray]:
            generator = keyed_generator(seed, "examples", name, epoch)
            shuffled = generator.permutation(len(sizes))
            order = shuffled[np.lexsort((sizes[shuffled, 1], sizes[shuffled, 0]))]
            steps = list(_cut(order, sizes.sum(1), tokens))
            steps = [steps[number] for number in generator.permutation(len(steps)).tolist()]
            return steps, np.cumsum([0, *map(len, steps)])

        self._epoch_steps, self._count = epoch_steps, len(sizes)

    @property
    @override
    def step_size(self) -> int | None:
        """None: steps differ."""
        return None

    @property
    @override
    def steps_an_epoch(self) -> float:
        return len(self._epoch_steps(0)[0])

    @override
    def step(self, used: int) -> Sequence[tuple[int, int]]:
        epoch, inside = divmod(used, self._count)
        steps, starts = self._epoch_steps(epoch)
        number = int(np.searchsorted(starts, inside))
        assert starts[number] == inside, f"position {used} is inside a step"
        return [(epoch, int(one)) for one in steps[number]]


def _cut(order: IntArray, tokens: IntArray, most: int) -> Iterator[IntArray]:
    first = held = 0
    for place, number in enumerate(order.tolist()):
        if held and held + tokens[number] > most:
            yield order[first:place]
            first, held = place, 0
        held += int(tokens[number])
    yield order[first:]


class ExamplePlan:
    """An endless order of steps over examples, reshuffled each epoch; every step draws from one task.

    A pure function of (lengths of the examples, seed): step s reads task t(s), drawn with probability
    (steps an epoch of t)^(1/temperature), and the next step of that task's own order. The position counts examples.

    Args:
        examples: The examples of each task; none may be empty.
        per_step: Examples a step of each task.
        tokens: Tokens a step at most, of tasks whose steps are counted in tokens.
        seed: Seed of every order.
        temperature: 1 draws every task as often as it has steps in an epoch; larger, more evenly.
    """

    def __init__(
        self,
        examples: Mapping[str, Sequence[Example]],
        *,
        per_step: Mapping[str, int],
        tokens: Mapping[str, int] | None = None,
        seed: int,
        temperature: float = 1.0,
    ) -> None:
        assert all(examples.values()), "a task without examples"
        self.examples, self.seed = examples, seed
        self._orders: dict[str, Order] = {}
        for name, own in examples.items():
            budget = (tokens or {}).get(name)
            if budget is None:
                self._orders[name] = FixedOrder(len(own), per_step[name], seed=seed, name=name)
            else:
                lengths = [(len(one.window.ids), one.written) for one in own]
                self._orders[name] = TokenOrder(lengths, budget, seed=seed, name=name)
        steps = np.array([order.steps_an_epoch for order in self._orders.values()])
        weights = steps ** (1 / temperature)
        self._bounds = np.cumsum(weights / weights.sum())

    @property
    def step_sizes(self) -> frozenset[int]:
        """Examples a step, of any task whose steps are equally large."""
        return frozenset(size for order in self._orders.values() if (size := order.step_size) is not None)

    @property
    def steps_an_epoch(self) -> float:
        """Steps in which every task is read once, if each is drawn as often as it has steps in an epoch."""
        return sum(order.steps_an_epoch for order in self._orders.values())

    def task_of_step(self, step: int) -> str:
        """The task that a step draws from."""
        names = list(self.examples)
        if len(names) == 1:
            return names[0]
        drawn = int(np.searchsorted(self._bounds, keyed_fraction(self.seed, "task", step), side="right"))
        return names[min(drawn, len(names) - 1)]

    def steps(self, start: PlanPosition) -> Iterator[list[Drawn]]:
        """The examples of each step, without an end, from a position between two steps on."""
        step, used = self._before(start)
        drawn = start.item
        while True:
            items: list[Drawn] = []
            name = self.task_of_step(step)
            own = self.examples[name]
            for epoch, number in self._orders[name].step(used[name]):
                drawn += 1
                items.append(Drawn(example=own[number], key=(name, epoch, number), after=PlanPosition(item=drawn)))
            used[name] += len(items)
            yield items
            step += 1

    def _before(self, position: PlanPosition) -> tuple[int, dict[str, int]]:
        """Steps before a position, and how many examples of each task they read."""
        used = dict.fromkeys(self.examples, 0)
        step = drawn = 0
        if len(used) == 1:  # the number of the step is not needed to draw the task
            [name] = used
            used[name] = position.item
            size = self._orders[name].step_size
            assert size is None or position.item % size == 0, f"position {position.item} is inside a step"
            return step, used
        while drawn < position.item:
            name = self.task_of_step(step)
            size = self._orders[name].step_size
            size = len(self._orders[name].step(used[name])) if size is None else size
            used[name] += size
            drawn += size
            step += 1
        assert drawn == position.item, f"position {position.item} is inside a step"
        return step, used
