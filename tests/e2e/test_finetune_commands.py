"""`spanbert finetune`, `evaluate` and `predict` as a user meets them: formats, JSON, one-line errors, whole files."""

from __future__ import annotations

import io
import json
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import spanbert
from spanbert.core.tagging import illegal_tags
from spanbert.train.run_directory import run_directory
from tests.labelled import SETTINGS, conll_file, flat, pair_file, single_file, squad_file, tiny, write_lines

FEW = [part for one in (*SETTINGS, "train.max_steps=3", "train.threads=1") for part in ("--set", one)]


@pytest.fixture(scope="module")
def runs(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory):
    base = tmp_path_factory.getbasetemp()
    return {name: tiny(name, hugging_face_model, base) for name in ("joint", "single", "bio", "qa", "nested")}


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch):
    def give(content: str | bytes) -> None:
        raw = content if isinstance(content, bytes) else content.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))

    return give


def test_finetune_evaluate_predict(cli, hugging_face_model: Path, tmp_path: Path):
    train, dev = conll_file(tmp_path / "train.conll", 60, 1), conll_file(tmp_path / "dev.conll", 12, 2)
    out = tmp_path / "ner"
    code, said, err = cli("finetune", "tag", "--model", hugging_face_model, "--train", train, "--dev", dev, "--out", out,
                          *FEW, "--set", "train.max_steps=90", "--json")  # fmt: skip
    assert code == 0, err
    report = json.loads(said.splitlines()[-1])
    assert (report["path"], report["stopped_by"], report["step"]) == (str(out), "budget", 90)
    assert report["scores"]["tag"]["f1"] > 0.8
    assert {path.name for path in out.iterdir()} == {
        "model.safetensors", "config.json", "spanbert.json", "README.md", "tokenizer.json", "tokenizer_config.json",
        "vocab.txt",
    }  # fmt: skip
    assert {path.name for path in run_directory(out).iterdir()} == {
        "run.json", "metrics.jsonl", "evaluations.jsonl", "scores.json", "mistakes.jsonl", "report.html", "tensorboard",
        "training",
    }  # fmt: skip
    code, said, _ = cli("evaluate", out, "--data", dev, "--json")
    found = json.loads(said.splitlines()[-1])
    assert (code, found["f1"]) == (0, report["scores"]["tag"]["f1"])
    code, said, _ = cli("evaluate", out, "--data", dev)
    assert f"{found['f1']:.4f}" in said
    assert "95% interval" in said
    assert found["signature"] in said
    (tmp_path / "texts.txt").write_text("the red fox runs over a king .\n")
    code, said, _ = cli("predict", out, tmp_path / "texts.txt")
    assert (code, json.loads(said)["id"]) == (0, "1")


KEYS = {
    "single": {"accuracy", "macro_f1", "micro_f1", "mcc"},
    "bio": {"f1", "precision", "recall"},
    "qa": {"em", "f1"},
}


@pytest.mark.parametrize("name", KEYS)
def test_json_figures_are_fractions_with_interval_and_signature(cli, runs, name: str):
    result, tasks = runs[name]
    [data] = tasks.values()
    code, out, _ = cli("evaluate", result.path, "--data", data.dev, "--json")
    found = json.loads(out.splitlines()[-1], parse_constant=pytest.fail)
    assert code == 0
    assert KEYS[name] | {"task", "kind", "main", "interval", "signature"} <= found.keys()
    assert all(0 <= found[key] <= 1 for key in KEYS[name])
    assert len(found["interval"][found["main"]]) == 2


def test_two_bundles_compared(cli, runs):
    result, tasks = runs["single"]
    dev = tasks["classify"].dev
    code, out, _ = cli("evaluate", "--compare", result.path, result.path, "--data", dev, "--json")
    compared = json.loads(out.splitlines()[-1])["compared"]
    assert (code, compared["difference"], compared["p_value"], compared["units"]) == (0, 0.0, 1.0, 24)
    code, out, _ = cli("evaluate", "--compare", result.path, result.path, "--data", dev)
    assert "p = 1.0000 over 24 units" in out
    assert cli("evaluate", "--compare", result.path, "--data", dev)[0] == 2


