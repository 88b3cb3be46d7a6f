"""int8: what it is spread over, what it costs, and what happens where it costs too much."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import spanbert
from spanbert.checkpoint.bundle import HEADS_PREFIX, copy_dev_data, open_bundle, write_with_more
from spanbert.checkpoint.cached import CACHE
from spanbert.core.errors import InputError, SpanbertError
from spanbert.core.predictions import Answer, Answering
from spanbert.core.types import Document
from spanbert.corpus.data import documents_of
from spanbert.corpus.formats.data_file import DataFile
from spanbert.encoder.graph import Graph
from spanbert.exports.calibrate import ObservedRunner, Observer, calibrated
from spanbert.exports.dev_data import divided
from spanbert.exports.export import export
from spanbert.exports.parity import Parity, _agreement, _said
from spanbert.exports.plans import measured_effects, plans
from spanbert.exports.source import ExportSource, read_source
from spanbert.inference.exported import ExportedBackend
from spanbert.inference.predictor import Predictor
from spanbert.pipelines.results import AnnotatedText
from tests.labelled import conll_file, single_file

onnxruntime = pytest.importorskip("onnxruntime")

JOINT = Path(__file__).parents[2] / "fixtures" / "bundles" / "joint"


def product(inputs_NI: np.ndarray, weights_OI: np.ndarray, **options: object) -> np.ndarray:
    """A dense layer by a graph of its own."""
    graph = Graph(**options)  # type: ignore[arg-type]
    value = graph.input("x", ("rows", "inputs"), "float32")
    weights = {"dense.weight": weights_OI, "dense.bias": np.zeros(len(weights_OI), dtype=np.float32)}
    graph.output("y", graph.linear(value, "dense", weights), ("rows", "outputs"))
    session = onnxruntime.InferenceSession(graph.serialized(), providers=["CPUExecutionProvider"])
    return session.run(["y"], {"x": inputs_NI})[0]


def test_an_int8_product_is_near_the_float32_one():
    draw = np.random.default_rng(0)
    inputs_NI = draw.normal(size=(64, 48)).astype(np.float32)
    weights_OI = draw.normal(size=(32, 48)).astype(np.float32) * np.logspace(-3, 1, 32, dtype=np.float32)[:, None]
    expected = product(inputs_NI, weights_OI)
    np.testing.assert_allclose(expected, inputs_NI @ weights_OI.T, rtol=1e-4, atol=1e-4)
    ranges = {"dense": (float(inputs_NI.min()), float(inputs_NI.max()))}
    found = product(inputs_NI, weights_OI, ranges=ranges)
    error_O = np.abs(found - expected).max(0) / np.abs(expected).max(0)
    assert 0 < error_O.max() < 0.03, "each output has steps of its own size"
    assert np.array_equal(product(inputs_NI, weights_OI, ranges={}), expected)


def test_rows_of_embeddings_have_steps_of_their_own():
    table_VD = np.array([[0.001, -0.0005], [100.0, 50.0], [0.0, 0.0]], dtype=np.float32)
    graph = Graph(ranges={})
    graph.output("y", graph.embedding("table", table_VD, graph.input("ids", ("rows",))), ("rows", 2))
    session = onnxruntime.InferenceSession(graph.serialized(), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(["y"], {"ids": np.arange(3)})[0], table_VD, rtol=0.01)


def test_ranges_leave_out_a_few_outliers_and_hold_zero():
    observer = Observer()
    values = np.linspace(1, 2, 100_000, dtype=np.float32).reshape(-1, 10)
    values[7, 3] = 1e6
    observer.add("dense", values)
    low, high = observer.seen["dense"].range
    assert observer.seen["dense"].highest_I[3] == 1e6
    assert low == 0
    assert high == pytest.approx(2, rel=1e-2)
    observer.add("dense", -values)
    assert observer.seen["dense"].range == (pytest.approx(-2, rel=1e-2), high)
    assert len(observer.seen["dense"].sample_NI) == 128
    observer.add("nothing", np.zeros((0, 4), dtype=np.float32))
    assert "nothing" not in observer.seen


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("dev")
    return {"ner": conll_file(folder / "dev.conll", 60, seed=3), "sent": single_file(folder / "dev.tsv", 60, seed=3)}


def documents(source: ExportSource, name: str, file: Path) -> list[Document]:
    return list(documents_of(source.tasks[name].opened(file)))


def test_a_bundle_in_int8(dev: dict[str, Path], tmp_path: Path):
    whole = export(JOINT, tmp_path / "whole").path
    done = export(JOINT, tmp_path / "int8", precision="int8", data=dev, max_drop=50)
    nlp = spanbert.load(done.path)
    facts = nlp.files.manifest["export"]
    assert facts["parity"].keys() == dev.keys()
    assert "tasks.asks.output" in facts["kept_float32"], "no data of this task was given"
    assert "tasks.ner.output" not in facts["kept_float32"]
    assert (done.path / "model.onnx").stat().st_size < 0.75 * (whole / "model.onnx").stat().st_size
    card = (done.path / "README.md").read_text()
    assert card.startswith((JOINT / "README.md").read_text().rstrip())
    assert "## Exported" in card
    for name, one in done.parity.items():
        assert f"- {one.line(name)}" in card
        assert one.data == f"{dev[name].name} (without 12 that set ranges)"
        assert done.calibrated_on[name] == f"12 of 60 documents of {dev[name].name}"
        assert done.calibrated_on[name] in card
        assert one.drop == pytest.approx(100 * (one.before - one.after))
        assert one.interval[0] <= one.drop <= one.interval[1]
        assert one.agreement > 0.7


def test_an_export_that_loses_too_much_is_not_written(dev: dict[str, Path], tmp_path: Path, monkeypatch):
    monkeypatch.setattr("spanbert.encoder.rounding.MOST_OF_WEIGHT", 1)  # weights of -1, 0 and 1
    with pytest.raises(SpanbertError, match=r"loses more than 0 points.*Nothing was written") as error:
        export(JOINT, tmp_path / "int8", precision="int8", data=dev, max_drop=0)
    assert error.value.exit_code == 1
    assert not list(tmp_path.iterdir())


def test_products_that_matter_most_stay_in_float32(dev: dict[str, Path], tmp_path: Path, monkeypatch):
    one = dev["sent"]
    monkeypatch.setattr("spanbert.encoder.rounding.MOST_OF_WEIGHT", 1)
    seen: list[Parity] = []

    def passes(self: Parity, most: float) -> bool:
        if not seen or seen[-1] is not self:
            seen.append(self)
        return len(seen) == 3

    monkeypatch.setattr(Parity, "passes", passes)
    done = export(JOINT, tmp_path / "int8", precision="int8", data={"sent": one})
    products = [name for name in done.kept_float32 if name.startswith(("blocks.", "tasks.sent."))]
    assert len(products) == 3, "a quarter of the eight of the encoder and the two of the head"
    assert seen[2].agreement >= seen[0].agreement


def test_a_product_that_int8_spoils_is_the_most_sensitive(dev: dict[str, Path]):
    source = read_source(open_bundle(str(JOINT)))
    data = {name: documents(source, name, file) for name, file in dev.items()}
    whole = next(plans(source, data, lambda name: not name.startswith(HEADS_PREFIX), lambda name: False))
    for spoiled in ("blocks.0.feed_forward.input", "blocks.1.attention.output"):
        assert whole.ranges is not None
        effects = measured_effects(source, replace(whole, ranges={**whole.ranges, spoiled: (-1e-4, 1e-4)}), data)
        assert max(effects, key=lambda name: effects[name]) == spoiled


def test_what_has_no_data_is_named_and_its_rows_are_seen(dev: dict[str, Path], tmp_path: Path):
    source = read_source(open_bundle(str(JOINT)))
    assert source.without(dev) == tuple(name for name in source.tasks if name not in dev) + ("blanks",) * bool(
        source.fill
    )
    one = {"sent": documents(source, "sent", dev["sent"])}
    last = f"blocks.{source.config.layers - 1}.feed_forward.input"
    rows = {}
    for others in (True, False):
        observer, graph = Observer(), source.graph(observed=True)
        runner = ObservedRunner(graph.serialized(), source, graph.products, observer, all_rows=others)
        for _ in Predictor(ExportedBackend(runner, source.heads), source.tasks).only(["sent"]).predict(one["sent"]):
            pass
        rows[others] = observer.seen
    assert np.all(rows[True][last].highest_I >= rows[False][last].highest_I)
    assert np.any(rows[True][last].highest_I > rows[False][last].highest_I), "the head of sentences reads one row"
    assert {name.split(".")[1] for name in rows[True] if name.startswith(HEADS_PREFIX)} == {"sent"}
    done = export(JOINT, tmp_path / "int8", precision="int8", data={"sent": dev["sent"]}, max_drop=100)
    line = f"not compared with the bundle, for want of data: {', '.join(source.without(['sent']))}"
    assert line in list(done.lines())
    assert line in (done.path / "README.md").read_text()
    assert spanbert.info(done.path)["unscored"] == list(source.without(["sent"]))


def test_every_task_has_a_share_of_the_sample(dev: dict[str, Path], monkeypatch):
    monkeypatch.setattr("spanbert.exports.calibrate._ROWS", 40)
    source = read_source(open_bundle(str(JOINT)))
    first, second = ([one, other] for one, other in itertools.permutations(dev, 2))
    samples = []
    for names in (first, second):
        _, seen = calibrated(source, {name: documents(source, name, dev[name]) for name in names})
        samples.append(seen["blocks.0.attention.input"].sample_NI)
    assert [len(one) for one in samples] == [40, 40]
    assert not np.array_equal(samples[0][20:], samples[1][20:]), "the second half is of the second task"


def test_numbers_agree_with_nothing():
    assert _agreement([None, None], [None, None]) is None
    assert _agreement([1, 2, 3], [1, 2, 4]) == pytest.approx(2 / 3)
    parity = Parity(main="pearson", before=0.9, after=0.9, drop=0, interval=(0, 0), units=9, agreement=None, data="dev")
    assert parity.line("stars").endswith("9 units of dev)")


@pytest.mark.parametrize(
    ("limit", "drop", "interval", "passes"),
    [
        (0.5, 0.5, (0.1, 1.0), True),
        (0.5, 0.51, (0.4, 0.6), False),
        (0.5, 0.1, (-0.5, 1.01), False),
        (0, 0, (0, 0), True),
    ],
)
def test_the_gate(limit: float, drop: float, interval: tuple[float, float], passes: bool):
    parity = Parity(
        main="f1", before=0.9, after=0.9 - drop / 100, drop=drop, interval=interval, units=9, agreement=1.0,
        speedup=1.0, data="dev",
    )  # fmt: skip
    assert parity.passes(limit) is passes


def test_answers_agree_whatever_the_candidates():
    def said(text: str, *others: str) -> object:
        best, *more = (Answer(text=one, start=0, end=len(one), score=0.1 * len(others)) for one in (text, *others))
        answering = Answering(question="q", answer=best, candidates=(best, *more), null_score=float(len(others)))
        return _said(AnnotatedText(id="q", text="a fox runs", question="who?", tasks={"asks": answering}))

    assert said("fox", "a fox") == said("fox", "runs", "a")
    assert said("fox") != said("runs")


def test_the_command(dev: dict[str, Path], tmp_path: Path, cli):
    out = tmp_path / "int8"
    code, said, _ = cli(
        "export",
        JOINT,
        "--out",
        out,
        "--precision",
        "int8",
        "--data",
        f"sent={dev['sent']}",
        "--max-drop",
        50,
        "--json",
    )
    assert code == 0
    assert json.loads(said.splitlines()[-1])["parity"]["sent"]["main"] == "accuracy"
    code, said, _ = cli("export", JOINT, "--out", tmp_path / "whole")
    assert (code, said.splitlines()[:1]) == (0, [f"wrote {tmp_path / 'whole'}"])
    assert "float32 for onnx" in said
    code, _, error = cli("export", JOINT, "--out", tmp_path / "no", "--precision", "int8")
    assert (code, "int8 is set by the values that real text reaches" in error) == (2, True)
    code, _, error = cli("export", JOINT, "--out", tmp_path / "no", "--data", dev["sent"])
    assert (code, "data of which task?" in error) == (2, True)
    code, _, error = cli("export", JOINT, "--out", tmp_path / "no", "--data", f"sentt={dev['sent']}")
    assert (code, "no task 'sentt'" in error) == (2, True)
    plain = tmp_path / "plain.tsv"
    plain.write_text("text\na fox runs\n")
    code, _, error = cli("export", JOINT, "--out", tmp_path / "no", "--data", f"sent={plain}")
    assert code == 2, error
    assert not (tmp_path / "no").exists()


def test_what_sets_ranges_is_not_scored(dev: dict[str, Path], tmp_path: Path):
    file = spanbert.load(JOINT).tasks["sent"].opened(dev["sent"])
    found = divided(file)
    assert isinstance(found.scored, DataFile)
    ranges, scored = ([one.text for one in documents_of(part)] for part in (found.ranges, found.scored))
    assert (len(ranges), len(scored)) == (12, 48)
    assert not set(ranges) & set(scored)
    one = tmp_path / "one.tsv"
    one.write_text("".join(dev["sent"].read_text().splitlines(keepends=True)[:2]))
    with pytest.raises(InputError, match="too few texts to hold some out"):
        export(JOINT, tmp_path / "out", precision="int8", data={"sent": one})


def test_int8_of_a_bundle_without_a_task(trained_bundle: Path, tmp_path: Path):
    with pytest.raises(InputError, match="a bundle with a fine-tuned task"):
        export(trained_bundle, tmp_path / "out", precision="int8")


def test_int8_is_made_once_by_what_the_bundle_brings(dev: dict[str, Path], tmp_path: Path, monkeypatch, cli):
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    with pytest.raises(InputError, match=r"no int8 of this bundle yet.*export joint --precision int8 --data DEV"):
        spanbert.load(JOINT, precision="int8")
    bundle = tmp_path / "mine"
    write_with_more(JOINT, bundle, partial(copy_dev_data, dev))
    assert open_bundle(bundle).dev_data.keys() == dev.keys()
    with pytest.raises(InputError, match=r"no int8 of this bundle yet.*export mine --precision int8$"):
        spanbert.load(bundle, precision="int8")
    code, said, err = cli("export", bundle, "--precision", "int8", "--max-drop", 50)
    assert code == 0, err
    [place] = (tmp_path / "cache" / "exports").glob("*/mine-onnx-int8")
    assert said.startswith(f"wrote {place}\n")
    nlp = spanbert.load(bundle, precision="int8")
    assert nlp.files.path == place
    assert nlp.files.manifest["export"]["parity"].keys() == dev.keys()
    assert nlp("the red fox").tasks.keys() == spanbert.load(place)("the red fox").tasks.keys()
    text = tmp_path / "a.txt"
    text.write_text("the red fox\n")
    assert cli("predict", bundle, text, "--precision", "int8")[1] == cli("predict", place, text)[1]
    code, _, err = cli("export", bundle, "--precision", "int8")
    assert (code, "exists already" in err) == (2, True)
    with pytest.raises(InputError, match="no int8 of this bundle yet"):
        spanbert.load(JOINT, precision="int8")
    halved = spanbert.convert(bundle, tmp_path / "halved", to="bundle", precision="float16")
    assert open_bundle(tmp_path / "halved").dev_data.keys() == dev.keys(), halved
    (bundle / "dev" / "more.tsv").write_text("text\tlabel\n")
    with pytest.raises(InputError, match="a file of the bundle that its list does not name"):
        open_bundle(bundle)
