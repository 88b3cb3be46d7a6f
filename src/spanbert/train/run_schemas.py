"""What the files of a run must hold before `--resume`, a tuning or a report reads them."""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, ConfigDict, Field

from spanbert.core.schema import Count, NumberName, Schema, TaskName


class _Exact(Schema):
    """No other keys: they are arguments of what is built from it."""

    model_config = ConfigDict(extra="forbid")


class _Settings(Schema):
    train: dict[str, Any]


class _SourceFacts(Schema):
    name: str


class _TaskFacts(Schema):
    kind: str
    train: _SourceFacts | None = None
    dev: _SourceFacts | None = None


class _TuningFacts(Schema):
    budget: str


class RunFacts(Schema):
    """run.json."""

    model: str | None = None
    processes: int = Field(default=1, ge=1)
    settings: _Settings
    tasks: dict[TaskName, _TaskFacts] = Field(default={})
    tuning: _TuningFacts | None = None


class _Progress(_Exact):
    step: Count
    tokens: Count
    seconds: float = Field(ge=0)


class _Position(_Exact):
    """`PlanPosition`, by its names of today or those of earlier versions."""

    epoch: Count = 0
    shard_window: Count = 0
    item: Count = 0
    window: Count = 0
    pack: Count = 0
    parts: list[_Position] = Field(default=[])


class StateFacts(Schema):
    """state.json of training/last."""

    progress: _Progress
    position: _Position
    last_scores: dict[str, Any]
    scored_at: Count | None
    to_beat: float | None
    without_gain: Count


class BestFacts(_Exact):
    """state.json of training/best; earlier versions said goodness."""

    step: Count
    selection_score: float = Field(validation_alias=AliasChoices("selection_score", "goodness"))
    scores: dict[str, Any]


class LogLine(Schema):
    """A line of metrics.jsonl or evaluations.jsonl."""

    step: Count


class MetricsLine(LogLine):
    """A line of metrics.jsonl: figures alone."""

    __pydantic_extra__: dict[str, float] = Field(init=False)


class MistakeLine(Schema):
    """A line of mistakes.jsonl."""

    task: str
    text: str


class _Score(_Exact):
    share: float = Field(gt=0, le=1)
    step: Count | None
    score: float | None


class _Trial(_Exact):
    name: NumberName
    settings: dict[str, float]
    scores: list[_Score]


class TuningRecord(Schema):
    """tuning.json."""

    best: NumberName | None
    trials: list[_Trial] = Field(min_length=1)


class SeedsRecord(Schema):
    """seeds.json."""

    best: int
    spread: dict[TaskName, dict[str, dict[str, Any]]]


class _TaskScores(Schema):
    interval: dict[str, list[float]]
    main: str


class ScoresRecord(Schema):
    """scores.json and end_to_end.json: by task; empty where nothing was scored."""

    __pydantic_extra__: dict[str, _TaskScores] = Field(init=False)
