"""Our pre-training step against `transformers`' masked language model: real tokens a second, alternately.

Both sides: MiniLM-L6 weights, float32, the same texts, blocks without padding, 4,096 tokens a step, 15 % masked, hidden
dropout 0.1, fused AdamW, gradient clip 1, denormals flushed. Batches and masks are made inside the timing. Ours also
computes the span-boundary objective. The peer: `BertForMaskedLM` with fused attention,
`DataCollatorForLanguageModeling`, blocks as run_mlm makes them; attention dropout 0 as ours, and once 0.1, its default.

Each side runs in a process of its own, as its users run it: ours sets the allocator's thresholds
(`encoder/hardware.py`), the peer leaves glibc's. Because that matters, both are also run with the other's setting.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any, Self

import torch

from benchmarks.bench.common import alternate, benchmark_text, environment, ratio_of
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.batches.loader import Loader
from spanbert.batches.plan import PackingPlan
from spanbert.core.errors import InputError, SpanbertError
from spanbert.core.files import read_json
from spanbert.core.reporter import Reporter, SilentReporter
from spanbert.encoder.config import EncoderConfig, Precision
from spanbert.encoder.hardware import (
    described_device,
    prepare_process,
    resolved_device,
    resolved_precision,
    wait_for,
)
from spanbert.tasks.pretrain.objectives import PretrainTask, SBOConfig
from spanbert.tokens.prepare import prepare
from spanbert.tokens.store import TokenStore
from spanbert.tokens.tokenizer import load_tokenizer
from spanbert.train.optimizer import make_optimizer
from spanbert.train.parallel import OneProcess
from spanbert.train.pretrain import filled_packs, with_compiling
from spanbert.train.pretrain_bundle import build_model
from spanbert.train.pretrain_config import PretrainConfig
from spanbert.train.runtime import Runtime
from spanbert.train.step import backward

_TOKENS, _TOKENS_OF_A_GPU = 4096, 65_536
_LENGTHS = (128, 512)
_FULL, _QUICK = (7, 2), (2, 1)  # rounds, steps a round
_LEAST_STEPS = 8


def run(data: Path | None, *, quick: bool, reporter: Reporter, device: str = "cpu") -> dict[str, Any]:
    """Runs the benchmark.

    Args:
        data: Text; see `benchmark_text`.
        quick: Fewer rounds.
        reporter: Receives progress.
        device: What both sides compute on. On a CPU in float32, as ever; on CUDA both as their users run them there:
            bfloat16 where the card multiplies it, and compiled.

    Returns:
        `ratio_128`, `ratio_512`: our tokens a second over the peer's with attention dropout 0, each side as its users
        run it, median of the rounds. `_default`: the peer with its default attention dropout. `_same_allocator`: the
        peer with our allocator settings; `_both_glibc`: both without them. `arithmetic_N`: the ratio of the matrix
        products alone. `gemm_fraction`: our model FLOPs a second over those of a large matrix product in the same run.

    Raises:
        InputError: No transformers, or too little text.
    """
    if find_spec("transformers") is None:
        raise InputError("the peer is not installed", got="no transformers", remedy="pip install 'spanbert[hf]'")
    texts, source = benchmark_text(data, 3_000_000)
    rounds, steps = _QUICK if quick else _FULL
    where = resolved_device(device)
    tokens = _TOKENS if where.type == "cpu" else _TOKENS_OF_A_GPU
    result: dict[str, Any] = {"text": source, "tokens_per_step": tokens, "rounds": rounds, "steps_per_round": steps}
    result |= {"device": described_device(where), "precision": _precision(where)}
    with tempfile.TemporaryDirectory() as folder:
        file, store = Path(folder) / "text.txt", Path(folder) / "store"
        file.write_text("\n\n".join(texts), encoding="utf-8")
        pieces = prepare([file], tokenizer=packaged_minilm(), out=store, held_out=0).pieces["train"]
        if pieces < _LEAST_STEPS * tokens:
            raise InputError(
                "too little text", where=source, got=f"{pieces:,} pieces", expected=f">= {_LEAST_STEPS * tokens:,}"
            )
        for length in _LENGTHS:
            reporter.say(f"segments of {length} tokens: ours and the peer in turn")
            result |= _measure(file, store, length, tokens, rounds, steps, where)
    result["gemm_fraction"] = min(result[f"gemm_fraction_{length}"] for length in _LENGTHS)
    return result | {"environment": environment()}


def _precision(device: torch.device) -> Precision:
    """What is measured: float32 on a CPU, as in earlier versions; else what runs take."""
    return "float32" if device.type == "cpu" else resolved_precision("auto", device)


def _measure(
    file: Path, store: Path, length: int, tokens: int, rounds: int, steps: int, device: torch.device
) -> dict[str, Any]:
    sides: dict[str, tuple[Callable[..., Callable[[], int]], tuple[object, ...]]] = {
        "ours": (_our_step, (store, length, tokens, True, device)),
        "ours_glibc": (_our_step, (store, length, tokens, False, device)),
        "peer": (_peer_step, (file, length, tokens, 0.0, False, device)),
        "peer_default": (_peer_step, (file, length, tokens, 0.1, False, device)),
        "peer_same_allocator": (_peer_step, (file, length, tokens, 0.0, True, device)),
    }
    with ExitStack() as stack:
        workers = {name: stack.enter_context(_Worker(build, *args)) for name, (build, args) in sides.items()}
        times = alternate(
            {
                **{name: partial(one.run, steps) for name, one in workers.items()},
                "gemm": partial(_matrix_product, device),
            },
            rounds,
        )
        read = {name: one.tokens / one.steps for name, one in workers.items()}  # real ones, of a mean step
    a_token = {name: [seconds / read[name] for seconds in times[name]] for name in sides}
    spread = {
        key: ratio_of(a_token[slow], a_token[fast])
        for key, slow, fast in (
            ("", "peer", "ours"),
            ("_default", "peer_default", "ours"),
            ("_same_allocator", "peer_same_allocator", "ours"),
            ("_both_glibc", "peer", "ours_glibc"),
        )
    }
    flops, peer_flops = model_flops(length)
    share = [
        (flops * read["ours"] * steps / seconds) / (_GEMM_FLOPS / product)
        for seconds, product in zip(times["ours"], times["gemm"], strict=True)
    ]
    return {
        **{f"ratio_{length}{key}": one["median"] for key, one in spread.items()},
        f"spread_{length}": {key or "_tuned": one for key, one in spread.items()},
        f"tokens_per_second_{length}": {name: round(steps / median(one)) for name, one in a_token.items()},
        f"arithmetic_{length}": round(peer_flops / flops, 3),
        f"gemm_fraction_{length}": round(median(share), 3),
    }


@dataclass(frozen=True)
class _Failure:
    """What went wrong in a worker, in words."""

    message: str


class _Worker:
    """A process that builds a step and runs it when told to.

    Args:
        build: Makes the step in the new process; the step returns the tokens that it read.
        arguments: Its arguments.

    Attributes:
        steps: Steps run so far.
        tokens: Tokens read so far.
    """

    def __init__(self, build: Callable[..., Callable[[], int]], *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, self._theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self._theirs, build, arguments), daemon=True)
        self.steps = self.tokens = 0

    def __enter__(self) -> Self:
        self._process.start()
        self._theirs.close()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(BrokenPipeError):  # it has failed already
            self._connection.send(0)
        self._process.join()

    def run(self, steps: int) -> None:
        """Runs so many steps and waits for them.

        Raises:
            SpanbertError: The process failed.
        """
        try:
            self._connection.send(steps)
            answer = self._connection.recv()
        except (EOFError, BrokenPipeError):
            self._process.join()
            answer = _Failure(f"it ended with exit code {self._process.exitcode}; too little memory?")
        if isinstance(answer, _Failure):
            raise SpanbertError(f"a process of the benchmark failed: {answer.message}")
        self.steps += steps
        self.tokens += answer


def _serve(connection: Connection, build: Callable[..., Callable[[], int]], arguments: tuple[object, ...]) -> None:
    torch.set_flush_denormal(True)
    try:
        step = build(*arguments)
        while steps := connection.recv():
            tokens = sum(step() for _ in range(steps))
            if torch.cuda.is_available():
                torch.cuda.synchronize()  # steps are only asked for there
            connection.send(tokens)
    except (SpanbertError, OSError, RuntimeError, ImportError) as error:
        connection.send(_Failure(f"{type(error).__name__}: {error}"))


def _our_step(path: Path, length: int, tokens: int, tuned: bool, device: torch.device) -> Callable[[], int]:
    if tuned:
        prepare_process(device)
    store = TokenStore(path)
    config = PretrainConfig.assemble(
        base={
            "batch": {"segment_length": length, "pack_tokens": tokens},
            "train": {"precision": _precision(device), "device": device},
        }
    )
    runtime = Runtime.of(config.train)
    config = with_compiling(config, runtime.device, SilentReporter())
    adapter = store.tokenizer()
    task = PretrainTask(
        adapter, store.unigram_counts(), masking=config.masking, sbo=config.sbo, seed=0, filled=filled_packs(config)
    )
    model = build_model(
        task, adapter, store, model=packaged_minilm(), size=None, config=config, reporter=SilentReporter()
    )
    model.to(runtime.device).train()
    if config.train.compile == "on":
        model.encoder.compile_layers(at_most=length)
    optimizer = make_optimizer(model, config.optim)
    steps = iter(Loader(PackingPlan(store, segment_length=length, pack_tokens=tokens), task.collate))

    def step() -> int:
        drawn = next(steps)
        backward(OneProcess(model), drawn, number=0, runtime=runtime)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return drawn.tokens

    return step


def _peer_step(
    text: Path, length: int, tokens: int, attention_dropout: float, same_allocator: bool, device: torch.device
) -> Callable[[], int]:
    """run_mlm's step: concatenated texts in blocks, masks by the collator, logits of every token."""
    if same_allocator or device.type != "cpu":
        prepare_process(device)
    os.environ.update(TRANSFORMERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1")  # it has no MLM head: known
    from transformers import AutoTokenizer, BertForMaskedLM, DataCollatorForLanguageModeling

    path = packaged_minilm()
    tokenizer = AutoTokenizer.from_pretrained(path, model_max_length=1 << 30)
    model = BertForMaskedLM.from_pretrained(
        path, attention_probs_dropout_prob=attention_dropout, hidden_dropout_prob=0.1, attn_implementation="sdpa"
    ).train()
    model.to(device)
    forward: Any = torch.compile(model) if device.type == "cuda" else model
    half = torch.autocast(device.type, dtype=torch.bfloat16, enabled=_precision(device) == "bfloat16")
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
            batch_size=tokens // length,
            shuffle=True,
            drop_last=True,
            collate_fn=collator,
            pin_memory=device.type == "cuda",
        )
        while True:
            yield from loader

    stream = batches()

    def step() -> int:
        batch = {name: one.to(device, non_blocking=True) for name, one in next(stream).items()}
        with half:
            loss = forward(**batch).loss
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return int(batch["input_ids"].numel())

    return step