class Balanced(HTMLParser):
    """Fails on a tag that is closed before those within it."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "br", "hr", "link", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("source", ["file", "stdin"])
def test_predict_in_every_format(cli, runs, stdin, tmp_path: Path, source: str):
    texts = ["the red fox runs over a king .", "a queen <b>sleeps</b> & often"]
    content = "\n".join(texts) + "\n"
    (tmp_path / "texts.txt").write_text(content)
    given = tmp_path / "texts.txt" if source == "file" else "-"
    stdin(content)
    code, out, err = cli("predict", runs["bio"][0].path, given)
    assert code == 0, err
    records = [flat(line) for line in out.splitlines()]
    assert [(one["id"], one["text"]) for one in records] == [("1", texts[0]), ("2", texts[1])]
    for record in records:
        for entity in record["entities"]:
            assert record["text"][entity["start"] : entity["end"]] == entity["text"]
    stdin(content)
    code, out, _ = cli("predict", runs["bio"][0].path, given, "--format", "conll")
    sentences = [[line.split("\t") for line in block.splitlines()] for block in out.strip().split("\n\n")]
    assert [len(one) for one in sentences] == [8, 12]
    assert "".join(word for word, _ in sentences[1]) == texts[1].replace(" ", "")
    assert not any(illegal_tags([tag for _, tag in one], "BIO") for one in sentences)
    stdin(content)
    code, out, _ = cli("predict", runs["joint"][0].path, given, "--format", "html")
    page = Balanced()
    page.feed(out)
    assert (code, page.open) == (0, [])
    assert "&lt;" in out
    assert "&amp;" in out
    assert "<b>" not in out


def test_ids_pairs_tokens_and_questions(cli, runs, stdin):
    stdin('{"id": "a-1", "tokens": ["red", "fox", "runs"]}\n{"id": 9, "text": "the king sleeps"}\n')
    code, out, _ = cli("predict", runs["joint"][0].path, "--task", "ner")
    assert (code, [json.loads(line)["id"] for line in out.splitlines()]) == (0, ["a-1", "9"])
    stdin('{"id": "q7", "question": "who sees it?", "context": "the old king runs near a"}\n')
    code, out, _ = cli("predict", runs["joint"][0].path)
    [record] = [json.loads(line, parse_constant=pytest.fail) for line in out.splitlines()]
    assert (code, record["id"]) == (0, "q7")
    assert (record["tasks"]["who"]["answer"], record["tasks"]["who"]["start"]) == ("king", 8)
    stdin('{"id": "q8", "question": "who?", "context": ""}\n')
    code, out, _ = cli("predict", runs["qa"][0].path)
    assert json.loads(out, parse_constant=pytest.fail)["tasks"]["qa"]["null_score"] is None
    stdin("")
    assert cli("predict", runs["single"][0].path)[:2] == (0, "")


def test_files_as_the_tasks_are_trained_on(cli, runs, tmp_path: Path):
    def records(name: str, file: Path, *more: object) -> list[dict]:
        code, out, err = cli("predict", runs[name][0].path, file, *more)
        assert code == 0, err
        return [flat(line) for line in out.splitlines()]

    table = single_file(tmp_path / "a.tsv", 3, 0)
    found = records("single", table)
    assert [one["text"] for one in found] == [line.split("\t")[0] for line in table.read_text().splitlines()[1:]]
    assert records("joint", table, "--task", "kind")[0]["labels"] == found[0]["labels"]
    words = conll_file(tmp_path / "a.conll", 4, 0)
    assert [len(one["text"].split()) for one in records("bio", words)] == [
        len(block.splitlines()) for block in words.read_text().split("\n\n")
    ]
    questions = squad_file(tmp_path / "a.json", 5, 0)
    assert [one["question"] for one in records("qa", questions)] == ["who sees it?"] * 5
    assert "no task that reads .json files; got classify" in errors_of(
        cli, "predict", runs["single"][0].path, questions
    )
    assert "no task that reads .conll files" in errors_of(cli, "predict", runs["single"][0].path, words)
    assert "several tasks read such a file" in errors_of(cli, "predict", runs["joint"][0].path, table)


def test_an_output_file_is_whole_or_not_there(cli, runs, tmp_path: Path):
    texts, out = tmp_path / "texts.jsonl", tmp_path / "out.jsonl"
    write_lines(texts, [{"id": str(n), "text": "the fox runs"} for n in range(600)])
    assert cli("predict", runs["single"][0].path, texts, "--out", out)[:2] == (0, "")
    assert len(out.read_text().splitlines()) == 600
    before = out.read_bytes()
    with texts.open("a") as stream:
        stream.write("the end is no JSON\n")
    code, said, err = cli("predict", runs["single"][0].path, texts, "--out", out, "--overwrite")
    assert (code, said) == (2, "")
    assert f"{texts}:601: not valid JSON" in err
    assert out.read_bytes() == before, "the old file stays"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "texts.jsonl"]
    assert cli("predict", runs["single"][0].path, texts, "--out", tmp_path / "new.jsonl")[0] == 2
    assert not (tmp_path / "new.jsonl").exists()


def errors_of(cli, *arguments: object) -> str:
    code, _, err = cli(*arguments)
    assert code == 2, err
    lines = [line for line in err.splitlines() if line.strip()]
    assert lines[-1].startswith("spanbert: error: "), err
    assert "Traceback" not in err
    return lines[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["classfy", "--train", "a.tsv"], "no kind of task 'classfy'; did you mean 'classify'?"),
        (["classify", "--train", "none.tsv"], "none.tsv"),
        (["classify", "--train", "a.tsv", "--dev", "none.tsv"], "none.tsv: no such file"),
        (["classify", "--train", "a.tsv", "--label-column", "labl"], "no column 'labl'; got columns text, label"),
        (["classify"], "what to train on?"),
        (["classify", "--train", "a.tsv", "--seeds", "2"], "several seeds need dev data"),
        (["classify", "--train", "a.tsv", "--mode", "several"], "bad value for 'classify.mode'"),
        (["classify", "--train", "a.tsv", "--budget", "soon"], "--budget: not an amount of training"),
        (["classify", "--train", "a.conll"], "a.conll"),
        (["classify", "--train", "d.tsv"], "d.tsv: no data of the kind classify; got columns of words and tags. Tasks of the kind tag"),
        (["translate", "--train", "d.tsv"], "d.tsv: no data of the kind translate; got columns of words and tags."),
        (["tag", "--train", "a.conll", "--pair-column", "x"], "--pair-column: an option of classify; got the kind tag"),
        (["tag", "--train", "a.conll", "--threshold", "0.3"], "--threshold: an option of classify and qa"),
        (["classify", "--train", "a.tsv", "--nested"], "--nested: an option of tag; got the kind classify"),
        (["multi", "--task", "a=tag:a.conll", "--set", "tasks.b.column=ner"], "not a setting of a task"),
        (["multi", "--task", "a=tag:a.conll", "--set", "tasks.a.colum=ner"], "unknown key 'tag.colum'"),
        (["tag", "--train", "c.conll", "--column", "ner"], "c.conll:1: no tags of entities; got DT, NN"),
        (["tag", "--train", "a.json"], "questions, not labelled words"),
        (["tag", "--train", "a.conll", "--column", "pos"], "bad value for 'tag.column'"),
        (["tag", "--train", "b.conll"], "b.conll:3: "),
        (["qa", "--train", "a.conll"], "a.conll:1: no file of annotations; got "),
        (["multi", "--train", "a.tsv"], "which tasks?"),
        (["multi", "--task", "a=classify"], "not a task"),
        (["multi", "--task", "a=classify:a.tsv", "--task", "a=tag:a.conll"], "two tasks with the same name"),
        (["multi", "--task", "type=classify:a.tsv"], "a name that no task can have"),
        (["tag", "--train", "a.conll", "--set", "optim.lrr=1"], "unknown key 'optim.lrr'; did you mean 'optim.lr'?"),
    ],
)  # fmt: skip
def test_finetune_says_in_one_line_what_is_wrong(
    cli, hugging_face_model: Path, tmp_path: Path, monkeypatch, arguments: list[str], message: str
):
    monkeypatch.chdir(tmp_path)
    single_file(tmp_path / "a.tsv", 6, 0)
    conll_file(tmp_path / "a.conll", 6, 0)
    (tmp_path / "b.conll").write_text("a O\nfox O\nruns\n")
    squad_file(tmp_path / "a.json", 6, 0)
    (tmp_path / "c.conll").write_text("a DT\nfox NN\n")
    (tmp_path / "d.tsv").write_text("the\tO\nFox\tB-ORG\nruns\tO\n\na\tO\nKing\tB-ORG\n")
    before = sorted(tmp_path.iterdir())
    said = errors_of(cli, "finetune", *arguments, "--model", hugging_face_model, "--out", "out")
    assert message in said
    assert sorted(path for path in tmp_path.iterdir() if not path.name.startswith(".")) == before, "nothing is left"


@pytest.mark.parametrize(
    ("name", "content", "arguments", "message"),
    [
        ("single", None, ["none.txt"], "none.txt: no such file"),
        ("single", '{"text": "a"}\nb\n', ["in.txt"], "in.txt:2: not valid JSON"),
        ("single", '{"text": "a"}\n{"question": "b", "context": "c"}\n', ["in.txt"], "no task that reads questions"),
        ("single", "a fox\n", ["in.txt", "--task", "kindd"], "no task 'kindd'"),
        ("qa", "a fox\n", ["in.txt"], "no task that reads texts"),
        (
            "single",
            "a fox\n",
            ["in.txt", "--format", "conll"],
            "only tagged words and clusters can be written in columns",
        ),
        ("single", "a fox\n", ["in.txt", "--format", "xml"], "--format: no format 'xml'"),
        ("single", b"a fox\n\xff\n", ["in.txt"], "in.txt:2: not UTF-8"),
    ],
)
def test_predict_says_in_one_line_what_is_wrong(
    cli, runs, tmp_path: Path, monkeypatch, name: str, content, arguments: list[str], message: str
):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "in.txt").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert message in errors_of(cli, "predict", runs[name][0].path, *arguments)
    assert {path.name for path in tmp_path.iterdir()} <= {"in.txt"}


def test_evaluate_says_in_one_line_what_is_wrong(cli, runs, hugging_face_model: Path, tmp_path: Path):
    single = runs["single"][0].path
    assert "none.tsv: no such file" in errors_of(cli, "evaluate", single, "--data", tmp_path / "none.tsv")
    dev = single_file(tmp_path / "a.tsv", 4, 0)
    assert "which task?" in errors_of(cli, "evaluate", runs["joint"][0].path, "--data", dev)
    assert "no fine-tuned task" in errors_of(cli, "evaluate", hugging_face_model, "--data", dev)
    assert "how many bundles?" in errors_of(cli, "evaluate", single, single, "--data", dev)
    assert "scored in different ways" in errors_of(
        cli, "evaluate", "--compare", single, runs["bio"][0].path, "--data", dev
    )


def test_two_tasks_read_one_file_each_in_its_way(cli, hugging_face_model: Path, tmp_path: Path):
    rows = [("Ann", "PROPN", "NER=B-PER"), ("sleeps", "VERB", "_")] * 4
    lines = [f"{n}\t{word}\t_\t{tag}\t_\t_\t_\t_\t_\t{misc}" for n, (word, tag, misc) in enumerate(rows, 1)]
    (tmp_path / "a.conllu").write_text("\n".join(lines) + "\n")
    one = f"tag:{tmp_path / 'a.conllu'}"
    code, _, err = cli("finetune", "multi", "--task", f"ner={one}", "--task", f"pos={one}", "--model", hugging_face_model,
                       "--out", tmp_path / "both", *FEW, "--set", "tasks.pos.column=upos")  # fmt: skip
    assert code == 0, err
    nlp = spanbert.load(tmp_path / "both")
    assert nlp.tasks["pos"].tags == ("PROPN", "VERB")
    assert nlp.tasks["ner"].tags == ("O", "B-PER", "I-PER")
    other = ("evaluate", tmp_path / "both", "--task", "ner", "--data", tmp_path / "a.conllu", "--column", "upos")
    assert "nothing labelled to score" in errors_of(cli, *other)


def test_several_tasks_and_seeds_on_the_command_line(cli, hugging_face_model: Path, tmp_path: Path):
    pairs, entities = pair_file(tmp_path / "p.tsv", 16, 1), conll_file(tmp_path / "e.conll", 8, 1)
    code, out, err = cli("finetune", "multi", "--task", f"same=classify:{pairs}:{pairs}", "--task", f"ner=tag:{entities}",
                         "--model", hugging_face_model, "--out", tmp_path / "both", *FEW, "--seeds", 1)  # fmt: skip
    assert code == 0, err
    assert f"next: spanbert evaluate {tmp_path / 'both'} --task same" in out
    nlp = spanbert.load(tmp_path / "both")
    assert {name: task.kind for name, task in nlp.tasks.items()} == {"same": "classify", "ner": "tag"}
    assert set(nlp("the fox", pair="a king")) == {"same", "ner"}
    code, out, err = cli("finetune", "classify", "--train", pairs, "--dev", pairs, "--model", hugging_face_model, "--out",
                         tmp_path / "seeds", *FEW, "--seeds", 2, "--json")  # fmt: skip
    assert code == 0, err
    report = json.loads(out.splitlines()[-1])
    assert set(report["seeds"]["classify"]["accuracy"]["by_seed"]) == {"0", "1"}
    assert "standard deviation" in out
