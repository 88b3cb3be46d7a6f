"""Our pre-training step against `transformers`' masked language model: real tokens a second, alternately.

Both sides: MiniLM-L6 weights, the same texts, blocks without padding, 4,096 tokens a step, 15 % masked, hidden dropout
0.1, fused AdamW, gradient clip 1, denormals flushed. Batches and masks are made inside the timing. Each side runs in a
process of its own, as its users run it: ours with the allocator settings of `train/runtime.py`, the peer with glibc's,
and once more with ours. Ours also computes the span-boundary objective. The peer: `BertForMaskedLM` with fused
attention, `DataCollatorForLanguageModeling`, blocks as run_mlm makes them; attention dropout 0 as ours, and once 0.1,
its default.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any, Self

import torch

from spanbert.apps.bench.common import alternate, benchmark_text, environment, ratio_of
from spanbert.apps.quickstart import packaged_minilm
from spanbert.batches.loader import Loader
from spanbert.batches.plan import PackingPlan
from spanbert.core.files import read_json
from spanbert.core.progress import Reporter, SilentReporter
from spanbert.core.seeding import keyed_seed
from spanbert.encoder.config import EncoderConfig
from spanbert.tasks.pretrain.task import PretrainTask, SBOOptions
from spanbert.tokens.prepare import prepare
from spanbert.tokens.store import TokenStore
from spanbert.tokens.tokenizer import load_tokenizer
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
        same run), tokens a second and spreads; `_same_allocator` for the peer with our allocator settings.
    """
    texts, source = benchmark_text(data, 3_000_000)
    rounds, steps = (2, 1) if quick else (7, 2)
    result: dict[str, Any] = {"text": source, "tokens_per_step": _TOKENS, "rounds": rounds, "steps_per_round": steps}
    fractions = []
    with tempfile.TemporaryDirectory() as folder:
        file, store = Path(folder) / "text.txt", Path(folder) / "store"
        file.write_text("\n\n".join(texts), encoding="utf-8")
        prepare([file], tokenizer=packaged_minilm(), out=store, held_out=0)
        for length in _LENGTHS:
            reporter.say(f"segments of {length} tokens: ours and the peer in turn")
            with ExitStack() as stack:
                workers = {
                    "ours": stack.enter_context(_Worker(_our_step, store, length)),
                    "peer": stack.enter_context(_Worker(_peer_step, file, length, 0.0, False)),
                    "peer_default": stack.enter_context(_Worker(_peer_step, file, length, 0.1, False)),
                    "peer_same_allocator": stack.enter_context(_Worker(_peer_step, file, length, 0.0, True)),
                }
                contenders = {name: partial(worker.run, steps) for name, worker in workers.items()}
                times = alternate({**contenders, "gemm": _matrix_product}, rounds)
            spread = {name: ratio_of(times[name], times["ours"]) for name in workers if name != "ours"}
            for name, key in (("peer", ""), ("peer_default", "_default"), ("peer_same_allocator", "_same_allocator")):
                result[f"ratio_{length}{key}"] = spread[name]["median"]
            result[f"spread_{length}"] = spread
            result[f"tokens_per_second_{length}"] = {
                name: round(_TOKENS * steps / median(times[name])) for name in workers
            }
            ours = model_flops(length) * steps
            ratios = [(ours / a) / (_GEMM_FLOPS / b) for a, b in zip(times["ours"], times["gemm"], strict=True)]
            fractions.append(median(ratios))
            result[f"gemm_fraction_{length}"] = round(fractions[-1], 3)
    result["gemm_fraction"] = round(min(fractions), 3)
    return result | {"environment": environment()}


class _Worker:
    """A process that builds a step and runs it when told to.

    Args:
        build: Makes the step in the new process.
        arguments: Its arguments.
    """

    def __init__(self, build: Callable[..., Callable[[], None]], *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, build, arguments), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.send(0)
        self._process.join()

    def run(self, steps: int) -> None:
        """Runs so many steps and waits for them."""
        self._connection.send(steps)
        self._connection.recv()


def _serve(connection: Connection, build: Callable[..., Callable[[], None]], arguments: tuple[object, ...]) -> None:
    torch.set_flush_denormal(True)
    step = build(*arguments)
    while steps := connection.recv():
        for _ in range(steps):
            step()
        connection.send(steps)


def _our_step(path: Path, length: int) -> Callable[[], None]:
    tune_process()
    store = TokenStore(path)
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

    return step


def _peer_step(text: Path, length: int, attention_dropout: float, same_allocator: bool) -> Callable[[], None]:
    """run_mlm's step: concatenated texts in blocks, masks by the collator, logits of every token."""
    if same_allocator:
        tune_process()
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
    for ids, _ in adapter.encode_batch(text.read_text(encoding="utf-8").split("\n\n")):
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


def model_flops(length: int) -> float:
    """Floating-point operations of the matrix products of one of our steps, forward and backward (3 times forward).

    Args:
        length: Tokens of a segment; the step has 4,096 tokens, and 15 % of the pieces are targets of both heads.
    """
    config = EncoderConfig.from_hugging_face(read_json(packaged_minilm() / "config.json"), where="MiniLM")
    hidden, wide = config.hidden_size, config.feed_forward_size
    a_token = config.layers * (4 * hidden * hidden + 2 * hidden * wide + 2 * length * hidden)
    targets = 0.15 * _TOKENS * (length - 2) / length
    boundary = 2 * hidden + SBOOptions().position_size
    a_target = hidden * hidden + boundary * hidden + hidden * hidden + 2 * hidden * config.vocab_size
    return 3 * 2 * (_TOKENS * a_token + targets * a_target)
