"""Reversible maps between Hugging Face's names of BERT-family tensors and ours.

One rule a tensor: our name, and the Hugging Face names whose tensors, one below the other, make it up. Query, key
and value are one matrix product with us and three modules there; every other rule is one to one.

Ours                         Hugging Face (canonical: with the prefix `bert.`, `roberta.`)
embeddings.word              embeddings.word_embeddings.weight
blocks.{n}.attention.input   encoder.layer.{n}.attention.self.{query,key,value}
head `mlm.*`                 cls.predictions.*             (RoBERTa: lm_head.*)
head `sbo.*`                 cls.pair_target_predictions.* (the head checkpoints of SpanBERT's authors; Hugging Face has
                             no such head, so that bundles keep ours in a file of its own)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from spanbert.core.errors import InputError

TensorT = TypeVar("TensorT")

_EMBEDDINGS = {
    "embeddings.word.weight": "embeddings.word_embeddings.weight",
    "embeddings.position.weight": "embeddings.position_embeddings.weight",
    "embeddings.token_type.weight": "embeddings.token_type_embeddings.weight",
    "embeddings.norm.weight": "embeddings.LayerNorm.weight",
    "embeddings.norm.bias": "embeddings.LayerNorm.bias",
}
_BLOCK = {
    "attention.output": "attention.output.dense",
    "attention.norm": "attention.output.LayerNorm",
    "feed_forward.input": "intermediate.dense",
    "feed_forward.output": "output.dense",
    "feed_forward.norm": "output.LayerNorm",
}
_POOLER = {"pooler.weight": "pooler.dense.weight", "pooler.bias": "pooler.dense.bias"}
_BERT_MLM = {
    "mlm.dense.weight": "cls.predictions.transform.dense.weight",
    "mlm.dense.bias": "cls.predictions.transform.dense.bias",
    "mlm.norm.weight": "cls.predictions.transform.LayerNorm.weight",
    "mlm.norm.bias": "cls.predictions.transform.LayerNorm.bias",
    "mlm.bias": "cls.predictions.bias",
}
_ROBERTA_MLM = {
    "mlm.dense.weight": "lm_head.dense.weight",
    "mlm.dense.bias": "lm_head.dense.bias",
    "mlm.norm.weight": "lm_head.layer_norm.weight",
    "mlm.norm.bias": "lm_head.layer_norm.bias",
    "mlm.bias": "lm_head.bias",
}
_SBO_PREFIX = "cls.pair_target_predictions."
_SBO = {
    "sbo.position.weight": f"{_SBO_PREFIX}position_embeddings.weight",
    "sbo.bias": f"{_SBO_PREFIX}bias",
    **{
        f"sbo.{ours}.{kind}": f"{_SBO_PREFIX}mlp_layer_norm.{theirs}.{kind}"
        for ours, theirs in {
            "first": "linear1",
            "first_norm": "layer_norm1",
            "second": "linear2",
            "second_norm": "layer_norm2",
        }.items()
        for kind in ("weight", "bias")
    },
}
_CLASSIFICATION = "text-classification"
_TASKS = {  # by the hub's slug, our names of a task's head, and theirs; the pooler of BERT is among the encoder's names
    _CLASSIFICATION: {"task.output": "classifier"},
    "token-classification": {"task.output": "classifier"},
    "question-answering": {"task.output": "qa_outputs"},
}
_ROBERTA_TASKS = {**_TASKS, _CLASSIFICATION: {"task.pooler": "classifier.dense", "task.output": "classifier.out_proj"}}
_ARCHITECTURES = {
    _CLASSIFICATION: "ForSequenceClassification",
    "token-classification": "ForTokenClassification",
    "question-answering": "ForQuestionAnswering",
}
_OLD_NORM = re.compile(r"(LayerNorm|layer_norm[12])\.(gamma|beta)$")
_TIED = ("cls.predictions.decoder.weight", f"{_SBO_PREFIX}decoder.weight", "lm_head.decoder.weight")
_LAYER = re.compile(r"(?:encoder\.layer|blocks)\.(\d{1,9})\.")
_DERIVED = re.compile(
    r"(.*\.)?position_ids$|(cls\.(pair_target_)?predictions|lm_head)\.decoder\.(weight|bias)$"
)  # buffers, tied copies


@dataclass(frozen=True, kw_only=True)
class Family:
    """How one family of encoders is named.

    Attributes:
        prefix: Before the encoder's names.
        mlm: Our names of the masked-language-model head to theirs.
        tasks: By the hub's slug, our names of a task's head to theirs, without `.weight` and `.bias`.
        classes: How the classes in `transformers` begin that hold encoder and head.
    """

    prefix: str
    mlm: Mapping[str, str]
    tasks: Mapping[str, Mapping[str, str]]
    classes: str

    @property
    def masked_lm(self) -> str:
        """The class that holds encoder and MLM head."""
        return f"{self.classes}ForMaskedLM"

    def architecture(self, slug: str) -> str:
        """The class that holds encoder and head of a task."""
        return f"{self.classes}{_ARCHITECTURES[slug]}"

    def keeps_pooler(self, slug: str | None) -> bool:
        """Whether the head of a task lies in part among the encoder's names: BERT's pooler, that of classification."""
        return slug == _CLASSIFICATION and "task.pooler" not in self.tasks[slug]


FAMILIES = {
    "bert": Family(prefix="bert.", mlm=_BERT_MLM, tasks=_TASKS, classes="Bert"),
    "roberta": Family(prefix="roberta.", mlm=_ROBERTA_MLM, tasks=_ROBERTA_TASKS, classes="Roberta"),
    "xlm-roberta": Family(prefix="roberta.", mlm=_ROBERTA_MLM, tasks=_ROBERTA_TASKS, classes="XLMRoberta"),
}


def slug_of(architectures: object) -> str | None:
    """What the hub calls the task whose head a config.json's `architectures` names; None where there is none."""
    stated = architectures[0] if isinstance(architectures, list) and architectures else ""
    return next((slug for slug, ending in _ARCHITECTURES.items() if str(stated).endswith(ending)), None)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One tensor of ours and the Hugging Face tensors that it is made of, stacked along the first axis."""

    ours: str
    theirs: tuple[str, ...]


def encoder_rules(layers: int) -> list[Rule]:
    """The rules of a BERT encoder of so many layers, without prefix; the pooler comes last."""
    rules = [Rule(ours=ours, theirs=(theirs,)) for ours, theirs in _EMBEDDINGS.items()]
    for n in range(layers):
        for kind in ("weight", "bias"):
            parts = tuple(f"encoder.layer.{n}.attention.self.{name}.{kind}" for name in ("query", "key", "value"))
            rules.append(Rule(ours=f"blocks.{n}.attention.input.{kind}", theirs=parts))
            rules += [
                Rule(ours=f"blocks.{n}.{ours}.{kind}", theirs=(f"encoder.layer.{n}.{theirs}.{kind}",))
                for ours, theirs in _BLOCK.items()
            ]
    return rules + [Rule(ours=ours, theirs=(theirs,)) for ours, theirs in _POOLER.items()]


def mlm_rules(family: Family) -> list[Rule]:
    """The rules of the masked-language-model head; its decoder is tied to the word embeddings and has no tensor."""
    return [Rule(ours=ours, theirs=(theirs,)) for ours, theirs in family.mlm.items()]


def sbo_rules() -> list[Rule]:
    """The rules of the span-boundary head as the released head checkpoint names it; its decoder is tied too."""
    return [Rule(ours=ours, theirs=(theirs,)) for ours, theirs in _SBO.items()]


def task_rules(family: Family, slug: str) -> list[Rule]:
    """The rules of the head of a task that Hugging Face has a name for."""
    return [
        Rule(ours=f"{ours}.{part}", theirs=(f"{theirs}.{part}",))
        for ours, theirs in family.tasks[slug].items()
        for part in ("weight", "bias")
    ]


def canonical_name(name: str) -> str:
    """A Hugging Face name in its present form: a norm's `gamma` and `beta` are `weight` and `bias`."""
    return _OLD_NORM.sub(lambda match: match[1] + (".weight" if match[2] == "gamma" else ".bias"), name)


