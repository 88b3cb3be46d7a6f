"""The protocols that every task implements; loop and commands know nothing else about a task.

`Task` is what the training loop needs; `TextTask` adds what a task on labelled texts needs from file to answer:

file --opened--> Documents --tokenize--> pieces --examples--> windows, rows to read, targets     (training)
                                              --windows, rows--> windows, rows to read         (prediction)
encoder(windows) --> hidden states of those rows --head--> a summed loss                       (training)
                                                 --head--> outputs of each window --decode--> prediction
gold and prediction --scorer--> figures --score_lines--> lines
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from spanbert.batches.examples import Example, HeadRows, Window
from spanbert.core.types import Document, IntArray, OutputArray, PackedBatch, Record, Scores, Span
from spanbert.corpus.formats.data_file import DataFile
from spanbert.encoder.config import EncoderConfig
from spanbert.scores.scorer import Scorer
from spanbert.tasks.spec import TaskSpec
from spanbert.tokens.pieces import TokenizedText
from spanbert.tokens.tokenizer import TokenizerAdapter

if TYPE_CHECKING:
    from torch import Tensor, nn

    from spanbert.encoder.model import Encoder
    from spanbert.tasks.head import Head

ItemT_contra = TypeVar("ItemT_contra", contravariant=True)
TargetsT = TypeVar("TargetsT")


@dataclass(frozen=True, kw_only=True, eq=False)
class MicroBatch(Generic[TargetsT]):
    """One micro-batch.

    Attributes:
        inputs: What the encoder reads.
        targets: What the task's loss reads.
        counts: For each objective, the units (the N of its mean) in this batch; known before any forward pass.
        key: Names the batch, so that its dropout is drawn under a key of its own.
        rows: Rows whose hidden states the loss reads, rising; None: all.
    """

    inputs: PackedBatch
    targets: TargetsT
    counts: Mapping[str, int]
    key: tuple[int | str, ...]
    rows: IntArray | None = None


class Task(Protocol[ItemT_contra, TargetsT]):
    """What is learned on the encoder, as the training loop sees it.

    Attributes:
        objectives: Each objective's weight in the loss.
    """

    objectives: Mapping[str, float]

    def collate(self, items: Sequence[ItemT_contra]) -> MicroBatch[TargetsT]:
        """Makes one micro-batch; a pure function of the items."""

    def loss(self, encoder: Encoder, head: nn.Module, hidden_RD: Tensor, targets: TargetsT) -> dict[str, Tensor]:
        """The summed loss of each objective, scalars; the loop divides by the step's counts."""

    def head_of(self, head: nn.Module, targets: TargetsT) -> nn.Module:
        """The part of the head that the loss of a micro-batch reads."""

    def head_flops(self, config: EncoderConfig, counts: Mapping[str, int]) -> float:
        """Operations of the heads' forward pass over a micro-batch; 0 where they are next to nothing.

        Args:
            config: The encoder.
            counts: Units of each objective.
        """

    def selection_score(self, scores: Scores) -> float:
        """The figure by which held-out scores are ranked; higher is better."""

    def headline(self, scores: Scores) -> str:
        """The most telling figures in a few words."""


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class WindowedDocument:
    """A document as the encoder will read it.

    Attributes:
        document: The document.
        pieces: Its text as pieces.
        windows: Half-open (start, end) of the pieces in each window.
        split: Its words, once a task has asked for them, by whether marks join words.
    """

    document: Document
    pieces: TokenizedText
    windows: Sequence[tuple[int, int]]
    split: dict[bool, Sequence[Span]] = field(default_factory=dict, init=False)


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Hypothesis:
    """Something that a head wrote.

    Attributes:
        ids: Its pieces by the ids of the head's vocabulary, the end included, (n,).
        score: What it was ranked by, higher is better.
        log_probability: Of all of it, in nats.
    """

    ids: IntArray
    score: float
    log_probability: float


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Generated:
    """What a head wrote for a window.

    Attributes:
        hypotheses: Best first.
        reference: Log probability in nats, and number of pieces, of the text that was given for comparison; None: none
            was.
        attention_TR: How much each piece of the best hypothesis looks at each row of the window, rows of sum 1; None:
            it was not asked for.
    """

    hypotheses: Sequence[Hypothesis]
    reference: tuple[float, int] | None = None
    attention_TR: OutputArray | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Mistake:
    """One wrong prediction, for people who look for its cause.

    Attributes:
        severity: The model's confidence in the wrong prediction.
        where: The document.
        text: The text, or what matters of it.
        gold: What was right.
        predicted: What the model said.
    """

    severity: float
    where: str
    text: str
    gold: str
    predicted: str


class Decoder(Protocol):
    """Makes the prediction for a document from the outputs of its windows, as they come."""

    def add(self, output: Any) -> None:
        """Takes in the output of the next window."""

    def finish(self) -> Any:
        """The prediction; all windows have been taken in."""


