"""Between bundles and the model of fine-tuning: what training begins with, and what it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from spanbert.checkpoint import names, tensors
from spanbert.checkpoint.bundle import BundleFiles
from spanbert.checkpoint.hub_facts import inherited
from spanbert.core.reporter import Reporter
from spanbert.core.seeding import keyed_seed
from spanbert.core.types import Facts
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.model import load_encoder
from spanbert.encoder.saving import SavedModel
from spanbert.inference.heads import head_weights, start_from_pooler, stored_head
from spanbert.inference.loading import task_to_go_on_with
from spanbert.tasks.card import task_card
from spanbert.tasks.head import Head
from spanbert.tasks.joint import JointTask
from spanbert.tasks.pretrain.heads import SBO_PREFIX, TASK
from spanbert.tasks.protocol import TextTask
from spanbert.tokens.tokenizer import TokenizerAdapter
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.model import TaskModel
from spanbert.train.outcome import Outcome
from spanbert.train.pretrain_bundle import head_of_checkpoint
from spanbert.train.run import portable, trained_manifest


def build_joint_model(
    joint: JointTask, files: BundleFiles, config: FinetuneConfig, reporter: Reporter
) -> tuple[TaskModel, dict[str, Tensor]]:
    """The encoder with a head for each task, and the tensors of its MLM and SBO heads if they are kept.

    A head is new unless the checkpoint has one for a task of the same kind with the same labels. Where text is learned
    too, the MLM and SBO heads are trained among the others, and nothing is kept as it was.
    """
    torch.manual_seed(keyed_seed(config.train.seed, "initialisation"))
    changes: dict[str, Any] = {} if config.hidden_dropout is None else {"hidden_dropout": config.hidden_dropout}
    added = [piece for task in joint.tasks.values() for piece in task.added_token_ids]
    encoder, given = load_encoder(files, pieces=max(added) + 1 if added else None, **changes)
    encoder.checkpointing = config.train.gradient_checkpointing
    heads = joint.build_head(encoder.config)
    for name, head in heads.items():
        task = joint.tasks[name]
        earlier = task_to_go_on_with(files, name, task.spec, task.manifest())
        if earlier is None:
            start_from_pooler(head, encoder)
        else:
            assert isinstance(head, Head)
            head.load_stored(stored_head(files, earlier, head, given, encoder), where=str(files.path))
            reporter.say(f"{name}: continues with the checkpoint's head for {earlier}")
    kept: dict[str, Tensor] = {}
    if config.keep_heads or joint.text is not None:
        kept = {
            name: _with_new_pieces(name, tensor, encoder.config.vocab_size)
            for name, tensor in {**given, **tensors.read_head(files, TASK)}.items()
            if name.startswith(("mlm.", "sbo."))
        }
    if joint.text is not None:
        heads[TASK] = head_of_checkpoint(joint.text, encoder, kept, where=str(files.path), reporter=reporter)
        kept = {}
    return TaskModel(joint, encoder, heads, freeze_encoder=config.freeze_encoder), kept


def heads_of(model: TaskModel) -> dict[str, Head[Any]]:
    """The heads of a model of several tasks, by name."""
    assert isinstance(model.head, nn.ModuleDict)
    found: dict[str, Head[Any]] = {}
    for name, head in model.head.items():
        if name != TASK:
            assert isinstance(head, Head)
            found[name] = head
    return found


def _trained_on_text(model: TaskModel) -> dict[str, Tensor]:
    """The tensors of the MLM and SBO heads that were trained among the others."""
    assert isinstance(model.head, nn.ModuleDict)
    return dict(model.head[TASK].state_dict()) if TASK in model.head else {}


def _with_new_pieces(name: str, tensor: Tensor, pieces: int) -> Tensor:
    """A kept head's bias over the vocabulary; new pieces are as improbable as the most improbable one."""
    if name.removeprefix("mlm.").removeprefix("sbo.") != "bias" or len(tensor) >= pieces:
        return tensor
    return torch.cat([tensor, tensor.min().expand(pieces - len(tensor))])


