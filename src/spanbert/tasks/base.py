"""What the tasks on labelled texts have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

from pydantic import Field
from typing_extensions import override

from spanbert.batches.examples import Framer, Window
from spanbert.batches.windows import cut_windows
from spanbert.core.config import Config
from spanbert.core.errors import InputError
from spanbert.core.types import Document, Facts, IntArray, Record, Scores
from spanbert.corpus.formats.data_file import DataFile
from spanbert.encoder.config import EncoderConfig
from spanbert.scores.scorer import figure_lines
from spanbert.tasks.protocol import Decoder, HeadContext, TextTask, Tuner, WindowedDocument
from spanbert.tasks.spec import TaskSpec
from spanbert.tokens.pieces import read_pieces
from spanbert.tokens.tokenizer import TokenizerAdapter

_SHORTEST = 16


class WindowConfig(Config):
    """How long texts are read.

    Attributes:
        length: Tokens of a window, specials included; None: what suits the task, at most the model's positions.
        overlap: Tokens that a window shares with the one before it.
    """

    length: int | None = Field(default=None, ge=_SHORTEST)
    overlap: int = Field(default=128, ge=0)

    def fit(self, positions: int, *, usual: int) -> tuple[int, int]:
        """Length and overlap for a model.

        Args:
            positions: Longest segment that the model reads.
            usual: The length that suits the task.

        Raises:
            InputError: Longer than the model's positions, or an overlap that leaves nothing to read.
        """
        length = min(usual, positions) if self.length is None else self.length
        if length > positions:
            raise InputError(
                "windows longer than the model's positions",
                where="window.length",
                got=str(length),
                expected=f"at most {positions}",
            )
        if self.length is not None and self.overlap > length // 2:
            raise InputError(
                "windows that overlap by more than half",
                where="window.overlap",
                got=str(self.overlap),
                expected=f"at most {length // 2}",
            )
        return length, min(self.overlap, length // 2)


class _Collected(Decoder):
    """Holds the outputs of all windows, for tasks that decode them together.

    Args:
        decode: Outputs to a prediction.
    """

    def __init__(self, decode: Callable[[Sequence[Any]], Any]) -> None:
        self._decode = decode
        self._outputs: list[Any] = []

    @override
    def add(self, output: Any) -> None:
        self._outputs.append(output)

    @override
    def finish(self) -> Any:
        return self._decode(self._outputs)


class TextTaskBase(TextTask):
    """Reads one text in windows; the figures of the main score, in lines.

    Args:
        name: Its name in the bundle.
        tokenizer: The model's.
        window: Tokens of a window and of the overlap.
    """

    spec: ClassVar[TaskSpec]
    unit: ClassVar[str]
    main_metric: str
    in_points = 100.0
    shares_encoder_pass: bool = True
    reads_pairs: bool | None = False
    threshold: float | None = None
    runtime_options: ClassVar[tuple[str, ...]] = ()
    added_token_ids: Sequence[int] = ()
    assets: Mapping[str, Path | bytes] = MappingProxyType({})
    config: Any  # the settings of its kind, a `Config`
    open: Callable[[Any, Path], DataFile]  # (options, path): the file as the kind reads it

    def __init__(self, name: str, tokenizer: TokenizerAdapter, window: tuple[int, int]) -> None:
        self.name, self.tokenizer, self.window = name, tokenizer, window
        self.main_metric = self.spec.main_metric
        self.framer = Framer(tokenizer)

    @property
    @override
    def kind(self) -> str:
        return self.spec.kind

    @property
    @override
    def entity_types(self) -> frozenset[str]:
        """Empty: it finds no entities."""
        return frozenset()

    @property
    @override
    def generation(self) -> Mapping[str, float] | None:
        """None: its head reads rows."""
        return None

    @override
    def references(self, windowed: WindowedDocument) -> list[IntArray | None]:
        """Nothing: its head does not write."""
        return [None] * len(windowed.windows)

    @override
    def for_report(self) -> TextTask:
        """The task itself."""
        return self

    @override
    def remarks(self, others: Sequence[TextTask]) -> Iterator[str]:
        """Nothing."""
        return iter(())

    @classmethod
    @abstractmethod
    def from_training(
        cls,
        name: str,
        documents: Iterable[Document],
        *,
        config: Any,
        window: WindowConfig,
        tokenizer: TokenizerAdapter,
        positions: int,
    ) -> Self:
        """The task that some training documents define.

        Args:
            name: Its name in the bundle.
            documents: Read once.
            config: The settings of its kind.
            window: How long texts are read.
            tokenizer: The model's; it may get new tokens.
            positions: Longest segment that the model reads.

        Raises:
            InputError: There is nothing to learn.
        """

    @classmethod
    def continued(cls, config: Any, entry: Facts, assets: Mapping[str, Path]) -> Any:
        """The settings of a new task that continues an earlier one of the same kind: by default, as they are.

        Args:
            config: The settings.
            entry: The earlier task's, in the manifest of the model that training starts from.
            assets: The earlier task's own files.
        """
        return config

    @classmethod
    @abstractmethod
    def from_manifest(cls, name: str, entry: Facts, *, tokenizer: TokenizerAdapter, positions: int) -> Self:
        """The task of a bundle, from its entry in the manifest."""

    @classmethod
    def foreign_entry(cls, config: Facts) -> Record:
        """The manifest entry for a Hugging Face directory's task, by its config.json; for kinds with a slug."""
        raise NotImplementedError

    @override
    def hugging_face_config(self) -> Record:
        """The labels."""
        labels = self.manifest().get("labels")
        if labels is None:
            return {}
        return {
            "id2label": {str(number): label for number, label in enumerate(labels)},
            "label2id": {label: number for number, label in enumerate(labels)},
        }

    @staticmethod
    def stored_window(entry: Facts, positions: int) -> tuple[int, int]:
        """The window that a manifest's entry states, no longer than the model's positions."""
        length, overlap = entry["window"]
        return min(length, positions), overlap

    @override
    def manifest(self) -> Record:
        """What every task states; each adds its own."""
        return {
            "kind": self.kind,
            "window": list(self.window),
            "options": self.config.model_dump(mode="json"),
        }

    @override
    def opened(self, path: Path, *, companion: Path | None = None) -> DataFile:
        """By the task's options."""
        return open_as(type(self), self.config, path, companion=companion)

    @override
    def tokenize(self, documents: Sequence[Document]) -> list[WindowedDocument]:
        limit = self.window[0] - self.framer.specials[0]
        overlap = min(self.window[1], limit // 2)
        return [
            WindowedDocument(
                document=document,
                pieces=pieces,
                windows=cut_windows(pieces.word_starts, limit, overlap) or [(0, 0)],  # nothing still has its [CLS]
            )
            for document, pieces in zip(documents, read_pieces(self.tokenizer, documents), strict=True)
        ]

    @override
    def windows(self, windowed: WindowedDocument) -> Iterable[Window]:
        """Each stretch of pieces between special tokens; the same for all tasks that read so."""
        return [self.framer.one(windowed.pieces.ids[start:end]) for start, end in windowed.windows]

    @override
    def decoder(self, windowed: WindowedDocument) -> Decoder:
        """What holds all outputs and then decodes them."""
        return _Collected(partial(self.decode, windowed))

    def decode(self, windowed: WindowedDocument, outputs: Sequence[Any]) -> Any:
        """The prediction for a document from the outputs of its windows; a task has this or a `decoder` of its own."""
        raise NotImplementedError

    @override
    def head_context(self, encoder: EncoderConfig) -> HeadContext:
        return HeadContext(encoder=encoder, tokenizer=self.tokenizer, assets=self.assets)

    @property
    @override
    def comparison_key(self) -> str:
        """The main score."""
        return self.main_metric

    @override
    def check(self, document: Document) -> None:
        """Whatever can be read can be scored."""

    @override
    def tuner(self) -> Tuner | None:
        """Nothing to tune."""
        return None

    @override
    def selection_score(self, scores: Scores) -> float:
        """The main score."""
        return float(scores[self.main_metric])

    @override
    def headline(self, scores: Scores) -> str:
        """The main score."""
        return f"{self.main_metric} {scores[self.main_metric]:.4f}"

    @override
    def score_lines(self, scores: Scores) -> list[str]:
        """The figures, then the signature."""
        return [*figure_lines(scores), *([str(scores["signature"])] if "signature" in scores else [])]


def open_as(made: type[TextTaskBase], config: Any, path: Path, *, companion: Path | None = None) -> DataFile:
    """A file as a kind of task reads it.

    Args:
        made: The class of the task.
        config: The settings of its kind.
        path: The file.
        companion: The file that holds the other side of each line, for kinds that have such.

    Raises:
        InputError: It cannot be used, or the kind reads one file.
    """
    if companion is None:
        return made.open(config, path)
    aligned: Callable[[Any, Path, Path], DataFile] | None = getattr(made, "open_aligned", None)
    if aligned is None:
        raise InputError(
            "a second file", got=str(companion), expected=f"one file for a task of the kind {made.spec.kind}"
        )
    return aligned(config, path, companion)


def changed_config(made: Any, config: Facts, changes: Facts) -> Config:
    """The settings of a trained task with some of them changed.

    Args:
        made: The task, or its class.
        config: Its settings.
        changes: The other values.

    Raises:
        InputError: A setting that its kind does not have, one that cannot change after training, or a bad value.
    """
    kind, kind_options = made.spec.kind, made.spec.config
    for key, value in changes.items():
        if key not in kind_options.model_fields:
            raise InputError(f"a task of the kind {kind} has no {key}", got=f"{key}={value}")
        if key not in made.runtime_options:
            allowed = ", ".join(made.runtime_options) or "nothing"
            raise InputError(f"{kind}.{key} cannot change after training", got=str(value), expected=allowed)
    changed: Config = kind_options.assemble(base={**config, **changes})
    return changed


def foreign_labels(config: Facts) -> list[str]:
    """The labels that a Hugging Face config.json states, in the order of the logits.

    Raises:
        InputError: They are not numbered.
    """
    stated = config.get("id2label")
    count = config.get("num_labels") or 2
    by_number = stated if isinstance(stated, Mapping) else {str(number): f"LABEL_{number}" for number in range(count)}
    try:
        return [str(by_number[str(number)]) for number in range(len(by_number))]
    except KeyError:
        raise InputError(
            "labels that are not numbered from 0 on", where="config.json: id2label", got=str(stated)[:80]
        ) from None