def require_layers(present: Iterable[str], stated: int, *, where: str) -> None:
    """Compares the number of layers that config.json states with the names of tensors, ours or Hugging Face's.

    Raises:
        InputError: It is another one.
    """
    found = {int(match[1]) for match in map(_LAYER.match, present) if match}
    if found and (len(found) != stated or max(found) != stated - 1):
        raise InputError(
            "config.json and the weights do not belong together",
            where=where,
            got=f"num_hidden_layers {stated}",
            expected=f"{len(found)}, the layers that have weights",
        )


def is_derived(name: str) -> bool:
    """Whether a Hugging Face name is of a buffer or of a copy of other tensors."""
    return bool(_DERIVED.match(name))


def from_hugging_face(
    tensors: Mapping[str, TensorT],
    layers: int,
    stack: Callable[[Sequence[TensorT]], TensorT],
    *,
    family: Family,
    where: str,
    same: Callable[[TensorT, TensorT], bool],
    slug: str | None = None,
) -> tuple[dict[str, TensorT], list[str]]:
    """Renames a Hugging Face state into ours.

    Args:
        tensors: By Hugging Face name, with or without the family's prefix, `gamma`/`beta` or `weight`/`bias`.
        layers: Layers of the encoder.
        stack: Joins tensors along the first axis.
        family: The family's names.
        where: The file, for messages.
        same: Whether two tensors are equal.
        slug: What the hub calls the task whose head is among them (`slug_of`).

    Returns:
        Our tensors (encoder; pooler, MLM and SBO heads where complete; the task's head as `task.*`), and the names that
        no rule takes.

    Raises:
        InputError: A tensor of the encoder is missing, or a decoder is not tied.
    """
    present = {canonical_name(name).removeprefix(family.prefix): tensor for name, tensor in tensors.items()}
    require_layers(present, layers, where=where)
    ours: dict[str, TensorT] = {}
    used: set[str] = set()
    bias = family.mlm["mlm.bias"]
    tied_bias = bias.replace(".bias", ".decoder.bias")
    if bias not in present and tied_bias in present:
        present[bias] = present[tied_bias]
    mlm_complete = all(name in present for name in family.mlm.values())
    sbo_complete = all(name in present for name in _SBO.values())
    heads = (mlm_rules(family) if mlm_complete else []) + (sbo_rules() if sbo_complete else [])
    heads += task_rules(family, slug) if slug is not None else []
    for rule in encoder_rules(layers) + heads:
        missing = [name for name in rule.theirs if name not in present]
        if missing and rule.ours in _POOLER:
            continue
        if missing:
            raise InputError(
                f"the weights lack {missing[0]!r}",
                where=where,
                got=f"{len(present)} tensors",
                expected=f"an encoder of {layers} layers",
            )
        parts = [present[name] for name in rule.theirs]
        ours[rule.ours] = parts[0] if len(parts) == 1 else stack(parts)
        used.update(rule.theirs)
    for name in _TIED:
        if name in present and not same(present[name], ours["embeddings.word.weight"]):
            raise InputError(
                "a decoder of its own is not supported",
                where=where,
                got=f"{name!r} that differs from the word embeddings",
                expected="a decoder that is tied to them",
            )
    return ours, sorted(name for name in present if name not in used and not is_derived(name))


