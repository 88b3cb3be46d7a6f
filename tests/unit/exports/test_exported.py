"""An exported model says what the bundle says: every kind of task, in float32, on onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spanbert
from spanbert.batches.examples import HeadRows, Window
from spanbert.checkpoint.bundle import open_bundle
from spanbert.core.errors import InputError, SpanbertError
from spanbert.core.types import Document, Question, Span
from spanbert.encoder.model import load_encoder
from spanbert.exports.export import export
from spanbert.exports.source import ExportSource, arrays
from spanbert.inference import graph_runner
from spanbert.inference.backend import Backend
from spanbert.inference.exported import exported_head
from spanbert.inference.predictor import Predictor
from spanbert.inference.routing import Router
from spanbert.inference.torch_backend import TorchBackend
from spanbert.pipelines.info import has_mlm_head
from spanbert.pipelines.results import results_of
from spanbert.tasks.base import WindowConfig
from spanbert.tasks.protocol import TextTask
from spanbert.tasks.registry import spec_of, specs
from spanbert.tokens.tokenizer import load_tokenizer
from tests.faults.claims import copied, edit, sign
from tests.labelled import PLANS

pytest.importorskip("onnxruntime")

BUNDLES = Path(__file__).parents[2] / "fixtures" / "bundles"
LOGITS = 1e-4


@pytest.fixture(scope="module")
def joint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(BUNDLES / "joint", tmp_path_factory.mktemp("exported") / "joint").path


class BothBackends:
    """Gives what the first backend computes, once the second has computed the same."""

    tokens_at_once, works_apart = Backend.tokens_at_once, False

    def __init__(self, one: Any, two: Any) -> None:
        self.one, self.two = one, two
        self.seen: dict[str, int] = {}

    def run(self, windows: Sequence[Window], asked: Mapping[str, Sequence[HeadRows]]) -> dict[str, list[np.ndarray]]:
        expected, found = self.one.run(windows, asked), self.two.run(windows, asked)
        assert found.keys() == expected.keys()
        for name, wanted in expected.items():
            assert [one.shape for one in found[name]] == [one.shape for one in wanted]
            for one, two in zip(wanted, found[name], strict=True):
                np.testing.assert_allclose(two, one, atol=LOGITS, rtol=LOGITS)
            self.seen[name] = self.seen.get(name, 0) + sum(one.size for one in wanted)
        return expected


def texts() -> list[Document]:
    long = " ".join(["the quick brown fox runs and a red dog sleeps ."] * 30)
    plain = [
        "",
        " ",
        "fox",
        "the old fox sees a dog .",
        "🦊 🦊 the dog",
        "Anna : a dog runs .\nBen : it sleeps .",
        long,
    ]
    found = [Document(id=str(number), text=text) for number, text in enumerate(plain)]
    asked = tuple(Question(id=str(number), text=text) for number, text in enumerate(("who runs?", "what sleeps?")))
    found += [Document(id=f"q{number}", text=text, questions=asked) for number, text in enumerate(plain[3:])]
    fox, dog = Span(start=4, end=7, label="ANI"), Span(start=15, end=18, label="ANI")
    found += [Document(id="r", text="the fox sees a dog .", spans=(fox, dog))]
    return found


def alike(one: Any, two: Any) -> None:
    """Equal but for the last digits of numbers."""
    if isinstance(one, dict):
        assert one.keys() == two.keys()
        for key in one:
            alike(one[key], two[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(two)
        for first, second in zip(one, two, strict=True):
            alike(first, second)
    elif isinstance(one, float):
        assert two == pytest.approx(one, abs=LOGITS, rel=LOGITS)
    else:
        assert one == two


def require_equal(bundle: Predictor, exported: Predictor, documents: Sequence[Document]) -> None:
    """Both give the same numbers, for every head, and say the same."""
    both = BothBackends(bundle.backend, exported.backend)
    tasks = bundle.tasks
    for document in documents:
        router = Router(tasks, list(tasks), where="a test")
        route = router.route(document)
        one, two = (router.predict(by, [document], [route])[0] for by in (Predictor(both, tasks), exported))
        alike(
            [result.as_record() for result in results_of(document, one)],
            [result.as_record() for result in results_of(document, two)],
        )
    assert both.seen.keys() == tasks.keys()
    assert all(both.seen.values()), both.seen


def test_heads_of_all_kinds_give_the_same_numbers(joint: Path):
    require_equal(spanbert.load(BUNDLES / "joint").predictor, spanbert.load(joint).predictor, texts())


def test_openvino_gives_the_same_numbers(tmp_path: Path):
    pytest.importorskip("openvino")
    exported = export(BUNDLES / "joint", tmp_path / "out", runtime="openvino").path
    require_equal(spanbert.load(BUNDLES / "joint").predictor, spanbert.load(exported).predictor, texts())


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_runs_beside_one_another_give_the_same_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: Any):
    pytest.importorskip("onnxruntime" if runtime == "onnx" else runtime)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    beside: list[int] = []
    exported = spanbert.load(export(BUNDLES / "joint", tmp_path / "out", runtime=runtime).path).predictor
    runner = exported.backend.runner
    monkeypatch.setattr(exported.backend, "_tokens_a_run", 64)
    run_each = runner.run_each
    monkeypatch.setattr(runner, "run_each", lambda asked: beside.append(len(asked)) or run_each(asked))
    plain = [one for one in texts() if one.questions is None and one.spans is None]
    bundle = spanbert.load(BUNDLES / "joint")
    router = Router(bundle.tasks, ["ner", "pos", "sent"], where="a test")
    routes = [router.route(one) for one in plain]
    many = plain * 4
    expected, found = (router.predict(by, many, routes * 4) for by in (bundle.predictor, exported))
    assert max(beside) > 6
    for document, one, two in zip(many, expected, found, strict=True):
        alike(*([result.as_record() for result in results_of(document, each)] for each in (one, two)))
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda _: router.predict(exported, many, routes * 4), range(4)))
    assert all(len(one) == len(many) for one in again)
    alike(again[0][-1]["sent"].scores, again[3][-1]["sent"].scores)


def test_a_runtime_that_is_not_installed(joint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(graph_runner, "find_spec", lambda name: None)
    with pytest.raises(SpanbertError, match="run by openvino, which is not installed: pip install openvino"):
        export(BUNDLES / "joint", tmp_path / "out", runtime="openvino")
    with pytest.raises(SpanbertError, match="run by onnxruntime, which is not installed: pip install onnxruntime"):
        spanbert.load(joint)("a fox")
    assert not (tmp_path / "out").exists()


def test_real_weights(minilm: Path, tmp_path: Path):
    """MiniLM with new heads of every kind that can be exported."""
    files = open_bundle(minilm)
    tokenizer = load_tokenizer(minilm)
    alone = {name: part for name in ("nested", "coref", "relation") for part in PLANS[name].values()}
    tasks: dict[str, TextTask] = {}
    for name, (kind, writer, options, suffix) in {**PLANS["joint"], **alone}.items():
        spec = spec_of(kind, None if options is None else options.model_dump())
        config = options or spec.config()
        documents = spec.task_class().open(config, writer(tmp_path / f"{name}{suffix}", 24, 1)).documents()
        tasks[name] = spec.task_class().from_training(
            name, documents, config=config, window=WindowConfig(), tokenizer=tokenizer, positions=512
        )
    encoder, _ = load_encoder(files, pieces=tokenizer.vocab_size)
    heads = {name: task.build_head(task.head_context(encoder.config)).eval() for name, task in tasks.items()}
    source = ExportSource(
        files=files,
        tokenizer=tokenizer,
        config=encoder.config,
        weights=arrays(encoder.state_dict()),
        tasks=tasks,
        heads={name: exported_head(name, task, arrays(heads[name].stored())) for name, task in tasks.items()},
        modules=heads,
        fill=None,
    )
    require_equal(
        Predictor(TorchBackend(encoder, heads), tasks), source.predictor(source.graph()), texts()[3:6] + texts()[-2:]
    )


def test_all_kinds_but_those_that_write_can_be_exported():
    assert [spec.kind for spec in specs() if spec.exported is None] == ["translate"]


@pytest.mark.parametrize("text", ["The quick [MASK:1-3] fox", "[MASK] fox [MASK:2] the dog", "a [MASK:25] dog"])
def test_blanks_are_filled_alike(tmp_path: Path, text: str):
    exported = export(BUNDLES / "pretrained", tmp_path / "exported").path
    assert has_mlm_head(spanbert.load(exported).files), "a service offers it"
    one, two = (spanbert.load(path).fill(text, top_k=3) for path in (BUNDLES / "pretrained", exported))
    alike([asdict(filling) for filling in one], [asdict(filling) for filling in two])


def test_models_of_other_programs_are_exported_too(hugging_face_model: Path, tmp_path: Path):
    """An MLM head alone, no SBO head."""
    exported = export(hugging_face_model, tmp_path / "exported").path
    one, two = (spanbert.load(path).fill("the [MASK:1-2] fox") for path in (hugging_face_model, exported))
    alike([asdict(filling) for filling in one], [asdict(filling) for filling in two])


def test_what_an_exported_model_cannot_do(joint: Path, tmp_path: Path):
    with pytest.raises(InputError, match="no head that could fill a blank"):
        spanbert.load(joint).fill("the [MASK] fox")
    for use in (
        lambda: export(joint, tmp_path / "again"),
        lambda: spanbert.convert(joint, tmp_path / "x", to="bundle"),
    ):
        with pytest.raises(InputError, match="an exported model, which answers and does nothing else"):
            use()
    with pytest.raises(InputError, match="the precision that it was exported in"):
        spanbert.load(joint, precision="bfloat16")
    for elsewhere in (lambda: spanbert.load(joint, device="cuda"), lambda: spanbert.load(joint).to("mps")):
        with pytest.raises(InputError, match="an exported model computes on the CPU"):
            elsewhere()
    assert spanbert.load(joint, device="cpu", precision="float32").to("cpu").device.type == "cpu"
    assert not list(tmp_path.iterdir())


def test_a_graph_that_was_changed_is_refused(joint: Path, tmp_path: Path):
    broken = copied(joint, tmp_path / "broken")
    graph = bytearray((broken / "model.onnx").read_bytes())
    graph[len(graph) // 2] ^= 1
    (broken / "model.onnx").write_bytes(graph)
    with pytest.raises(InputError, match="does not match its checksum"):
        spanbert.load(broken)


def test_a_manifest_that_says_what_cannot_be(joint: Path, tmp_path: Path):
    odd = copied(joint, tmp_path / "odd")
    edit(odd / "spanbert.json", lambda manifest: manifest["export"].update(runtime="abacus"))
    with pytest.raises(InputError, match=r"export\.runtime"):
        spanbert.load(odd)


def test_what_cannot_be_exported(joint: Path, tmp_path: Path):
    spanned = copied(BUNDLES / "pretrained", tmp_path / "spanned")
    edit(spanned / "config.json", lambda config: config.update(attention_span=8))
    sign(spanned)
    with pytest.raises(InputError, match="attention within spans of 8 tokens"):
        export(spanned, tmp_path / "out")
    with pytest.raises(InputError, match="no such precision"):
        export(joint, tmp_path / "out", precision="int3")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="torch has no float32.*The bundle itself"):
        export(BUNDLES / "joint", tmp_path / "out", runtime="torch")
    with pytest.raises(InputError, match="exists"):
        export(BUNDLES / "joint", joint)
    assert not (tmp_path / "out").exists()
