"""`spanbert pretrain`: token store and encoder in, span-pre-trained bundle out.

    OUT/                 the bundle (best held-out weights), written when the run ends or is interrupted
    OUT/metrics.jsonl    one line a step, from the first step on; evaluations.jsonl, tensorboard/, run.json beside it
    OUT/training/        training state: last/ (for --resume) and best/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spanbert import __version__
from spanbert.batches.loader import Loader
from spanbert.batches.masking import MaskingOptions
from spanbert.batches.plan import PackingPlan, PlanPosition
from spanbert.checkpoint import names, tensors
from spanbert.checkpoint.bundle import open_bundle, write_bundle
from spanbert.checkpoint.card import model_card
from spanbert.checkpoint.state import SavedState, load_state
from spanbert.core.config import Config
from spanbert.core.errors import InputError
from spanbert.core.files import only_writer, read_json, sha256_of, write_json
from spanbert.core.progress import Reporter, SilentReporter
from spanbert.core.seeding import keyed_seed
from spanbert.encoder.config import EncoderConfig, Size
from spanbert.encoder.model import Encoder, fill_parameters, load_encoder
from spanbert.tasks.pretrain.heads import PretrainHead
from spanbert.tasks.pretrain.task import PretrainTask, SBOOptions
from spanbert.tokens.store import INDEX_NAME, TokenStore
from spanbert.tokens.tokenizer import TokenizerAdapter, load_tokenizer
from spanbert.train.config import BatchConfig, OptimConfig, TrainConfig
from spanbert.train.evaluation import evaluate
from spanbert.train.loop import Outcome, Trainer
from spanbert.train.model import TaskModel
from spanbert.train.runtime import tune_process

_HELD_OUT_PACK = 4096
_BUDGET_KEYS = ("max_steps", "max_tokens", "max_minutes")


class PretrainConfig(Config):
    """All settings of `spanbert pretrain`.

    Attributes:
        masking: How segments are masked.
        sbo: The span-boundary objective.
        batch: What a step reads.
        optim: Optimiser and schedule.
        train: Budget, intervals, seed.
        freeze_encoder: Train the heads alone.
    """

    masking: MaskingOptions = MaskingOptions()
    sbo: SBOOptions = SBOOptions()
    batch: BatchConfig = BatchConfig()
    optim: OptimConfig = OptimConfig()
    train: TrainConfig = TrainConfig()
    freeze_encoder: bool = False


@dataclass(frozen=True, kw_only=True)
class PretrainResult:
    """What a run left.

    Attributes:
        path: The bundle.
        outcome: How the run ended.
        before: Held-out figures before the first step; empty without held-out documents or on a resumed run.
        lines: The bundle's held-out figures for people.
    """

    path: Path
    outcome: Outcome
    before: Mapping[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)


def pretrain(
    store: str | Path,
    *,
    out: str | Path,
    model: str | Path | None = None,
    size: Size | None = None,
    config: PretrainConfig | None = None,
    resume: bool = False,
    reporter: Reporter | None = None,
) -> PretrainResult:
    """Trains MLM and SBO on a token store (Joshi et al. 2020) and writes a bundle.

    Args:
        store: What `prepare` made.
        out: The bundle to make.
        model: Bundle, Hugging Face directory or hub id to continue from.
        size: Train from scratch at this size instead.
        config: Settings; a budget is required.
        resume: Go on with the interrupted run in `out`; starts it where there is none.
        reporter: Hears about progress.

    Raises:
        InputError: Unusable store, model or settings, or an `out` that is in use.
    """
    reporter, config, target = reporter or SilentReporter(), config or PretrainConfig(), Path(out)
    if (model is None) == (size is None):
        raise InputError("either a model to continue from, or a size to start from scratch", expected="--model or --size")
    tune_process()
    if config.train.threads:
        torch.set_num_threads(config.train.threads)
    tokens = TokenStore(store)
    facts = {
        "store": sha256_of(tokens.path / INDEX_NAME),
        "model": None if model is None else str(model),
        "size": size,
        "settings": config.model_dump(mode="json"),
    }
    with only_writer(target):
        state = _state_to_resume(target, facts, resume)
        adapter = tokens.tokenizer()
        task = PretrainTask(
            adapter, tokens.unigram_counts(), masking=config.masking, sbo=config.sbo, seed=config.train.seed
        )
        task_model = build_model(task, adapter, tokens, model=model, size=size, config=config)
        trainer, plan_held_out = _trainer(task, task_model, tokens, config, target, reporter)
        before: dict[str, Any] = {}
        target.mkdir(parents=True, exist_ok=True)
        write_json(target / "run.json", facts)
        if resume and state is None:
            reporter.say("nothing to resume: starting from the beginning")
        if state is not None:
            trainer.restore(state)
            reporter.say(f"resuming after step {trainer.progress.step:,}")
        elif plan_held_out is not None:
            before = evaluate(task, task_model, plan_held_out, most_tokens=config.train.evaluate_tokens)
            reporter.say("held-out figures before training:")
            for line in task.render(before):
                reporter.say(f"  {line}")
            write_json(target / "before.json", before)
        else:
            reporter.say("the store holds no held-out documents: nothing will be evaluated (prepare with --held-out 1%)")
        outcome = trainer.run()
        best = load_state(target / "training" / "best")
        if best is not None:
            task_model.load_state_dict(best.model)
        scores = outcome.best.scores if outcome.best else {}
        lines = task.render(scores)
        write_pretrained(
            target, task_model, adapter, facts=facts, scores=scores, lines=lines, config=config, store=tokens,
            outcome=outcome,
        )  # fmt: skip
    return PretrainResult(path=target, outcome=outcome, before=before, lines=lines)


def _state_to_resume(target: Path, facts: dict[str, Any], resume: bool) -> SavedState | None:
    """The state to go on from, if there is one; writes nothing.

    Raises:
        InputError: The output directory holds something else, or a run with other settings.
    """
    run_file = target / "run.json"
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        if not resume or not run_file.is_file():
            go_on = "Pass --resume to go on with it, or choose" if run_file.is_file() else "Choose"
            raise InputError("the directory exists already", where=str(target), remedy=f"{go_on} another --out")
        _compare(read_json(run_file), facts, run_file)
    return load_state(target / "training" / "last") if resume else None


def _compare(before: dict[str, Any], now: dict[str, Any], where: Path) -> None:
    """Refuses to resume with other settings; the budget alone may change."""
    then, here = _flatten(before), _flatten(now)
    allowed = {f"settings.train.{key}" for key in _BUDGET_KEYS}
    for key in sorted((then.keys() | here.keys()) - allowed):
        if then.get(key) != here.get(key):
            raise InputError(
                f"the interrupted run has another {key.removeprefix('settings.')}", where=str(where),
                got=repr(here.get(key)), expected=repr(then.get(key)),
                remedy="Pass the same settings to --resume, or choose another --out",
            )  # fmt: skip


def _flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat.update(_flatten(inner, f"{prefix}{key}.") if isinstance(inner, Mapping) else {prefix + key: inner})
    return flat


def build_model(
    task: PretrainTask, adapter: TokenizerAdapter, store: TokenStore, *, model: str | Path | None, size: Size | None,
    config: PretrainConfig,
) -> TaskModel:  # fmt: skip
    """The encoder to train with its heads: those of the checkpoint where it has them, else new ones.

    Raises:
        InputError: The model's tokenizer is not the store's.
    """
    torch.manual_seed(keyed_seed(config.train.seed, "initialisation"))
    given: dict[str, Tensor] = {}
    if model is None:
        assert size is not None
        encoder = Encoder(EncoderConfig.of_size(size, adapter.vocab_size))
    else:
        files = open_bundle(model)
        theirs = load_tokenizer(files.path)
        if theirs.fingerprint != store.fingerprint and theirs.backend.get_vocab() != adapter.backend.get_vocab():
            raise InputError(
                "the store was made with another tokenizer than the model's", where=str(store.path),
                got=f"tokenizer {store.index['tokenizer']['name']!r}, {adapter.vocab_size} pieces",
                expected=f"the tokenizer of {model}", remedy=f"spanbert prepare TEXT --tokenizer {model} --out STORE",
            )  # fmt: skip
        encoder, given = load_encoder(files)
        if files.heads is not None:
            stored = tensors.read_tensors(files.heads)
            given |= {key.removeprefix("tasks.pretrain."): value for key, value in stored.items()}
    task.check(store, encoder)
    if config.batch.segment_length > encoder.config.positions:
        raise InputError(
            "segments longer than the encoder's positions", where="batch.segment_length",
            got=str(config.batch.segment_length), expected=f"at most {encoder.config.positions}",
        )  # fmt: skip
    head = task.build_head(encoder)
    fresh = head.state_dict()
    usable = {name: tensor.float() for name, tensor in given.items() if name in fresh and tensor.shape == fresh[name].shape}
    fill_parameters(head, {**fresh, **usable}, where=str(model))
    return TaskModel(encoder, head, freeze_encoder=config.freeze_encoder)


def _trainer(
    task: PretrainTask, model: TaskModel, store: TokenStore, config: PretrainConfig, target: Path, reporter: Reporter
) -> tuple[Trainer, PackingPlan | None]:
    batch = config.batch
    plan = PackingPlan(
        store, split="train", segment_length=batch.segment_length, pack_tokens=batch.pack_tokens,
        seed=config.train.seed, window_shards=batch.window_shards,
    )  # fmt: skip
    held_out = None
    if store.shard_names("held_out"):  # the same packs whatever the batch, so that runs can be compared
        held_out = PackingPlan(
            store, split="held_out", segment_length=batch.segment_length,
            pack_tokens=max(_HELD_OUT_PACK, batch.segment_length),
        )  # fmt: skip

    def make_loader(start: PlanPosition) -> Loader[Any]:
        return Loader(
            plan, task.encode, packs=batch.packs, accumulation=config.train.accumulation, start=start,
            prefetch=batch.prefetch,
        )  # fmt: skip

    def score() -> dict[str, Any]:
        assert held_out is not None
        return evaluate(task, model, held_out, most_tokens=config.train.evaluate_tokens)

    trainer = Trainer(
        task=task, model=model, make_loader=make_loader, evaluate=score if held_out else None, train=config.train,
        optim=config.optim, directory=target, reporter=reporter,
    )  # fmt: skip
    return trainer, held_out


def write_pretrained(
    target: Path, model: TaskModel, adapter: TokenizerAdapter, *, facts: Mapping[str, Any], scores: Mapping[str, Any],
    lines: list[str], config: PretrainConfig, store: TokenStore, outcome: Outcome,
) -> None:  # fmt: skip
    """Writes encoder and heads as a bundle."""
    encoder, head = model.encoder, model.head
    assert isinstance(head, PretrainHead)
    sources = sorted({Path(source["name"]).name for source in store.index["sources"]})
    data = {
        "name": ", ".join(sources[:4]) + (f" and {len(sources) - 4} more files" if len(sources) > 4 else ""),
        "licence": store.index.get("licence"),
        "pieces": store.count("train", "pieces"),
        "fingerprint": facts["store"],
    }
    base = f"{facts['model']}" if facts["model"] else f"from scratch, size {facts['size']}"
    manifest = {
        "spanbert_version": __version__,
        "tasks": {
            "pretrain": {
                "kind": "pretrain",
                "sbo_positions": config.sbo.positions if head.sbo is not None else 0,
                "sbo_position_size": config.sbo.position_size,
                "scores": dict(scores),
            }
        },
        "base": base,
        "data": data,
        "recipe": config.model_dump(mode="json"),
        "training": {**vars(outcome.progress), "stopped_by": outcome.stopped_by,
                     "weights_of_step": outcome.best.step if outcome.best else outcome.progress.step},
    }  # fmt: skip
    hugging_face = names.to_hugging_face(
        {**encoder.state_dict(), **_part(head, "mlm.")}, encoder.config.layers, tensors.split
    )
    other = {f"tasks.pretrain.{name}": tensor for name, tensor in _part(head, "sbo.").items()}
    card = model_card(
        title=target.name, base=base, data=data, recipe=config.to_yaml(), scores=lines,
        usage=[f'spanbert fill {target.name} "The quick [MASK:1-3] fox" --top-k 5'],
    )  # fmt: skip

    def write_files(directory: Path) -> None:
        tensors.write_tensors(directory / "model.safetensors", hugging_face)
        if other:
            tensors.write_tensors(directory / "heads.safetensors", other)
        adapter.save(directory, longest=encoder.config.positions)
        (directory / "README.md").write_text(card, encoding="utf-8")

    config_json = encoder.config.to_hugging_face(architecture="BertForMaskedLM", pad_id=adapter.special["pad"])
    write_bundle(target, config=config_json, manifest=manifest, write_files=write_files)


def _part(head: nn.Module, prefix: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in head.state_dict().items() if name.startswith(prefix)}
