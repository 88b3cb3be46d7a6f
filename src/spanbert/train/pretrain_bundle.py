"""Between bundles and the model of span pre-training: what training begins with, and what it leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from spanbert.checkpoint import tensors
from spanbert.checkpoint.bundle import open_bundle
from spanbert.checkpoint.card import Card
from spanbert.checkpoint.hub_facts import HubFacts, Result, inherited
from spanbert.core.errors import InputError
from spanbert.core.model_path import hub_id
from spanbert.core.reporter import Reporter
from spanbert.core.seeding import keyed_seed
from spanbert.corpus.raw.hub import PREFIX, HubDataset
from spanbert.encoder.config import EncoderConfig, Size
from spanbert.encoder.model import Encoder, fill_parameters, load_encoder
from spanbert.encoder.saving import SavedModel
from spanbert.inference.loading import stored_tokenizer
from spanbert.tasks.pretrain.heads import HUB_TASK, SBO_PREFIX, TASK, PretrainHead
from spanbert.tasks.pretrain.objectives import PretrainTask
from spanbert.tokens.store import TokenStore
from spanbert.tokens.tokenizer import TokenizerAdapter
from spanbert.train.model import TaskModel
from spanbert.train.outcome import Outcome
from spanbert.train.pretrain_config import PretrainConfig
from spanbert.train.run import portable, trained_manifest


def build_model(
    task: PretrainTask,
    adapter: TokenizerAdapter,
    store: TokenStore,
    *,
    model: str | Path | None,
    size: Size | None,
    config: PretrainConfig,
    reporter: Reporter,
) -> TaskModel:
    """The encoder to train with its heads: each that of the checkpoint where it has one that fits, else new.

    Raises:
        InputError: The model's tokenizer is not the store's.
    """
    torch.manual_seed(keyed_seed(config.train.seed, "initialisation"))
    given: dict[str, Tensor] = {}
    changes = config.encoder.model_dump(exclude_none=True)
    if model is None:
        assert size is not None
        shape = EncoderConfig.of_size(size, adapter.vocab_size, changes.pop("kind", "transformer"))
        encoder = Encoder(shape.changed(**changes))
    else:
        files = open_bundle(model)
        require_same_tokenizer(store, stored_tokenizer(files), str(model))
        kind = changes.pop("kind", None)
        encoder, given = load_encoder(files, **changes)
        if kind not in (None, encoder.config.kind):
            raise InputError(
                "the model's layers are of another kind",
                where="encoder.kind",
                got=repr(kind),
                expected=repr(encoder.config.kind),
                remedy="Start from scratch with --size instead of --model",
            )
        given |= tensors.read_head(files, TASK)
    task.check(store, encoder)
    require_segments(config.batch.segment_length, encoder.config.longest_segment, "batch.segment_length")
    encoder.checkpointing = config.train.gradient_checkpointing
    head = head_of_checkpoint(task, encoder, given, where=str(model), reporter=reporter)
    return TaskModel(task, encoder, head, freeze_encoder=config.freeze_encoder)


def require_same_tokenizer(store: TokenStore, theirs: TokenizerAdapter, model: str) -> None:
    """Makes sure that a store's pieces are those of a model.

    Args:
        store: The store.
        theirs: The model's tokenizer.
        model: What the model is called.

    Raises:
        InputError: They are not.
    """
    if theirs.fingerprint == store.fingerprint:
        return
    own = store.tokenizer()
    if theirs.backend.get_vocab() != own.backend.get_vocab():
        raise InputError(
            "the store was made with another tokenizer than the model's",
            where=str(store.path),
            got=f"tokenizer {store.index['tokenizer']['name']!r}, {own.vocab_size} pieces",
            expected=f"the tokenizer of {model}",
            remedy=f"spanbert prepare TEXT --tokenizer {model} --out STORE",
        )


def require_segments(length: int, longest: int, where: str) -> None:
    """Makes sure that an encoder can read segments of a length.

    Args:
        length: Tokens, specials included.
        longest: Tokens of the encoder's longest segment.
        where: The setting.

    Raises:
        InputError: It cannot.
    """
    if length > longest:
        raise InputError(
            "segments longer than the encoder's positions", where=where, got=str(length), expected=f"at most {longest}"
        )


def head_of_checkpoint(
    task: PretrainTask, encoder: Encoder, given: Mapping[str, Tensor], *, where: str, reporter: Reporter
) -> PretrainHead:
    """The heads of pre-training: each that of the checkpoint where it has one that fits, else new.

    Args:
        task: Builds new ones.
        encoder: What they read.
        given: Tensors of the checkpoint, by our names.
        where: What the checkpoint is called.
        reporter: Is told which it was.
    """
    head = task.build_head(encoder)
    fresh = head.state_dict()
    values = dict(fresh)
    for prefix, label in (("mlm.", "MLM"), ("sbo.", "SBO")):
        wanted = {name for name in fresh if name.startswith(prefix)}
        if not wanted:
            continue
        fits = all(name in given and given[name].shape == fresh[name].shape for name in wanted)
        if fits:
            values.update({name: given[name].float() for name in wanted})
        reporter.say(f"{label} head: {'from the checkpoint' if fits else 'new'}")
    fill_parameters(head, values, where=where)
    return head


def write_pretrained(
    target: Path,
    model: TaskModel,
    adapter: TokenizerAdapter,
    *,
    facts: Mapping[str, Any],
    base: str,
    model_of_base: str | Path | None,
    scores: Mapping[str, Any],
    lines: list[str],
    config: PretrainConfig,
    store: TokenStore,
    outcome: Outcome,
) -> None:
    """Writes encoder and heads as a bundle."""
    encoder, head = model.encoder, model.head
    assert isinstance(head, PretrainHead)
    names = [source["name"] for source in store.index["sources"]]
    passed_on = {} if model_of_base is None else inherited(open_bundle(model_of_base, verify=False))
    data = {
        "name": store.texts,
        "licence": store.index.get("licence"),
        "pieces": store.count("train", "pieces"),
        "fingerprint": facts["store"],
        "languages": list(store.index.get("options", {}).get("languages") or passed_on.get("languages", ())),
        "datasets": _datasets(names),
    }
    base_model = (None if model_of_base is None else hub_id(model_of_base)) or passed_on.get("base_model")
    loss = scores.get("mlm_loss")
    card = Card(
        hub=HubFacts(
            title=target.name,
            tags=["span-pre-training"],
            licence=data["licence"],
            languages=data["languages"],
            base_model=base_model,
            datasets=data["datasets"],
            pipeline_tag=HUB_TASK,
            results=[]
            if loss is None
            else [
                Result(
                    task=HUB_TASK,
                    title="masked spans",
                    data=f"held-out documents of {data['name']}",
                    figures=[("accuracy", "accuracy of the masked pieces", float(scores["mlm_accuracy"]))],
                )
            ],
        ),
        what=_what(encoder.config, has_sbo=head.sbo is not None),
        base=base,
        intended=["It fills blanks, and it is an encoder to fine-tune: `spanbert finetune`."],
        limits=_LIMITS,
        labels={},
        python=[
            "import spanbert",
            "",
            f'nlp = spanbert.load("{target.name}")',
            'nlp.fill("The quick [MASK:1-3] fox", top_k=5)',
        ],
        shell=[f'spanbert fill {target.name} "The quick [MASK:1-3] fox" --top-k 5'],
        loads=_loads(encoder.config, has_sbo=head.sbo is not None),
        elsewhere=_elsewhere(encoder.config, has_sbo=head.sbo is not None),
        data=data,
        scores=lines,
        recipe=yaml.safe_dump(portable(config.model_dump(mode="json")), sort_keys=False),
    ).text()
    saved = SavedModel(
        shape=encoder.config,
        weights={**encoder.state_dict(), **_part(head, "mlm.")},
        heads={f"{SBO_PREFIX}{name}": tensor for name, tensor in _part(head, "sbo.").items()},
        tokenizer=adapter,
        card=card,
    )
    entries = {TASK: {"kind": TASK, "scores": dict(scores)}}
    manifest = trained_manifest(entries, base=base, base_model=base_model, data=data, config=config, outcome=outcome)
    saved.write_bundle(target, config=encoder.config.to_hugging_face(special=adapter.special), manifest=manifest)


def _datasets(sources: Sequence[str]) -> list[str]:
    """The hub ids among the sources of a store."""
    named = {HubDataset.parse(source).name for source in sources if source.startswith(PREFIX)}
    return sorted(name for name in named if hub_id(name) is not None)


_LIMITS = (
    "A filling is what such texts often say, not what is true.",
    "What was wrong or one-sided in its text, or in that of the weights at the start, it may repeat.",
)
_KINDS = {"transformer": "Transformer", "bilstm": "bidirectional LSTM", "cnn": "convolutional"}


def _what(config: EncoderConfig, *, has_sbo: bool) -> str:
    family = {"bert": "BERT", "roberta": "RoBERTa", "xlm-roberta": "XLM-R"}[config.family]
    encoder = f"A {family} encoder" if config.kind == "transformer" else f"A {_KINDS[config.kind]} encoder"
    if config.attention_span is not None:
        encoder += f" that attends within spans of {config.attention_span} tokens"
    heads = "masked language model and span-boundary objective" if has_sbo else "masked language model"
    what = f"{encoder} with the head{'s' if has_sbo else ''} of span pre-training: {heads}"
    return f"{what} (Joshi et al. 2020), trained with spanbert"


def _loads(config: EncoderConfig, *, has_sbo: bool) -> str:
    where = "; the span-boundary head is in `heads.safetensors`" if has_sbo else ""
    if config.kind != "transformer":
        return f"Only spanbert loads this directory: its layers have no name elsewhere{where}."
    if config.attention_span is not None:
        return (
            f"spanbert loads this directory as it is{where}. `transformers` loads the weights too, but attends within "
            "the whole text, so that its hidden states differ."
        )
    return f"`transformers.AutoModel` and `AutoModelForMaskedLM` load this directory as it is{where}."


def _elsewhere(config: EncoderConfig, *, has_sbo: bool) -> list[str]:
    if config.kind != "transformer" or not has_sbo:
        return []
    return ["Blanks of several pieces, of a length that is not given, ranked by both heads: `nlp.fill`."]


def _part(head: nn.Module, prefix: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in head.state_dict().items() if name.startswith(prefix)}