class Tuner(Protocol):
    """Finds a threshold on dev data."""

    def add(self, document: Document, prediction: Any) -> None:
        """Takes in one document."""

    def best(self) -> float:
        """The threshold."""


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class HeadContext:
    """What a head is built from.

    Attributes:
        encoder: The encoder's dimensions.
        tokenizer: The model's.
        assets: The task's own files, by name; empty where it has none.
    """

    encoder: EncoderConfig
    tokenizer: TokenizerAdapter
    assets: Mapping[str, Path | bytes] = field(default_factory=dict)


class TextTask(Protocol):
    """A task on labelled texts; built from training documents or from a bundle's entry.

    Attributes:
        spec: What the rest of the program knows about its kind.
        kind: Its name on the command line.
        name: Its name in the bundle.
        unit: What its loss counts: example, word, window.
        main_metric: The score by which models are chosen.
        in_points: What that score is multiplied by to be in points of 100.
        shares_encoder_pass: It reads one text and nothing else, so that several such tasks share one pass of the
            encoder and one list of windows.
        config: The settings of its kind.
        runtime_options: The settings that may be changed for a trained task.
        added_token_ids: Ids of the tokens that the task added to the tokenizer, which the encoder needs embeddings for.
        comparison_key: Equal for models that can be compared: the main score, and what else affects it.
        reads_pairs: It reads two texts; None: one or two.
        window: Tokens of a window, specials included, and of the overlap between two.
        threshold: The score from which something is (or is not) answered; None if there is no such choice.
        assets: Its own files in the bundle, by name: where they are, or what they hold.
        entity_types: Labels of the entities that it finds.
        generation: How its head writes, for heads that write step by step; None: its head reads rows.
    """

    spec: ClassVar[TaskSpec]
    name: str
    unit: ClassVar[str]
    main_metric: str
    in_points: ClassVar[float]
    shares_encoder_pass: bool
    reads_pairs: bool | None
    config: Any
    runtime_options: ClassVar[tuple[str, ...]]
    added_token_ids: Sequence[int]
    window: tuple[int, int]
    threshold: float | None
    assets: Mapping[str, Path | bytes]

    @property
    def kind(self) -> str:
        """See above."""

    @property
    def comparison_key(self) -> str:
        """See above."""

    @property
    def entity_types(self) -> frozenset[str]:
        """See above."""

    @property
    def generation(self) -> Mapping[str, float] | None:
        """See above."""

    def opened(self, path: Path, *, companion: Path | None = None) -> DataFile:
        """A file as the task reads it; format, columns and so on are detected here, once.

        Args:
            path: The file.
            companion: The file that holds the other side of each line, where there is one.

        Raises:
            InputError: It cannot be used.
        """

    def is_labelled(self, document: Document) -> bool:
        """Whether there is something to score in a document."""

    def check(self, document: Document) -> None:
        """Refuses gold that predictions could not be compared with.

        Raises:
            InputError: Such gold; names file and line.
        """

    def tokenize(self, documents: Sequence[Document]) -> list[WindowedDocument]:
        """Tokenises documents and cuts them into windows."""

    def windows(self, windowed: WindowedDocument) -> Iterable[Window]:
        """The windows of a document as the encoder reads them for a prediction, in order."""

    def rows(self, windowed: WindowedDocument) -> Iterable[HeadRows]:
        """What the head is asked about each of these windows."""

    def references(self, windowed: WindowedDocument) -> list[IntArray | None]:
        """What a head that writes should have written for each of these windows, where that is known."""

    def examples(self, windowed: WindowedDocument) -> list[Example]:
        """The training examples of a document; none if it has no gold."""

    def head_context(self, encoder: EncoderConfig) -> HeadContext:
        """What its head is built from, on an encoder of these dimensions."""

    def build_head(self, context: HeadContext) -> Head[Any]:
        """A new head."""

    def decoder(self, windowed: WindowedDocument) -> Decoder:
        """What makes the prediction for a document, window by window, so that few outputs are held at once."""

    def for_report(self) -> TextTask:
        """The task as it predicts for reports, where results may hold more than else."""

    def scorer(self, *, seed: int = 0) -> DocumentScorer:
        """A scorer of documents and their predictions."""

    def tuner(self) -> Tuner | None:
        """A tuner for the task's threshold; None if there is none to tune."""

    def mistakes(self, document: Document, prediction: Any) -> Iterator[Mistake]:
        """What is wrong in a prediction."""

    def manifest(self) -> Record:
        """What a bundle must state for the task to be built again."""

    def hugging_face_config(self) -> Record:
        """The task's entries in config.json: labels and the like, as Hugging Face's classes read them."""

    def remarks(self, others: Sequence[TextTask]) -> Iterator[str]:
        """What users should know when it is trained together with other tasks."""

    def selection_score(self, scores: Scores) -> float:
        """As in `Task`."""

    def headline(self, scores: Scores) -> str:
        """As in `Task`."""

    def score_lines(self, scores: Scores) -> list[str]:
        """The figures in lines for people."""


class DocumentScorer(Scorer, Protocol):
    """A scorer that knows where a document holds its gold."""

    def add(self, document: Document, prediction: Any) -> None:
        """Takes in one document; one without gold is left out."""