def write_finetuned(
    target: Path,
    title: str,
    model: TaskModel,
    tasks: Mapping[str, TextTask],
    tokenizer: TokenizerAdapter,
    *,
    facts: Mapping[str, Any],
    files: BundleFiles,
    base: str,
    base_id: str | None,
    kept: Mapping[str, Tensor],
    sizes: Mapping[str, Mapping[str, int]],
    scores: Mapping[str, Mapping[str, Any]],
    text: Facts | None,
    lines: list[str],
    config: FinetuneConfig,
    outcome: Outcome,
) -> None:
    """Writes encoder and heads as a bundle.

    The first task that Hugging Face has names for gets them, and config.json names its class, unless the encoder
    computes something else there.
    """
    encoder, heads = model.encoder, heads_of(model)
    shape = encoder.config
    same_elsewhere = shape.kind == "transformer" and shape.attention_span is None
    kept = {**kept, **_trained_on_text(model)}
    named = next((name for name, task in tasks.items() if same_elsewhere and task.spec.slug is not None), None)
    weights = {name: tensor for name, tensor in encoder.state_dict().items() if not name.startswith("pooler.")}
    weights |= {name: tensor for name, tensor in kept.items() if name.startswith("mlm.")}
    other = {f"{SBO_PREFIX}{name}": tensor for name, tensor in kept.items() if name.startswith("sbo.")}
    for name in tasks:
        state = head_weights(name, heads[name], named=name == named, family=shape.family)
        (weights if name == named else other).update(state)
    entries = {
        name: {**task.manifest(), "named": name == named, "scores": _figures(scores.get(name, {}))}
        for name, task in tasks.items()
    }
    if kept:
        entries[TASK] = {"kind": TASK, "scores": dict(scores.get(TASK, {}))}
    passed_on = inherited(files)
    data = {
        "name": ", ".join(one["train"]["name"] for one in facts["tasks"].values()),
        "licence": config.licence,
        "languages": list(config.languages) if config.languages is not None else passed_on["languages"],
        "dev": {name: one["dev"]["name"] for name, one in facts["tasks"].items() if one["dev"] is not None},
        "base_licence": files.manifest.get("data", {}).get("licence"),
        "fingerprint": {name: one["train"]["sha256"] for name, one in facts["tasks"].items()},
        "sizes": dict(sizes),
        **({} if text is None else {"text": dict(text)}),
    }
    slug = tasks[named].spec.slug if named is not None else None
    said = tasks[named].hugging_face_config() if named is not None else {}
    architecture = [names.FAMILIES[shape.family].architecture(slug)] if slug is not None else []
    base_model = base_id or passed_on["base_model"]
    saved = SavedModel(
        shape=shape,
        weights=weights,
        slug=slug,
        heads=other,
        tokenizer=tokenizer,
        assets={name: task.assets for name, task in tasks.items()},
        card=task_card(
            title=title,
            what=f"An encoder fine-tuned with spanbert for {_what(tasks)}",
            entries={name: entries[name] for name in tasks},
            named=named,
            positions=shape.longest_segment,
            loads=_loads(shape, architecture, len(tasks)),
            base=base,
            base_model=base_model,
            data=data,
            recipe=yaml.safe_dump(portable(config.model_dump(mode="json")), sort_keys=False),
            scores=lines,
        ),
    )
    stated = {**shape.to_hugging_face(special=tokenizer.special), "architectures": architecture, **said}
    manifest = trained_manifest(entries, base=base, base_model=base_model, data=data, config=config, outcome=outcome)
    saved.write_bundle(target, config=stated, manifest=manifest)


def _figures(scores: Mapping[str, Any]) -> dict[str, Any]:
    """The scores for a manifest: figures, intervals and the signature, not tables."""
    return {name: value for name, value in scores.items() if isinstance(value, int | float | str) or name == "interval"}


def _what(tasks: Mapping[str, TextTask]) -> str:
    return ", ".join(f"{task.spec.title} ({name})" for name, task in tasks.items())


def _loads(shape: EncoderConfig, architecture: list[str], tasks: int) -> str:
    if architecture:
        others = "" if tasks == 1 else "; the other heads are in `heads.safetensors`, which only spanbert loads"
        return f"`transformers` loads it as `{architecture[0]}`{others}."
    if shape.kind != "transformer":
        return "Only spanbert loads this directory: its layers have no name elsewhere."
    if shape.attention_span is not None:
        return (
            "Only spanbert loads the heads of this directory. `transformers.AutoModel` loads the encoder's weights, "
            "but attends within the whole text, so that its hidden states differ."
        )
    return "Only spanbert loads the heads of this directory; `transformers.AutoModel` loads its encoder."