_GEMM_SIZE = 3072
_GEMM_FLOPS = 2 * _GEMM_SIZE**3


def _matrix_product(device: torch.device, size: int = _GEMM_SIZE) -> None:
    """A large product of two matrices in the precision of the steps, the yardstick of what the machine can do."""
    if not _OPERANDS:
        dtype = getattr(torch, _precision(device))
        _OPERANDS.extend(torch.randn(size, size, device=device, dtype=dtype) for _ in range(3))
    torch.mm(_OPERANDS[0], _OPERANDS[1], out=_OPERANDS[2])
    wait_for(device)


_OPERANDS: list[torch.Tensor] = []


def model_flops(length: int) -> tuple[float, float]:
    """Floating-point operations a token of the matrix products, forward and backward (3 times forward).

    Args:
        length: Tokens of a segment; 15 % of its pieces are targets.

    Returns:
        Ours: the encoder, and two heads on the targets. The peer's: the encoder, and one head on every token.
    """
    config = EncoderConfig.from_hugging_face(read_json(packaged_minilm() / "config.json"), where="MiniLM")
    hidden, wide = config.hidden_size, config.feed_forward_size
    encoder = config.layers * (4 * hidden * hidden + 2 * hidden * wide + 2 * length * hidden)
    decoder = hidden * config.vocab_size
    boundary = (2 * hidden + SBOConfig().position_size) * hidden + hidden * hidden
    targets = 0.15 * (length - 2) / length
    mlm = hidden * hidden + decoder
    return 6 * (encoder + targets * (mlm + boundary + decoder)), 6 * (encoder + mlm)