def to_hugging_face(
    tensors: Mapping[str, TensorT],
    layers: int,
    split: Callable[[TensorT, int], Sequence[TensorT]],
    *,
    family: Family,
    slug: str | None = None,
) -> dict[str, TensorT]:
    """Renames our tensors into Hugging Face's, the encoder with the family's prefix.

    Args:
        tensors: By our name; what no rule names must have been taken out.
        layers: Layers of the encoder.
        split: Cuts a tensor into so many equal parts along the first axis.
        family: The family's names.
        slug: What the hub calls the task whose head is among them as `task.*`.

    Raises:
        KeyError: A tensor of ours that no rule names.
    """
    rules = {rule.ours: (rule, family.prefix) for rule in encoder_rules(layers)}
    others = mlm_rules(family) + sbo_rules() + (task_rules(family, slug) if slug is not None else [])
    rules.update({rule.ours: (rule, "") for rule in others})
    theirs: dict[str, TensorT] = {}
    for name, tensor in tensors.items():
        rule, prefix = rules[name]
        parts = [tensor] if len(rule.theirs) == 1 else split(tensor, len(rule.theirs))
        theirs.update({prefix + their: part for their, part in zip(rule.theirs, parts, strict=True)})
    return theirs


def with_tied_decoders(theirs: Mapping[str, TensorT], *, family: Family) -> dict[str, TensorT]:
    """Adds the decoders that a head checkpoint writes out though they are the word embeddings."""
    words = theirs[family.prefix + _EMBEDDINGS["embeddings.word.weight"]]
    present = [name for name in _TIED if any(other.startswith(name.removesuffix("decoder.weight")) for other in theirs)]
    return {**theirs, **dict.fromkeys(present, words)}
