"""All settings of `spanbert finetune`, put together from those of the packages it uses."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

from pydantic import ConfigDict, Field, ModelWrapValidatorHandler, SerializeAsAny, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError
from typing_extensions import override

from spanbert.core.config import Config, parse_override
from spanbert.core.errors import InputError
from spanbert.core.types import Facts
from spanbert.tasks.base import WindowConfig
from spanbert.tasks.registry import kinds, spec_of, specs
from spanbert.train.config import OptimConfig, TrainConfig


class ExampleBatchConfig(Config):
    """What a step reads.

    Attributes:
        examples: Examples a step (windows of long texts are examples too); None: 16, of long texts to be tagged as many
            as have about 1,024 tokens, of documents for coreference as many as have 3,000 and at least 2, for
            translation as many as `tokens` allows.
        tokens: Of translation, tokens a step at most, source and target together; None: 4,096.
        temperature: With several tasks: 1 draws them by their steps in an epoch, larger more evenly.
        prefetch: Steps made ahead.
    """

    examples: int | None = Field(default=None, ge=1)
    tokens: int | None = Field(default=None, ge=1)
    temperature: float = Field(default=2.0, ge=1)
    prefetch: int = Field(default=4, ge=1)

    def examples_of(self, kind: str, tokens: float = 0.0) -> int:
        """Examples a step of a task of this kind.

        Args:
            kind: The kind.
            tokens: Of an example, on average; 0 where that is not known yet, which gives the most.
        """
        spec = spec_of(kind)
        if self.examples is not None or spec.enough_tokens is None or not tokens:
            return self.examples or spec.examples_a_step
        return min(spec.examples_a_step, max(spec.fewest_examples, round(spec.enough_tokens / tokens)))

    def tokens_of(self, kind: str) -> int | None:
        """Tokens a step of a task of this kind; None: its steps are counted in examples."""
        usual = spec_of(kind).tokens_a_step
        return None if usual is None or self.examples is not None else self.tokens or usual


class ScratchConfig(Config):
    """The encoder that `--size` starts from scratch; None: as the size has it.

    Attributes:
        vocabulary: Pieces of a tokenizer that is trained on the training texts, or the path of a tokenizer.
        lowercase: Lower-case texts and strip accents, where a tokenizer is trained.
        layers: Layers.
        hidden_size: Width.
        heads: Attention heads.
        feed_forward_size: Width of the feed-forward layers.
        positions: Longest segment.
    """

    vocabulary: int | str = 8000
    lowercase: bool = False
    layers: int | None = Field(default=None, ge=1)
    hidden_size: int | None = Field(default=None, ge=1)
    heads: int | None = Field(default=None, ge=1)
    feed_forward_size: int | None = Field(default=None, ge=1)
    positions: int | None = Field(default=None, ge=3)


class FinetuneOptimConfig(OptimConfig):
    """AdamW as it is used to fine-tune (Devlin et al. 2019, appendix A.3).

    Rates that nobody sets are chosen by the size of the encoder: see `train.usual`.

    Attributes:
        lr: Peak learning rate of the encoder; unless set, by its size (MiniLM 1.5e-4, base 4e-5, large 1.5e-5).
        head_lr: Peak learning rate of the heads; unless set, by the encoder's size; None means `lr`.
        layer_decay: Each layer's rate is that of the layer above times this (Sun et al. 2019); 1: all the same.
    """

    lr: float = Field(default=5e-5, gt=0)
    head_lr: float | None = Field(default=5e-4, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: float = Field(default=0.1, ge=0, lt=1)
    layer_decay: float = Field(default=1.0, gt=0, le=1)


class FinetuneTrainConfig(TrainConfig):
    """The loop.

    Attributes:
        max_epochs: Budget in passes over the training examples.
        least_steps: Steps at least, where the budget is in epochs; without any budget 300.
    """

    max_epochs: float | None = Field(default=None, gt=0)
    least_steps: int = Field(default=0, ge=0)
    evaluate_every: str = "25%"
    checkpoint_every: str = "25%"


class TextConfig(Config):
    """Unlabelled text that is learned beside the tasks, so that the model still fills blanks well.

    Attributes:
        store: The token store of the text; None: none is learned.
        share: Of the steps, those that read text.
        segment_length: Tokens of a segment of text, specials included.
        pack_tokens: Tokens of a pack of text; a step has `train.accumulation` of them.
    """

    store: str | None = None
    share: float = Field(default=0.25, gt=0, lt=1)
    segment_length: int = Field(default=128, ge=3)
    pack_tokens: int = Field(default=1024, ge=3)


class FinetuneConfig(Config):
    """All settings of `spanbert finetune`, with a section for each kind of task (`classify`, `tag` and so on).

    The sections are those of the kinds in `tasks.registry`; `of_kind` gives one, and so does an attribute of its name.

    Attributes:
        window: How long texts are read.
        batch: What a step reads.
        optim: Optimiser and schedule.
        train: Budget, intervals, seed.
        scratch: The encoder, where there is no checkpoint.
        text: Text that is learned beside the tasks.
        hidden_dropout: Dropout of encoder and heads; None: the checkpoint's.
        freeze_encoder: Train the heads alone.
        keep_heads: Keep the checkpoint's MLM and SBO heads in the bundle, as they were; the longer the encoder is
            trained, the less they fit it. With `text.store` they are trained along.
        licence: Licence and attribution of the training data, for the model card.
        languages: ISO 639 codes of its texts (`[en]`), for the model card; None: those of the model at the start.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, SerializeAsAny[Config]] = Field(init=False)

    window: WindowConfig = WindowConfig()
    batch: ExampleBatchConfig = ExampleBatchConfig()
    optim: FinetuneOptimConfig = FinetuneOptimConfig()
    train: FinetuneTrainConfig = FinetuneTrainConfig()
    scratch: ScratchConfig = ScratchConfig()
    text: TextConfig = TextConfig()
    hidden_dropout: float | None = Field(default=None, ge=0, lt=1)
    freeze_encoder: bool = False
    keep_heads: bool = False
    licence: str | None = None
    languages: list[str] | None = None

    @classmethod
    def sections(cls) -> dict[str, type[Config]]:
        """The settings of each kind of task."""
        return {kind: spec_of(kind).config for kind in kinds()}

    @model_validator(mode="wrap")
    @classmethod
    def _with_sections(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Reads the section of each kind, with its defaults where nothing is said; other keys are refused."""
        if not isinstance(values, Mapping):
            return handler(values)
        sections = cls.sections()
        own: dict[str, Any] = {}
        problems: list[InitErrorDetails] = []
        for key in values.keys() - cls.model_fields.keys() - sections.keys():
            problems.append({"type": "extra_forbidden", "loc": (key,), "input": values[key]})
        for kind, settings in sections.items():
            try:
                own[kind] = settings.model_validate(values.get(kind, {}))
            except ValidationError as error:
                problems += [_inside(kind, one) for one in error.errors()]
        if problems:
            raise ValidationError.from_exception_data(cls.__name__, problems)
        return handler({**{key: value for key, value in values.items() if key in cls.model_fields}, **own})

    @classmethod
    @override
    def dotted_keys(cls) -> list[str]:
        """The keys of this class and of each kind of task's section."""
        of_kinds = [f"{kind}.{key}" for kind, settings in cls.sections().items() for key in settings.dotted_keys()]
        return [*super().dotted_keys(), *of_kinds]

    @classmethod
    def keys_of(cls, kinds: Collection[str]) -> list[str]:
        """The dotted keys without the sections of other kinds of tasks than these."""
        others = cls.sections().keys() - set(kinds)
        return [key for key in cls.dotted_keys() if key.partition(".")[0] not in others]

    @classmethod
    def require_kinds(cls, overrides: Sequence[str], kinds: Collection[str]) -> None:
        """Refuses settings of kinds that no task has.

        Args:
            overrides: `section.key=value`.
            kinds: Those of the tasks.

        Raises:
            InputError: One of another kind; says which.
        """
        known, own = cls.dotted_keys(), cls.keys_of(kinds)
        for stated in overrides:
            key, _ = parse_override(stated)
            if cls._spelled(key, own) in own:
                continue
            section = cls._spelled(key, known).partition(".")[0]
            if section in cls.sections() and section not in kinds:
                got = f"the kind {' and '.join(sorted(set(kinds)))}"
                raise InputError(f"a setting of the kind {section}", where=f"--set {stated}", got=got)

    @classmethod
    @override
    def is_switch(cls, key: str) -> bool:
        """As that of `Config`, for the sections of kinds of tasks too."""
        kind, _, setting = key.partition(".")
        return cls.sections()[kind].is_switch(setting) if kind in cls.sections() else super().is_switch(key)

    @classmethod
    @override
    def _spelled(cls, key: str, known: Collection[str]) -> str:
        """As that of `Config`; a section may have another name of its kind (`ner.column`)."""
        section, dot, setting = key.partition(".")
        meant = {alias: spec.kind for spec in specs() for alias in spec.aliases}.get(section.lower())
        return super()._spelled(key if meant is None else f"{meant}{dot}{setting}", known)

    def of_kind(self, kind: str) -> Config:
        """The settings of a kind of task.

        Raises:
            InputError: No such kind.
        """
        spec_of(kind)
        found: Config = getattr(self, kind)
        return found

    def with_kind(self, kind: str, settings: Facts) -> Self:
        """The same with other settings of a kind of task.

        Raises:
            InputError: Settings that the kind does not have.
        """
        if not settings:
            return self
        own = type(self.of_kind(kind)).assemble(base={**self.of_kind(kind).model_dump(), **settings})
        return self.model_copy(update={kind: own})

    def with_train(self, **changes: object) -> Self:
        """The same with other settings of the loop."""
        return self.model_copy(update={"train": self.train.model_copy(update=changes)})


def _inside(section: str, error: ErrorDetails) -> InitErrorDetails:
    """An error of a section as one of the whole."""
    kind = PydanticCustomError(error["type"], "{message}", {"message": error["msg"]})
    known = "extra_forbidden" if error["type"] == "extra_forbidden" else kind
    return {"type": known, "loc": (section, *error["loc"]), "input": error["input"]}
