"""Translations by CTranslate2: those of the bundle, in float32; and what cannot be exported so."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

import spanbert
from spanbert.core.errors import InputError, SpanbertError
from spanbert.core.types import Document
from spanbert.exports.export import export
from spanbert.inference import translator
from tests.labelled import write_table

JOINT = Path(__file__).parents[2] / "fixtures" / "bundles" / "joint"
NOUNS = {"fox": "Fuchs", "dog": "Hund", "king": "König", "child": "Kind", "bird": "Vogel"}
VERBS = {"sees": "sieht", "finds": "findet", "carries": "trägt"}


def pairs(path: Path, count: int, seed: int) -> Path:
    drawn, rows = random.Random(seed), []
    for _ in range(count):
        (one, eins), (verb, tut), (two, zwei) = (drawn.choice(list(words.items())) for words in (NOUNS, VERBS, NOUNS))
        rows.append((f"the {one} {verb} a {two}", f"{eins} {tut} {zwei}."))
    return write_table(path, ("text", "target"), rows)


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pairs(tmp_path_factory.mktemp("dev") / "dev.tsv", 24, 2)


@pytest.fixture(scope="module")
def bundle(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A decoder of another width and other heads than the encoder's."""
    folder = tmp_path_factory.mktemp("en-de")
    config = spanbert.FinetuneConfig.assemble(
        overrides=[
            "train.precision=float32",
            "train.max_steps=60",
            "optim.lr=2e-3",
            "optim.head_lr=1e-2",
            "batch.tokens=256",
        ]
    )
    options = {"vocabulary": 320, "layers": 2, "width": 24, "heads": 3}
    task = spanbert.TaskData(kind="translate", train=pairs(folder / "train.tsv", 120, 1), options=options)  # type: ignore[arg-type]
    return spanbert.finetune({"en-de": task}, model=hugging_face_model, out=folder / "bundle", config=config).path


def documents() -> list[Document]:
    texts = ["the fox sees a dog", "", "a king", "the bird finds the child and the child the bird " * 4, "Ω 🦊"]
    return [
        *(Document(id=str(number), text=text) for number, text in enumerate(texts)),
        *(Document(id=f"long {number}", text=" ".join(["fox sees the"] * number)) for number in range(1, 9)),
        Document(id="gold", text="the dog finds a king", target="Hund findet König."),
    ]


@pytest.mark.parametrize("beam", [1, 3])
def test_float32_writes_what_the_bundle_writes(bundle: Path, tmp_path: Path, beam: int):
    pytest.importorskip("ctranslate2")
    done = export(bundle, tmp_path / "out", runtime="ctranslate2")
    options = {"translate": {"beam": beam, "length_penalty": 0.0, "n_best": beam}}
    ours, theirs = (list(spanbert.load(one, options=options).predict(documents())) for one in (bundle, done.path))
    for one, two in zip(ours, theirs, strict=True):
        assert two["en-de"].text == one["en-de"].text
        assert two["en-de"].score == pytest.approx(one["en-de"].score, abs=0.1), "but for pieces that are never written"
        assert [found.text for found in two["en-de"].candidates][:1] == [
            found.text for found in one["en-de"].candidates
        ][:1]
    (total, pieces), (found, count) = (one[-1]["en-de"].reference for one in (ours, theirs))
    assert (count, found) == (pieces, pytest.approx(total, abs=1e-3))
    assert len({one["en-de"].text for one in theirs}) > 3


def test_no_translation_is_longer_than_its_text_allows(bundle: Path, tmp_path: Path):
    pytest.importorskip("ctranslate2")
    path = export(bundle, tmp_path / "out", runtime="ctranslate2").path
    options = {"translate": {"beam": 1, "max_ratio": 0.01}}  # eleven pieces at most, whatever the text
    ours, theirs = (list(spanbert.load(one, options=options).predict(documents())) for one in (bundle, path))
    assert [one["en-de"].text for one in theirs] == [one["en-de"].text for one in ours]


def test_int8_goes_through_the_gate(bundle: Path, dev: Path, tmp_path: Path, cli):
    pytest.importorskip("ctranslate2")
    whole = export(bundle, tmp_path / "whole", runtime="ctranslate2", data=dev)
    [parity] = whole.parity.values()
    assert (parity.main, parity.drop, parity.agreement) == ("bleu", pytest.approx(0, abs=1e-6), 1.0)
    assert parity.before > 1, "BLEU is of 100"
    code, said, err = cli(
        "export", bundle, "--out", tmp_path / "int8", "--runtime", "ctranslate2", "--precision", "int8", "--data", dev,
        "--max-drop", 50, "--json",
    )  # fmt: skip
    assert code == 0, err
    found = json.loads(said.splitlines()[-1])
    assert found["bytes"] < 0.6 * whole.bytes
    one = found["parity"]["en-de"]
    assert one["drop"] == pytest.approx(one["before"] - one["after"])
    assert one["data"] == dev.name
    assert found["calibrated_on"] == {}
    code, said, err = cli("evaluate", tmp_path / "int8", "--data", dev, "--json")
    assert code == 0, err
    assert json.loads(said.splitlines()[-1])["bleu"] == pytest.approx(one["after"], abs=1e-6)
    code, said, err = cli("info", tmp_path / "int8")
    assert code == 0, err
    assert spanbert.load(tmp_path / "int8").translate("the fox sees a dog")
    with pytest.raises(InputError, match="ctranslate2 has no bfloat16"):
        export(bundle, tmp_path / "no", runtime="ctranslate2", precision="bfloat16")
    with pytest.raises(InputError, match="int8 is compared with the bundle"):
        export(bundle, tmp_path / "no", runtime="ctranslate2", precision="int8")
    (tmp_path / "whole" / "ctranslate2" / "more.txt").write_text("more")
    with pytest.raises(InputError, match="does not name"):
        spanbert.load(tmp_path / "whole")


def test_what_does_not_translate_is_refused(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(translator, "find_spec", lambda name: None)
        with pytest.raises(SpanbertError, match="run by ctranslate2, which is not installed: pip install ctranslate2"):
            export(bundle, tmp_path / "out", runtime="ctranslate2")
    pytest.importorskip("ctranslate2")
    with pytest.raises(InputError, match=r"CTranslate2 runs models that translate.*ner \(tag\).*--runtime onnx"):
        export(JOINT, tmp_path / "out", runtime="ctranslate2")
    with pytest.raises(InputError, match="--runtime ctranslate2"):
        export(bundle, tmp_path / "out", runtime="onnx")
    assert not (tmp_path / "out").exists()


def test_hypotheses_are_ranked_as_ours(monkeypatch: pytest.MonkeyPatch):
    short, long = (["p5", "p1"], -1.0), (["p5", "p6", "p7", "p1"], -0.9)  # scores by the number of pieces
    found = translator._ranked([long, short], 1.0, is_greedy=False)
    assert [one.log_probability for one in found] == pytest.approx([-2.0, -3.6])
    assert found[0].score == pytest.approx(-2.0 / (7 / 6))
    np.testing.assert_array_equal(translator._ranked([(["p5"], -1.0)], 1.0, is_greedy=True)[0].ids, [5, 1])
