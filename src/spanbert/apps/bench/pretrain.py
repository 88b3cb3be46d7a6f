"""Our pre-training step against `transformers`' masked language model: real tokens a second, alternately.

Both sides: MiniLM-L6 weights, the same texts, blocks without padding, 4,096 tokens a step, 15 % masked, hidden dropout
0.1, fused AdamW, gradient clip 1, denormals flushed, the same process and allocator. Batches and masks are made inside
the timing. Ours also computes the span-boundary objective. The peer: `BertForMaskedLM` with fused attention,
`DataCollatorForLanguageModeling`, blocks as run_mlm makes them; once with attention dropout 0 as ours, once 0.1, its
default.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import torch

from spanbert.apps.bench.common import alternate, benchmark_text, environment, ratio_of
from spanbert.apps.quickstart import packaged_minilm
from spanbert.batches.loader import Loader
from spanbert.batches.plan import PackingPlan
from spanbert.core.progress import Reporter, SilentReporter
from spanbert.core.seeding import keyed_seed
from spanbert.tasks.pretrain.heads import PretrainHead
from spanbert.tasks.pretrain.task import PretrainTask
from spanbert.tokens.prepare import prepare
from spanbert.tokens.store import TokenStore
from spanbert.tokens.tokenizer import load_tokenizer
from spanbert.train.model import TaskModel
from spanbert.train.optimizer import make_optimizer
from spanbert.train.pretrain_config import PretrainConfig
from spanbert.train.pretrained import build_model
from spanbert.train.runtime import tune_process

_TOKENS = 4096
_LENGTHS = (128, 512)


def run(data: Path | None, *, quick: bool, reporter: Reporter) -> dict[str, Any]:
    """Runs the benchmark.

    Args:
        data: Text; see `benchmark_text`.
        quick: Fewer rounds.
        reporter: Hears about progress.

    Returns:
        `ratio_128`, `ratio_512` (peer's time over ours, median of the rounds), the same with `_default` for the peer's
        default attention dropout, `gemm_fraction` (our model FLOPs a second over those of a large matrix product in the
        same run), tokens a second and spreads.
    """
    tune_process()
    texts, source = benchmark_text(data, 3_000_000)
    rounds, steps = (3, 2) if quick else (9, 3)
    result: dict[str, Any] = {"text": source, "tokens_per_step": _TOKENS, "rounds": rounds, "steps_per_round": steps}
    fractions = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "text.txt"
        file.write_text("\n\n".join(texts), encoding="utf-8")
        prepare([file], tokenizer=packaged_minilm(), out=Path(folder) / "store", held_out=0)
        store = TokenStore(Path(folder) / "store")
        for length in _LENGTHS:
            reporter.say(f"segments of {length} tokens: ours, peer, peer with its default dropout, in turn")
            step, model = _our_step(store, length)
            contenders = {
                "ours": step,
                "peer": _peer_step(texts, length, attention_dropout=0.0),
                "peer_default": _peer_step(texts, length, attention_dropout=0.1),
            }
            times = alternate(
                {name: _repeated(one, steps) for name, one in contenders.items()} | {"gemm": _matrix_product}, rounds
            )
            spread = {name: ratio_of(times[name], times["ours"]) for name in ("peer", "peer_default")}
            result[f"ratio_{length}"] = spread["peer"]["median"]
            result[f"ratio_{length}_default"] = spread["peer_default"]["median"]
            result[f"spread_{length}"] = spread
            result[f"tokens_per_second_{length}"] = {
                name: round(_TOKENS * steps / median(times[name])) for name in contenders
            }
            ours = model_flops(model, length) * steps
            ratios = [(ours / a) / (_GEMM_FLOPS / b) for a, b in zip(times["ours"], times["gemm"], strict=True)]
            fractions.append(median(ratios))
            result[f"gemm_fraction_{length}"] = round(fractions[-1], 3)
    result["gemm_fraction"] = round(min(fractions), 3)
    return result | {"environment": environment()}


def _repeated(step: Callable[[], None], times: int) -> Callable[[], None]:
    def work() -> None:
        for _ in range(times):
            step()

    return work


def _our_step(store: TokenStore, length: int) -> tuple[Callable[[], None], TaskModel]:
    config = PretrainConfig.assemble(base={"batch": {"segment_length": length, "pack_tokens": _TOKENS}})
    adapter = store.tokenizer()
    task = PretrainTask(adapter, store.unigram_counts(), masking=config.masking, sbo=config.sbo, seed=0)
    model = build_model(
        task, adapter, store, model=packaged_minilm(), size=None, config=config, reporter=SilentReporter()
    )
    model.train()
    optimizer = make_optimizer(model, config.optim)
    plan = PackingPlan(store, segment_length=length, pack_tokens=_TOKENS)
    steps = iter(Loader(plan, task.encode, packs=1))

    def step() -> None:
        [batch] = next(steps).micro_batches
        torch.manual_seed(keyed_seed(0, "dropout", *batch.key))
        losses = task.loss(model.encoder, model.head, model.encoder(batch.inputs), batch.targets)
        parts = [weight * losses[name] / batch.counts[name] for name, weight in task.objectives.items()]
        torch.autograd.backward(torch.stack(parts).sum())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step, model


def _peer_step(texts: list[str], length: int, *, attention_dropout: float) -> Callable[[], None]:
    """run_mlm's step: concatenated texts in blocks, masks by the collator, logits of every token."""
    from transformers import AutoTokenizer, BertForMaskedLM, DataCollatorForLanguageModeling

    path = packaged_minilm()
    tokenizer = AutoTokenizer.from_pretrained(path, model_max_length=1 << 30)
    model = BertForMaskedLM.from_pretrained(
        path, attention_probs_dropout_prob=attention_dropout, hidden_dropout_prob=0.1, attn_implementation="sdpa"
    ).train()
    collator = DataCollatorForLanguageModeling(tokenizer=tokenizer, mlm_probability=0.15)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4, weight_decay=0.1, fused=True)
    adapter = load_tokenizer(path)
    row: list[int] = []
    for ids, _ in adapter.encode_batch(texts):
        row += [adapter.special["cls"], *ids.tolist(), adapter.special["sep"]]
    blocks = [{"input_ids": row[first : first + length]} for first in range(0, len(row) - length, length)]

    def batches() -> Iterator[Any]:
        loader: Any = torch.utils.data.DataLoader(
            blocks,  # type: ignore[arg-type]
            batch_size=_TOKENS // length,
            shuffle=True,
            drop_last=True,
            collate_fn=collator,
        )
        while True:
            yield from loader

    stream = batches()

    def step() -> None:
        torch.autograd.backward(model(**next(stream)).loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


_GEMM_SIZE = 3072
_GEMM_FLOPS = 2 * _GEMM_SIZE**3


def _matrix_product(size: int = _GEMM_SIZE) -> None:
    """A large product of two float32 matrices, the yardstick of what the machine can do just now."""
    if not _OPERANDS:
        _OPERANDS.extend(torch.randn(size, size) for _ in range(3))
    torch.mm(_OPERANDS[0], _OPERANDS[1], out=_OPERANDS[2])


_OPERANDS: list[torch.Tensor] = []


def model_flops(model: TaskModel, length: int) -> float:
    """Floating-point operations of the matrix products of one step, forward and backward (three times forward).

    Args:
        model: Encoder and heads.
        length: Tokens of a segment; the step has 4,096 tokens, and 15 % of the pieces are targets of both heads.
    """
    config = model.encoder.config
    hidden, wide = config.hidden_size, config.feed_forward_size
    a_token = config.layers * (4 * hidden * hidden + 2 * hidden * wide + 2 * length * hidden)
    targets = 0.15 * _TOKENS * (length - 2) / length
    assert isinstance(model.head, PretrainHead)
    assert model.head.sbo is not None
    position = model.head.sbo.position.embedding_dim
    a_target = hidden * hidden + (2 * hidden + position) * hidden + hidden * hidden + 2 * hidden * config.vocab_size
    return 3 * 2 * (_TOKENS * a_token + targets * a_target)
