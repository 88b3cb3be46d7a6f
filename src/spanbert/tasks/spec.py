"""What the rest of the program must know of a kind of task: its `TaskSpec`, torch-free and cheap to import.

A new task is a folder with a spec and one line in `tasks.registry`. Classes that cost more than a moment to import are
named (`"package.module:Class"`) and imported when they are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from spanbert.core.config import Config
from spanbert.corpus.text.division import Documents
from spanbert.tasks.entry import TextTaskEntry

if TYPE_CHECKING:
    from spanbert.core.types import Facts
    from spanbert.tasks.base import TextTaskBase
    from spanbert.tasks.explain import TaskExplainer
    from spanbert.tasks.exported import ExportedHead
    from spanbert.tasks.protocol import TextTask
    from spanbert.tasks.render import TaskRender
    from spanbert.tasks.service import TaskService
    from spanbert.tasks.survey import Survey

Need = Literal["pair", "question", "entities"]
Product = str  # labels, tags, spans, answers, clusters, relations, or what else a kind finds
Verb = Literal["finetune", "doctor", "evaluate", "predict"]


@dataclass(frozen=True, kw_only=True)
class TaskOption:
    """An option of the command line that sets a setting of a kind of task.

    Attributes:
        flag: With its dashes.
        setting: Which setting of the kind.
        help: Without the kind's name.
        default: The default that the help shows; None: the help shows none.
        value: What a switch sets; None: the option takes a value.
        type: Of the value.
        least: The smallest number.
        verbs: The verbs that have it.
    """

    flag: str
    setting: str
    help: str
    default: str | None = None
    value: object = None
    type: type[str] | type[int] | type[float] = str
    least: int | None = None
    verbs: tuple[Verb, ...]


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """A kind of task, or a variant of one.

    Attributes:
        kind: Its name on the command line, in settings and in bundles.
        variant: A setting of the kind, and a key of a manifest, that asks for this spec instead of the plain one of the
            kind (`nested`); None: this is the plain one.
        title: What it is called, in English.
        title_zh: The same in Chinese.
        config: Its settings, a section of those of `finetune`.
        entry: What a manifest says of such a task.
        task: The class of the task (`TextTaskBase`).
        check: The class that looks for faults of its data (`Survey`).
        render: The class that shows its results and scores (`TaskRender`).
        exported: The class of its head in an exported model (`ExportedHead`); None: it cannot be exported.
        result: The type of its predictions, which no other kind has.
        service: The class that says how it is asked over HTTP (`TaskService`); None: by texts, with records.
        explain: The class that finds the scores behind its results (`TaskExplainer`); None: they cannot be explained.
        needs: What it reads of a document in addition to the text; `pair` only if all its tasks read two texts.
        produces: What it finds; the results of a kind that produces `spans` have them as `spans`.
        formats: Names of the formats that it is trained on and scored by, in the order in which they are tried.
        same_head: Keys of a manifest that must agree for a new task to continue with the head of an earlier one.
        main_metric: The score by which models are chosen, where its settings name no other.
        slug: What the Hugging Face hub calls such tasks, where it has names for their heads too (`checkpoint.names`).
        hub_task: What the hub calls such tasks, where it has a name for them but none for their heads.
        files: These formats in words, for the help.
        input: The name of an input file in examples.
        reads: What a document is in plain text to be read, unless the user says it: a line, or for tasks that need
            all of a text the whole file.
        epochs: Epochs of training if no budget is given.
        companion: What the second file of its data holds, where it may come as two files line by line (`target`, for
            the options `--target`, `--train-target` and so on); None: its data is one file.
        examples_a_step: How many windows a step of training reads where no other number is asked for.
        enough_tokens: A step needs no more tokens than about so many, since the task learns from each token: it reads
            fewer windows where they are long; None: the number of windows alone counts.
        fewest_examples: How many windows it reads even so.
        tokens_a_step: How many tokens it reads at most instead, those of its windows and those that its head writes;
            None: steps are counted in windows.
        options: Options of the command line.
        aliases: Other names that people give it, each with the settings that the name asks for (a name of parts of
            speech asks for their column).
        examples: For the help of a verb, (comment, command) pairs.
    """

    kind: str
    variant: str | None = None
    title: str
    title_zh: str
    config: type[Config]
    entry: type[TextTaskEntry] = TextTaskEntry
    task: str
    check: str
    render: str
    result: str
    service: str | None = None
    explain: str | None = None
    exported: str | None = None
    needs: frozenset[Need] = frozenset()
    produces: frozenset[Product]
    formats: tuple[str, ...]
    same_head: tuple[str, ...] = ("labels",)
    main_metric: str
    slug: str | None = None
    hub_task: str | None = None
    files: str
    input: str = "texts.txt"
    reads: Documents = "line"
    epochs: float = 3.0
    companion: str | None = None
    examples_a_step: int = 16
    enough_tokens: int | None = None
    fewest_examples: int = 1
    tokens_a_step: int | None = None
    options: tuple[TaskOption, ...] = ()
    aliases: Mapping[str, Facts] = field(default_factory=dict)
    examples: Mapping[Verb, tuple[tuple[str, str], ...]]

    def task_class(self) -> type[TextTaskBase]:
        """The class of the task."""
        found: type[TextTaskBase] = _imported(self.task)
        return found

    def check_class(self) -> type[Survey[Any]]:
        """The class that looks for faults of its data."""
        found: type[Survey[Any]] = _imported(self.check)
        return found

    def renderer(self) -> TaskRender[Any]:
        """What shows its results and scores."""
        found: TaskRender[Any] = _imported(self.render)()
        return found

    def serving(self) -> TaskService[Any]:
        """How it is asked over HTTP."""
        from spanbert.tasks.service import RecordService

        if self.service is None:
            return RecordService(self.kind, self.renderer())
        found: TaskService[Any] = _imported(self.service)()
        return found

    def explainer(self, task: TextTask) -> TaskExplainer[Any, Any]:
        """What finds the scores behind the results of a task of this kind, which has such."""
        assert self.explain is not None
        found: TaskExplainer[Any, Any] = _imported(self.explain)(task)
        return found

    def exported_class(self) -> type[ExportedHead] | None:
        """The class of its head in an exported model; None: it cannot be exported."""
        found: type[ExportedHead] | None = None if self.exported is None else _imported(self.exported)
        return found

    def is_meant_by(self, facts: Facts) -> bool:
        """Whether settings of the kind, or an entry of a manifest, ask for this variant."""
        return self.variant is not None and bool(facts.get(self.variant))


def also_called(*names: str, **settings: object) -> dict[str, Facts]:
    """Other names of a kind, for its `aliases`.

    Args:
        names: The names.
        settings: What they all ask for.
    """
    return dict.fromkeys(names, settings)


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
