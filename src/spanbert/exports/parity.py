"""What an export costs: its scores beside those of the bundle, by a paired bootstrap; agreement and speed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Record
from spanbert.corpus.data import Source, documents_of, name_of
from spanbert.inference.predictor import Predictor
from spanbert.pipelines.results import AnnotatedText, render_of, results_of
from spanbert.scores.bootstrap import compare
from spanbert.tasks.protocol import DocumentScorer

_TIMED = 20_000  # characters, of which a round takes seconds
_ROUNDS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Parity:
    """An export beside its bundle, on the dev data of a task.

    Attributes:
        main: The score.
        before: Of the bundle.
        after: Of the export.
        drop: In points of 100.
        interval: Between which points the drop lies, at 95%.
        units: On how many units.
        agreement: Share of the documents of which both say the same, probabilities aside; None of a task that gives
            nothing but numbers.
        speedup: How many times as fast it is, text to results, on as many threads as are used: the median of rounds
            that alternate; None: not timed.
        data: What it was scored on.
    """

    main: str
    before: float
    after: float
    drop: float
    interval: tuple[float, float]
    units: int
    agreement: float | None
    speedup: float | None = None
    data: str

    def passes(self, most: float) -> bool:
        """Whether it loses so many points at most, and surely not more than twice as many."""
        return self.drop <= most and self.interval[1] <= 2 * most

    def as_record(self) -> Record:
        """As a manifest holds it."""
        return {**asdict(self), "interval": list(self.interval)}

    def line(self, name: str) -> str:
        """For people."""
        low, high = self.interval
        said = [
            f"{name}: {self.main} {self.before:.4f} -> {self.after:.4f}, a drop of {self.drop:.2f} points "
            f"({low:.2f} to {high:.2f}, 95%, {self.units:,} units of {self.data})"
        ]
        if self.agreement is not None:
            said.append(f"same predictions for {self.agreement:.1%} of the documents")
        if self.speedup is not None:
            said.append(f"{self.speedup:.2f} times as fast")
        return "; ".join(said)


class Original:
    """The bundle on dev data: scored once, however many exports are compared with it.

    Args:
        predictor: Of the bundle.
        data: By task.
        seed: Of the bootstrap.
    """

    def __init__(self, predictor: Predictor, data: Mapping[str, Source], *, seed: int) -> None:
        self._predictor, self._data, self._seed = predictor, data, seed
        self._scored = {name: _scored(predictor, name, source, seed) for name, source in data.items()}

    def compared(self, exported: Predictor) -> dict[str, Parity]:
        """An export on the same data, by task."""
        return {name: self._compared(exported, name, source) for name, source in self._data.items()}

    def timed(self, exported: Predictor, parity: Mapping[str, Parity]) -> dict[str, Parity]:
        """The same comparison with how many times as fast the export is, by task."""
        return {
            name: replace(one, speedup=_speedup(self._predictor.only([name]), exported.only([name]), self._data[name]))
            for name, one in parity.items()
        }

    def _compared(self, exported: Predictor, name: str, source: Source) -> Parity:
        scorer, said = self._scored[name]
        other, others = _scored(exported, name, source, self._seed)
        (before, statistic), (after, other_statistic) = scorer.paired(), other.paired()
        found = compare(before, after, statistic, other=other_statistic).difference
        value = float(statistic(before.sums_K))
        points = self._predictor.tasks[name].in_points
        return Parity(
            main=scorer.main_metric,
            before=value,
            after=value - found.value,
            drop=found.value * points,
            interval=(found.low * points, found.high * points),
            units=before.units,
            agreement=_agreement(said, others),
            data=name_of(source),
        )


def _agreement(said: Sequence[int | None], others: Sequence[int | None]) -> float | None:
    pairs = [(one, two) for one, two in zip(said, others, strict=True) if one is not None or two is not None]
    return sum(one == two for one, two in pairs) / len(pairs) if pairs else None


def _scored(predictor: Predictor, name: str, source: Source, seed: int) -> tuple[DocumentScorer, list[int | None]]:
    """A scorer that has seen the data, and a number for what is said of each document; None where that is a number.

    Raises:
        InputError: Nothing in the data is labelled.
    """
    scorer = predictor.tasks[name].scorer(seed=seed)
    said: list[int | None] = []
    for document, found in predictor.only([name]).predict(documents_of(source)):
        scorer.add(document, found[name])
        results = [_said(one) for one in results_of(document, found)]
        is_number = bool(results) and not any(cells for one in results for cells in one.values())
        said.append(None if is_number else hash(repr(results)))
    if not scorer.paired()[0].units:
        raise InputError("nothing labelled to score", where=name_of(source))
    return scorer, said


def _said(result: AnnotatedText) -> dict[str, Any]:
    """What each task of a result says in short: the best answer, not the candidates; of a number nothing."""
    return {name: _without_numbers(render_of(one).cells(result.text, one)) for name, one in result.tasks.items()}


def _without_numbers(value: object) -> object:
    """A record without its probabilities."""
    if isinstance(value, Mapping):
        return {key: _without_numbers(one) for key, one in value.items() if not isinstance(one, float)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_without_numbers(one) for one in value]
    return value


def _speedup(one: Predictor, two: Predictor, source: Source) -> float:
    """How many times as fast the second answers, on the first documents."""
    documents = _first(source, _TIMED)
    ratios = []
    for _ in range(_ROUNDS + 1):
        slow, fast = _seconds(one, documents), _seconds(two, documents)
        ratios.append(slow / fast)
    return statistics.median(ratios[1:])  # the first round warms up


def _first(source: Source, characters: int) -> list[Document]:
    """The first documents that have so many characters, those of a text again for each of its questions."""
    found, left = [], characters
    for document in documents_of(source):
        if left <= 0:
            break
        found.append(document)
        left -= len(document.text) * max(len(document.questions or ()), 1)
    return found


def _seconds(predictor: Predictor, documents: Iterable[Document]) -> float:
    begin = time.perf_counter()
    for _ in predictor.predict(documents):
        pass
    return time.perf_counter() - begin
