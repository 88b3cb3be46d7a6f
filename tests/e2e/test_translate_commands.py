"""Translation through the command line: two files in, translations out."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

import spanbert
from spanbert.core.errors import InputError
from spanbert.core.types import Document
from spanbert.train.run_directory import run_directory
from tests.runs import interrupted

NOUNS = {"fox": "Fuchs", "dog": "Hund", "king": "König", "child": "Kind", "bird": "Vogel"}
VERBS = {"sees": "sieht", "finds": "findet", "carries": "trägt"}
FEW = ["--set", "train.precision=float32", "--set", "train.threads=1", "--set", "translate.vocabulary=320", "--set",
       "translate.layers=1", "--set", "optim.lr=2e-3", "--set", "optim.head_lr=1e-2", "--set", "batch.tokens=256"]  # fmt: skip


def sentences(count: int, seed: int) -> list[tuple[str, str]]:
    drawn = random.Random(seed)
    found = []
    for _ in range(count):
        (one, eins), (verb, tut), (two, zwei) = (drawn.choice(list(words.items())) for words in (NOUNS, VERBS, NOUNS))
        found.append((f"the {one} {verb} a {two}", f"{eins} {tut} {zwei}."))
    return found


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    for name, count, seed in (("train", 160, 1), ("dev", 12, 2)):
        pairs = sentences(count, seed)
        (folder / f"{name}.en").write_text("".join(f"{text}\n" for text, _ in pairs))
        (folder / f"{name}.de").write_text("".join(f"{target}\n" for _, target in pairs))
        (folder / f"{name}.tsv").write_text("".join(f"{text}\t{target}\n" for text, target in pairs))
    return folder


def training(files: Path, model: Path, out: Path, steps: int = 150) -> list[object]:
    return [
        "finetune", "translate", "--model", model, "--train", files / "train.en", "--train-target", files / "train.de",
        "--dev", files / "dev.en", "--dev-target", files / "dev.de", "--out", out, "--budget", f"{steps}steps", *FEW,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def bundle(files: Path, hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundles") / "en-de"
    run = [sys.executable, "-m", "spanbert", *map(str, training(files, hugging_face_model, out))]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "bleu" in done.stdout
    return out


def test_it_learns_and_is_scored(cli, bundle: Path, files: Path):
    code, said, err = cli("evaluate", bundle, "--data", files / "dev.en", "--target", files / "dev.de", "--json")
    assert code == 0, err
    found = json.loads(said.splitlines()[-1])
    assert {"bleu", "chrf", "ppl", "signature", "interval", "sentences"} <= found.keys()
    assert found["bleu"] > 30
    assert found["ppl"] < 4
    assert found["sentences"] == 12
    assert "tok:13a" in found["signature"]
    code, said, err = cli(
        "evaluate", bundle, "--data", files / "dev.tsv", "--beam", 1, "--set", "translate.ter=true", "--json"
    )
    assert code == 0, err
    greedy = json.loads(said.splitlines()[-1])
    assert greedy["ppl"] == pytest.approx(found["ppl"], rel=1e-4)
    assert greedy["ter"] >= 0
    code, said, err = cli("evaluate", "--compare", bundle, bundle, "--data", files / "dev.tsv")
    assert code == 0, err
    assert "bleu: +0.00, p = 1.0000 by sacreBLEU's paired bootstrap test" in said


def test_one_line_in_one_line_out(cli, bundle: Path, tmp_path: Path):
    texts = tmp_path / "texts.txt"
    texts.write_text(
        "the fox sees a dog\n\nthe king finds a bird. the dog sees a child\n今天下雨。\n" + "fox " * 200 + "\n"
    )
    code, said, err = cli("predict", bundle, texts, "--format", "text")
    assert code == 0, err
    lines = said.split("\n")
    assert len(lines) == 6
    assert lines[1] == ""
    nlp = spanbert.load(bundle)
    assert lines[:5] == nlp.translate(texts.read_text().split("\n")[:5])
    assert nlp.translate("the fox sees a dog") == lines[0] == nlp("the fox sees a dog").translation
    code, said, err = cli("predict", bundle, texts, "--n-best", 3, "--beam", 4, "--format", "text")
    assert code == 0, err
    assert len(said.split("\n")) == 6
    assert said.split("\n")[0].count("\t") == 2
    code, said, err = cli("predict", bundle, texts, "--n-best", 2, "--set", "translate.alignments=true")
    assert code == 0, err
    first = json.loads(said.splitlines()[0])["tasks"]["translate"]
    assert first.keys() == {"translation", "score", "candidates", "alignments"}
    assert first["candidates"][0]["score"] >= first["candidates"][1]["score"]
    [alignment] = first["alignments"]
    assert alignment["source"] == ["the", "fox", "sees", "a", "dog"]
    assert all(len(row) == 5 and sum(row) <= 1.001 for row in alignment["weights"])
    code, _, err = cli("predict", bundle, texts, "--format", "html", "--out", tmp_path / "page.html")
    assert code == 0, err
    page = (tmp_path / "page.html").read_text()
    assert lines[0] in page
    assert page.count("<ruby data-sb-marks=") >= 3, "words of the translation with those that they look at"
    code, said, err = cli("predict", bundle, texts, "--format", "conll")
    assert code == 2
    assert "Traceback" not in err


def test_report_and_card(bundle: Path):
    page = (run_directory(bundle) / "report.html").read_text()
    for part in ("n-grams shared with the reference", "What each written word looks at", "100 - chrF++", "perplexity"):
        assert part in page
    assert "translation (translate)" in (bundle / "README.md").read_text()
    assert (bundle / "assets" / "translate" / "target_vocabulary.json").is_file()


@pytest.mark.parametrize("model", ["bpe", "unigram"])
def test_an_interrupted_run_goes_on_as_if_nothing_had_been(
    cli, files: Path, hugging_face_model: Path, tmp_path: Path, model: str
):
    more = ["--set", f"translate.vocabulary_model={model}", "--set", "train.checkpoint_every=2steps"]
    whole, broken = (training(files, hugging_face_model, tmp_path / name, 6) + more for name in ("whole", "broken"))
    code, _, err = cli(*whole)
    assert code == 0, err
    assert interrupted(3, "SIGTERM", *broken).returncode == 143
    code, _, err = cli(*broken, "--resume")
    assert code == 0, err
    losses = [
        [
            json.loads(line)["loss"]
            for line in (run_directory(tmp_path / name) / "metrics.jsonl").read_text().splitlines()
        ]
        for name in ("whole", "broken")
    ]
    if model == "unigram":  # it is trained by sums whose order is not fixed, but kept with the run
        kept = (
            run_directory(tmp_path / "broken") / "training" / "assets" / "translate" / "target_vocabulary.json"
        ).read_bytes()
        assert kept == (tmp_path / "broken" / "assets" / "translate" / "target_vocabulary.json").read_bytes()
        assert len(losses[1]) == 6
    else:
        assert losses[0] == losses[1]


def test_from_scratch(cli, files: Path, tmp_path: Path):
    run = ["finetune", "translate", "--size", "tiny", "--train", files / "train.tsv", "--out", tmp_path / "out", "--budget",
           "4steps", *FEW, "--set", "scratch.vocabulary=200", "--set", "scratch.layers=1", "--set", "optim.frozen=0.5"]  # fmt: skip
    code, _, err = cli(*run, "--dev", files / "missing.tsv")
    assert code == 2
    assert not (tmp_path / "out").exists(), "a refused run leaves nothing behind"
    assert interrupted(2, "SIGTERM", *run).returncode == 143
    code, said, err = cli(*run, "--resume")
    assert code == 0, err
    assert "after 4 steps" in said
    manifest = json.loads((tmp_path / "out" / "spanbert.json").read_text())
    assert manifest["base"] == "from scratch, size tiny"
    assert manifest["tasks"]["translate"]["decoder"] == {"width": 128, "layers": 1, "heads": 2, "feed_forward": 512}
    code, _, err = cli(*run[:2], *run[4:], "--overwrite")
    assert code == 2
    assert "--model or --size" in err


def test_a_bundle_is_trained_further_and_beside_other_tasks(cli, bundle: Path, files: Path, tmp_path: Path):
    run = [
        "finetune",
        "translate",
        "--model",
        bundle,
        "--train",
        files / "dev.tsv",
        "--out",
        tmp_path / "more",
        "--budget",
        "1steps",
    ]
    code, said, err = cli(*run, "--set", "train.precision=float32")
    assert code == 0, err
    assert "continues with the checkpoint's head for translate" in said + err
    labels = tmp_path / "labels.tsv"
    labels.write_text("text\tlabel\nthe fox\ta\nthe king\tb\n")
    both = ["finetune", "multi", "--model", bundle, "--task", f"de=translate:{files / 'train.tsv'}:{files / 'dev.tsv'}", "--task",
            f"topic=classify:{labels}", "--out", tmp_path / "both", "--budget", "4steps", *FEW]  # fmt: skip
    code, _, err = cli(*both)
    assert code == 0, err
    doc = spanbert.load(tmp_path / "both")("the fox sees a dog")
    assert set(doc.tasks) == {"de", "topic"}
    assert doc.translation == doc["de"].text
    code, said, err = cli("convert", tmp_path / "both", tmp_path / "copy", "--to", "bundle")
    assert code == 0, err
    assert spanbert.load(tmp_path / "copy").translate(["the fox sees a dog"]) == [doc.translation]


def test_doctor(cli, files: Path, hugging_face_model: Path, tmp_path: Path):
    one, other, fixed = tmp_path / "a.en", tmp_path / "a.de", tmp_path / "fixed.jsonl"
    pairs = [
        *sentences(40, 3), ("the fox sees a dog", ""), ("the fox runs", "the fox runs"), ("the cat", "Die Katze schläft. " * 9),
        ("the bird", "今天下雨了吗"), ("the fox " * 60, "Der Fuchs"), ("same text here now", "same text here now"),
        *sentences(40, 3)[:2],
    ]  # fmt: skip
    one.write_text("".join(f"{text}\n" for text, _ in pairs))
    other.write_text("".join(f"{target}\n" for _, target in pairs))
    run = ["doctor", "translate", "--data", one, "--target", other, "--model", hugging_face_model, "--no-estimate", "--set",
           "translate.vocabulary=320"]  # fmt: skip
    code, said, err = cli(*run, "--dev", files / "dev.en", "--dev-target", files / "dev.de", "--json")
    assert code == 2, err
    found = json.loads(said.splitlines()[-1])
    counts = {one["name"]: one["count"] for one in found["findings"] if one["file"] == found["files"][0]}
    assert counts["empty_side"] == 1
    assert counts["copies"] == 2
    assert counts["other_script"] == 1
    assert counts["length_ratio"] >= 1
    assert counts["too_long"] == 1
    assert counts["duplicates"] >= 2
    assert any(one["name"] == "leakage" for one in found["findings"])
    code, said, err = cli(*run, "--fix", tmp_path / "fixed.tsv")
    assert code == 2
    assert "JSON lines" in err
    code, said, err = cli(*run, "--fix", fixed)
    assert "pairs with an empty side left out: 1" in said
    assert "copies of the text left out: 1" in said
    kept = [json.loads(line) for line in fixed.read_text().splitlines()]
    assert all(one["text"] and one["target"] for one in kept)
    assert len({(one["text"], one["target"]) for one in kept}) == len(kept)
    code, said, err = cli(
        "doctor", "translate", "--data", fixed, "--model", hugging_face_model, "--set", "translate.vocabulary=320"
    )
    assert code == 0, err
    assert "memory at the peak" in said
    assert "can be written as they are" in said


def test_files_are_converted(cli, files: Path, tmp_path: Path):
    memory, one, other = tmp_path / "m.tmx", tmp_path / "b.en", tmp_path / "b.de"
    code, said, err = cli("convert", files / "dev.en", memory, "--target", files / "dev.de", "--to", "tmx")
    assert code == 0, err
    assert "12 translations" in said
    code, _, err = cli("convert", memory, one, "--to", "aligned", "--target", other)
    assert code == 0, err
    assert (one.read_text(), other.read_text()) == ((files / "dev.en").read_text(), (files / "dev.de").read_text())
    code, _, err = cli("convert", one, tmp_path / "c.conll", "--to", "columns", "--target", other)
    assert code == 2
    assert "a second file, of translations alone" in err


def test_what_is_refused(cli, bundle: Path, files: Path, hugging_face_model: Path, tmp_path: Path):
    short, out = tmp_path / "short.de", tmp_path / "out"
    short.write_text("Eins.\n")
    run = ["finetune", "translate", "--model", hugging_face_model, "--train", files / "train.en", "--out", out, *FEW]
    for more, wanted in (
        (["--train-target", short], "the files do not have equally many lines"),
        (["--train-target", tmp_path / "missing"], "no such file"),
        ([], "no file of texts with their translations"),
        (["--train-target", files / "train.de", "--dev-target", files / "dev.de"], "translations without their texts"),
    ):
        code, _, err = cli(*run, *more)
        assert code == 2
        assert wanted in err
        assert not out.exists()
    labels = tmp_path / "labels.tsv"
    labels.write_text("text\tlabel\nthe fox\ta\nthe king\tb\n")
    code, _, err = cli(
        "finetune", "classify", "--model", hugging_face_model, "--train", labels, "--train-target", short, "--out", out
    )
    assert code == 2
    assert "a second file" in err
    empty = tmp_path / "empty.tsv"
    empty.write_text("the fox\tDer Fuchs\nthe dog\t \n")
    code, _, err = cli("evaluate", bundle, "--data", empty)
    assert code == 2
    assert "empty.tsv:2: an empty translation" in err
    code, _, err = cli("predict", bundle, labels, "--n-best", 9)
    assert code == 2
    assert "more translations than hypotheses" in err
    nlp = spanbert.load(bundle)
    for given in (["a", None], [b"a"]):
        with pytest.raises(InputError, match="not a text"):
            nlp.translate(given)
    with pytest.raises(InputError, match="no task that translates"):
        spanbert.load(hugging_face_model).translate("a")


def test_a_translation_is_explained(cli, bundle: Path):
    nlp = spanbert.load(bundle)
    text, target = next(iter(sentences(1, 2)))
    [one] = nlp.explain(text, label=target)
    [found] = nlp.predict([Document(id="1", text=text, target=target)])
    [task] = nlp.tasks
    assert one.score == pytest.approx(found[task].reference[0], rel=1e-3)
    assert one.converged
    moved = sum(word.score for word in one.words)
    assert moved == pytest.approx(one.score - one.baseline_score + one.delta, abs=1e-3)
    code, said, err = cli("explain", bundle, f"{text}. {text.capitalize()}.", "--most", 1, "--json")
    assert code == 0, err
    record = json.loads(said)
    assert record["explanations"][0]["label"] == nlp.translate(f"{text}.")
    assert record["left_out"] == 1
    code, _, err = cli("explain", bundle, f"{text}. {text.capitalize()}.", "--label", target)
    assert code == 2
    assert "a translation of several parts; got 2 parts. Name one of them with of" in err
