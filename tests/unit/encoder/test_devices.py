"""Which device a name stands for, its precision, and what is said of both; with cards that are not there."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spanbert.core.errors import InputError, SpanbertError
from spanbert.encoder import attention, hardware, varlen
from spanbert.encoder.attention import attend
from spanbert.encoder.placement import on_device
from spanbert.encoder.varlen import causal_argument

CPU = torch.device("cpu")


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch):
    """Lets torch say that there are cards of these compute capabilities."""

    def make(*capabilities: tuple[int, int], mps: bool = False, build: str | None = "13.0") -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(capabilities))
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(capabilities))
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
        monkeypatch.setattr(
            torch.cuda,
            "get_device_name",
            lambda one: f"Card {torch.device('cuda', one).index if isinstance(one, int) else one.index}",
        )
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda one: capabilities[one.index or 0])
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(torch.version, "cuda", build)
        monkeypatch.setattr(torch.version, "hip", None)

    return make


@pytest.mark.parametrize(
    ("name", "found"),
    [("auto", "cuda:0"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1"), ("cpu", "cpu"), ("mps", "mps")],
)
def test_devices_that_are_there(cards, name: str, found: str):
    cards((9, 0), (8, 0), mps=True)
    assert str(hardware.resolved_device(name)) == found, "with its number, as tensors say it"


def test_auto_is_the_cpu_where_there_is_no_card(cards):
    cards(mps=True)
    assert hardware.resolved_device("auto") == CPU, "Apple's processor only where it is named"


@pytest.mark.parametrize(
    ("name", "capabilities", "more", "message"),
    [
        ("cuda:2", [(9, 0), (8, 0)], {}, r"^--device: no such CUDA device; got cuda:2; expected cpu, cuda:0 \(Card 0\), cuda:1 \(Card 1\)$"),
        ("cuda", [], {"build": None}, r"^--device: this PyTorch is built without CUDA; got cuda; expected cpu\. Install a build"),
        ("cuda:0", [], {}, r"^--device: PyTorch sees no CUDA device here; got cuda:0; expected cpu\. See whether nvidia-smi"),
        ("mps", [(9, 0)], {}, r"^--device: PyTorch sees no Apple graphics processor here; got mps; expected cpu, cuda:0 \(Card 0\)$"),
    ],
)  # fmt: skip
def test_devices_that_are_not(cards, name: str, capabilities: list, more: dict, message: str):
    cards(*capabilities, **more)
    with pytest.raises(InputError, match=message):
        hardware.resolved_device(name, "--device")


def test_bfloat16_from_ampere_on(cards):
    cards((9, 0), (8, 6), (7, 5), (8, 0))
    able = [hardware.has_bfloat16(torch.device("cuda", number)) for number in range(4)]
    assert able == [True, True, False, True]
    assert [hardware.resolved_precision("auto", torch.device("cuda", number)) for number in (0, 2)] == [
        "bfloat16",
        "float32",
    ]
    assert hardware.resolved_precision("auto", torch.device("mps")) == "float32"


@pytest.mark.parametrize(
    ("capabilities", "found"),
    [
        ({"avx2": True, "avx512_f": True}, "float32"),
        ({"avx512_bf16": True}, "bfloat16"),
        ({"amx_bf16": True, "cpu_name": "Intel Xeon"}, "bfloat16"),
        ({"bf16": True}, "bfloat16"),
    ],
)
def test_precision_of_processors(monkeypatch: pytest.MonkeyPatch, capabilities: dict, found: str):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"cpu_name": "AMD EPYC", **capabilities})
    assert hardware.resolved_precision("auto", CPU) == found
    warned = hardware.precision_warning("bfloat16", CPU)
    assert (warned is None) == (found == "bfloat16")
    if warned:
        assert "emulates it, which is many times slower than float32" in warned
    assert hardware.precision_warning("float32", CPU) is None


@pytest.mark.parametrize("stated", [True, False])
def test_a_processor_can_have_bfloat16_and_lose_by_it(monkeypatch: pytest.MonkeyPatch, stated: bool):
    capabilities = {"avx512_bf16": True, "amx_bf16": False, **({"cpu_name": "Intel Xeon"} if stated else {})}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    monkeypatch.setattr(hardware, "_processor", lambda: "Intel(R) Xeon(R) Processor")
    assert hardware.resolved_precision("auto", CPU) == "float32"
    assert hardware.precision_warning("bfloat16", CPU) is None, "it is not emulated"


def test_what_is_said_of_a_device(cards, monkeypatch: pytest.MonkeyPatch):
    cards((9, 0))
    assert hardware.described_device(torch.device("cuda", 0)) == "cuda:0 (Card 0)"
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert hardware.described_device(CPU).startswith("the CPU (")
    assert hardware.described_device(CPU).endswith(", 1 thread)")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert hardware.described_device(CPU).endswith(", 2 threads)")


def test_processes_are_tuned_for_their_device(monkeypatch: pytest.MonkeyPatch):
    done: list[str] = []
    monkeypatch.setattr(hardware, "tune_process", lambda: done.append("tuned"))
    monkeypatch.setattr(torch, "set_float32_matmul_precision", done.append)
    for device in ("cpu", "cuda", "mps"):
        hardware.prepare_process(torch.device(device))
    assert done == ["tuned", "high"]


def of_2_10(query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, is_causal=False, return_aux=None): ...
def of_2_11(
    query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, *, return_aux=None, scale=None, window_size=(-1, -1)
): ...
def of_2_13(
    query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, *, return_aux=None, scale=None, window_size=(-1, -1),
    enable_gqa=False, seqused_k=None, block_table=None, num_splits=None,
): ...  # fmt: skip


def test_versions_of_the_attention_kernel():
    assert causal_argument(of_2_10) == {"is_causal": True}
    assert causal_argument(of_2_11) == causal_argument(of_2_13) == {"window_size": (-1, 0)}
    with pytest.raises(RuntimeError, match="neither window_size nor is_causal"):
        causal_argument(lambda query: None)


def test_arguments_of_the_attention_kernel(monkeypatch: pytest.MonkeyPatch):
    """Shapes on `meta`: bounds are int32 on the device of the queries, each bound tensor is made once."""
    seen: list[tuple] = []

    def kernel(query, key, value, cu_q, cu_k, most_q, most_k, **more):
        seen.append((cu_q, cu_k, most_q, most_k, more))
        return torch.empty_like(query)

    monkeypatch.setattr(varlen, "varlen_attn", kernel)
    query = torch.empty(5, 2, 8, device="meta", dtype=torch.bfloat16)
    keys = torch.empty(7, 2, 8, device="meta", dtype=torch.bfloat16)
    bounds_q, bounds_k = attention.Bounds([0, 2, 5]), attention.Bounds([0, 4, 7], at_most=64)
    for causal in (False, True):
        output = attend(query, keys, keys, bounds_q, bounds_k, causal=causal, backend="varlen")
        assert (output.shape, output.device.type) == (query.shape, "meta")
    assert [one[4] for one in seen] == [{}, varlen.CAUSAL]
    cu_q, cu_k, most_q, most_k, _ = seen[0]
    assert (most_q, most_k) == (3, 64)
    assert (cu_q.dtype, cu_q.device.type, tuple(cu_q.shape)) == (torch.int32, "meta", (3,))
    assert cu_q is seen[1][0]
    assert cu_k is seen[1][1]
    with pytest.raises(ValueError, match="varlen attention has no dropout"):
        attend(query, keys, keys, bounds_q, bounds_k, dropout=0.1, backend="varlen")


def test_a_device_without_memory_says_what_to_do():
    with pytest.raises(SpanbertError, match=r"^too little memory on the CPU \(.*\): CUDA out of memory\. Take less$"):
        with hardware.explaining_memory(CPU, "Take less"):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has ...")
    with pytest.raises(ValueError, match="another"), hardware.explaining_memory(CPU, "Take less"):
        raise ValueError("another")


class OnCuda:
    """What is asked of a tensor before a kernel is chosen."""

    is_cuda, device = True, torch.device("cuda", 0)

    def __init__(self, size: int, dtype: torch.dtype) -> None:
        self.shape, self.dtype = (5, 2, size), dtype


@pytest.mark.parametrize(
    ("size", "dtype", "dropout", "capability", "taken"),
    [
        (64, torch.bfloat16, 0.0, (9, 0), True),
        (32, torch.float16, 0.0, (8, 0), True),
        (64, torch.float32, 0.0, (9, 0), False),
        (64, torch.bfloat16, 0.1, (9, 0), False),
        (64, torch.float16, 0.0, (7, 5), False),
        (12, torch.bfloat16, 0.0, (9, 0), False),
        (264, torch.bfloat16, 0.0, (9, 0), False),
    ],
)
def test_where_one_kernel_serves_all_segments(cards, size: int, dtype, dropout: float, capability, taken: bool):
    cards(capability)
    assert attention._takes_varlen(OnCuda(size, dtype), dropout) == taken  # type: ignore[arg-type]


def test_arrays_come_to_a_device():
    values = np.arange(4)
    here = on_device(values, CPU)
    values[0] = 7
    assert here.tolist() == [7, 1, 2, 3], "on a CPU memory is shared"
    assert on_device(here, CPU) is here
    assert on_device(values, torch.device("meta")).device.type == "meta"


def test_copies_to_cuda_are_pinned_and_do_not_wait(monkeypatch: pytest.MonkeyPatch):
    calls: list[object] = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: calls.append("pinned") or self)
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *given, **more: calls.append((given, more)) or self)
    on_device(np.arange(3), torch.device("cuda", 0))
    assert calls == ["pinned", ((torch.device("cuda", 0),), {"non_blocking": True})]
