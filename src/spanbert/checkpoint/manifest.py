"""What spanbert.json, config.json and an index of weights must hold."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from spanbert.core.schema import Count, FileEntry, FileName, Schema, TaskName

_MOST_LABELS = 1_000_000
ExportRuntime = Literal["onnx", "openvino", "torch", "ctranslate2"]
ExportPrecision = Literal["float32", "bfloat16", "int8"]


class TaskEntry(Schema):
    """What a manifest says of any task, whatever its kind.

    Attributes:
        kind: Which kind.
        named: Its head lies among the weights, under Hugging Face's names.
        scores: Its figures.
    """

    kind: str
    named: bool = False
    scores: dict[str, Any] = Field(default={})


class DataFacts(Schema):
    """What a model was trained on."""

    name: str | None = None
    licence: str | None = None
    base_licence: str | None = None
    languages: list[str] | None = None
    datasets: list[str] | None = None
    dev: dict[str, str] | None = None
    fingerprint: str | dict[str, str] | None = None
    pieces: Count | None = None
    sizes: dict[str, dict[str, Any]] = Field(default={})
    text: dict[str, Any] | None = None


class TrainingFacts(Schema):
    """How a run ended."""

    step: Count = 0
    tokens: Count = 0
    seconds: float = Field(default=0.0, ge=0)
    stopped_by: str | None = None
    weights_of_step: Count | None = None


class WrittenFacts(Schema):
    """What an exported model that writes may write.

    Attributes:
        longest: Pieces of what it writes at most.
        forbidden: Ids of its vocabulary that it may not write.
    """

    longest: Count
    forbidden: list[Count]


class ExportFacts(Schema):
    """How an exported model was made.

    Attributes:
        runtime: What runs it.
        precision: Of its products.
        kept_float32: The products that are float32 all the same.
        sbo_positions: Rows of the SBO's position table, 0 without such a head; None: it fills no blanks.
        parameters: Of the bundle that it was made of.
        calibrated_on: By task, the texts whose values int8 was set by.
        parity: What the export was found to cost on dev data.
        unscored: What answers in this precision and was not compared with the bundle.
        timed_on: The processor that parity was timed on.
        memory: Of a process that answers, in bytes at its peak: `before`, with the bundle, and `after`.
        written: What it may write; None: it writes nothing.
    """

    runtime: ExportRuntime
    precision: ExportPrecision
    kept_float32: list[str] = Field(default=[])
    sbo_positions: Count | None = None
    parameters: Count = 0
    calibrated_on: dict[str, str] = Field(default={})
    parity: dict[str, Any] = Field(default={})
    unscored: list[str] = Field(default=[])
    timed_on: str = ""
    memory: dict[str, Count] | None = None
    written: WrittenFacts | None = None


class Manifest(Schema):
    """spanbert.json."""

    format: int
    spanbert_version: str | None = None
    files: dict[FileName, FileEntry] = Field(min_length=1)
    tasks: dict[TaskName, TaskEntry] = Field(default={})
    base: str | None = None
    base_model: str | None = None
    data: DataFacts = DataFacts()
    recipe: dict[str, Any] = Field(default={})
    training: TrainingFacts = TrainingFacts()
    export: ExportFacts | None = None


class HuggingFaceConfig(Schema):
    """config.json, as far as it is read here; what the encoder reads of it, `encoder.config` checks."""

    model_type: str | None = None
    architectures: list[str] | None = None
    id2label: dict[str, str | int] | None = None
    num_labels: int | None = Field(default=None, ge=1, le=_MOST_LABELS)
    problem_type: str | None = None
    pad_token_id: Count | None = None


class WeightIndex(Schema):
    """`model.safetensors.index.json`."""

    weight_map: dict[str, FileName] = Field(min_length=1)
