"""Coreference and relation extraction as a user meets them: every command, every format, one-line errors."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from spanbert.core.errors import InputError
from spanbert.corpus.formats.clusters import coref_origin
from spanbert.corpus.formats.gap import HEADER
from spanbert.corpus.formats.registry import write_data
from spanbert.corpus.text.words import words_between
from spanbert.train.run_directory import run_directory
from tests.formats import read_coref, read_relations
from tests.labelled import SETTINGS, coref_file, flat, people_file, relation_file, tiny

FEW = [part for one in (*SETTINGS, "train.max_steps=3", "train.threads=1") for part in ("--set", one)]
COREF_KEYS = {"conll_f1", "muc_f1", "b_cubed_f1", "ceaf_f1", "lea_f1", "mention_f1"}
BROKEN = "#begin document (a); part 000\na\t0\t0\tAnn\t-\t(1\na\t0\t1\tran\t-\t-\n\n#end document\n"


@pytest.fixture(scope="module")
def runs(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory):
    base = tmp_path_factory.getbasetemp()
    return {name: tiny(name, hugging_face_model, base) for name in ("coref", "relation", "entities")}


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch):
    def give(content: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode()), encoding="utf-8"))

    return give


def refused(cli, *arguments: object) -> str:
    code, _, err = cli(*arguments)
    assert code == 2, err
    assert "Traceback" not in err
    last = err.splitlines()[-1]
    assert last.startswith("spanbert: error: ")
    return last


def test_finetune_and_report(cli, hugging_face_model: Path, tmp_path: Path):
    for kind, writer, options in (
        ("coref", coref_file, ["--singletons", "drop", "--set", "coref.depth=50", "--set", "coref.size=16"]),
        ("relation", relation_file, ["--pool", "cls"]),
    ):
        train, dev = writer(tmp_path / "train.jsonl", 24, 1), writer(tmp_path / "dev.jsonl", 8, 2)
        out = tmp_path / kind
        code, said, err = cli("finetune", kind, "--model", hugging_face_model, "--train", train, "--dev", dev,
                              "--out", out, *FEW, *options)  # fmt: skip
        assert code == 0, err
        assert f"next: spanbert evaluate {out}" in said
        entry = json.loads((out / "spanbert.json").read_text())["tasks"][kind]
        page = (run_directory(out) / "report.html").read_text()
        assert {"coref": "clusters of two mentions or more", "relation": "one of 3 labels a pair"}[kind] in page
        if kind == "coref":
            assert (entry["options"]["depth"], entry["singletons"]) == (50, False)
            assert "MUC F1" in page
        else:
            assert (entry["options"]["pool"], entry["labels"][0]) == ("cls", "no_relation")
    assert "an option of coref" in refused(
        cli, "finetune", "relation", "--model", hugging_face_model, "--train", train, "--out", tmp_path / "x",
        "--singletons", "keep",
    )  # fmt: skip
    assert "bad value for 'relation.pool'" in refused(
        cli, "finetune", "relation", "--model", hugging_face_model, "--train", train, "--out", tmp_path / "x",
        "--pool", "mean",
    )  # fmt: skip


def test_evaluate(cli, runs):
    for name, keys in (("coref", COREF_KEYS), ("relation", {"micro_f1", "macro_f1"})):
        result, tasks = runs[name]
        dev = tasks[name].dev
        code, out, _ = cli("evaluate", result.path, "--data", dev, "--json")
        found = json.loads(out.splitlines()[-1], parse_constant=pytest.fail)
        assert code == 0
        assert keys | {"interval", "signature", "main"} <= found.keys()
        assert all(0 <= found[key] <= 1 for key in keys)
        assert keys <= found["interval"].keys()
        if name == "coref":
            _, out, _ = cli("evaluate", result.path, "--data", dev, "--json", "--set", "coref.singletons=keep")
            other = json.loads(out.splitlines()[-1])
            assert other["signature"] == found["signature"].replace("drop", "keep")
            assert "coref.size cannot change after training" in refused(
                cli, "evaluate", result.path, "--data", dev, "--set", "coref.size=8"
            )
            assert "a setting of qa; got qa.threshold=0.3; expected of coref" in refused(
                cli, "evaluate", result.path, "--data", dev, "--set", "qa.threshold=0.3"
            )
        code, out, _ = cli("evaluate", "--compare", result.path, result.path, "--data", dev, "--json")
        assert json.loads(out.splitlines()[-1])["compared"]["difference"] == 0


def test_evaluate_by_gender(cli, runs, tmp_path: Path):
    """The tiny model takes `he` and `he` for the same thing, right of the first row, wrong of the second, but not `she`."""
    text = "{0} ran . so the king and a fox ran , and {0} left ."
    rows = []
    for pronoun, of_a, of_b in (("he", "TRUE", "FALSE"), ("he", "FALSE", "TRUE"), ("she", "TRUE", "FALSE")):
        said = text.format(pronoun)
        rows.append(f"{len(rows)}\t{said}\t{pronoun}\t{said.rindex(pronoun)}\t{pronoun}\t0\t{of_a}\t"
                    f"king\t{said.index('king')}\t{of_b}\thttp://x")  # fmt: skip
    path = tmp_path / "gap.tsv"
    path.write_text("\n".join(["\t".join(HEADER), *rows, ""]) + "\n")  # a blank line at the end
    code, out, err = cli("evaluate", runs["coref"][0].path, "--data", path, "--json")
    assert code == 0, err
    found = json.loads(out.splitlines()[-1])
    assert (found["masculine_f1"], found["feminine_f1"], found["bias"]) == (0.5, 0, 0)
    assert (found["precision"], found["recall"]) == (0.5, pytest.approx(1 / 3))
    assert found["gap_f1"] == pytest.approx(0.4)
    assert (found["pronouns"], found["main"]) == (3, "gap_f1")


class Balanced(HTMLParser):
    """Fails on a tag that is closed before those within it."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.classes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.classes += (dict(attrs).get("class") or "").split()
        if tag not in ("meta", "br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_clusters_in_every_format(cli, runs, stdin, tmp_path: Path):
    result, tasks = runs["coref"]
    texts = [document.text for document in read_coref(tasks["coref"].dev)][:4]
    content = "".join(f"{text}\n" for text in texts)
    stdin(content)
    code, out, err = cli("predict", result.path, "--documents", "line")
    assert code == 0, err
    records = [flat(line) for line in out.splitlines()]
    assert [one["text"] for one in records] == texts
    clusters = [cluster for one in records for cluster in one["clusters"]]
    assert clusters
    for record in records:
        for cluster in record["clusters"]:
            assert cluster["head"]["text"] in [one["text"] for one in cluster["mentions"]]
            assert all(record["text"][one["start"] : one["end"]] == one["text"] for one in cluster["mentions"])
        assert all(0 < link["score"] < 1 for link in record["links"])
    (tmp_path / "texts.txt").write_text(content)
    code, out, _ = cli("predict", result.path, tmp_path / "texts.txt", "--documents", "line", "--format", "conll")
    (tmp_path / "found.conll").write_text(out)
    again = list(read_coref(tmp_path / "found.conll"))
    assert [len(one.clusters) for one in again] == [len(one["clusters"]) for one in records]
    code, out, _ = cli("predict", result.path, tmp_path / "found.conll")
    assert code == 0
    assert [len(flat(line)["clusters"]) for line in out.splitlines()] == [len(one["clusters"]) for one in records]
    stdin(content + "<b>fox</b> & fox\n")
    code, out, _ = cli("predict", result.path, "--format", "html")
    page = Balanced()
    page.feed(out)
    assert (code, page.open) == (0, [])
    assert "<b>" not in out
    assert out.count('data-sb="c1"') >= 2
    assert out.count('data-sb-marks="c1"') >= 1


def test_relations_in_every_format(cli, runs, stdin):
    result, tasks = runs["relation"]
    given = {"text": "the king finds a fox .", "head": {"start": 4, "end": 8, "label": "PER"},
             "tail": {"start": 17, "end": 20, "label": "ANI"}}  # fmt: skip
    entities = {"id": "e", "text": given["text"], "entities": [given["head"], given["tail"]]}
    stdin("\n".join(map(json.dumps, (given, entities))))
    code, out, err = cli("predict", result.path)
    assert code == 0, err
    one, other = map(flat, out.splitlines())
    [relation] = one["relations"]
    assert (relation["label"], relation["head"]["text"], relation["tail"]["text"]) == ("sees", "king", "fox")
    assert other["relations"] == one["relations"]
    code, out, _ = cli("predict", result.path, tasks["relation"].dev)
    assert len(out.splitlines()) == 24
    stdin(json.dumps(given))
    code, out, _ = cli("predict", result.path, "--format", "html")
    page = Balanced()
    page.feed(out)
    assert (code, page.open) == (0, [])
    assert "<td>sees</td>" in out
    stdin("the king finds a fox .\n")
    code, out, _ = cli("predict", runs["entities"][0].path, "--format", "html")
    assert code == 0
    assert "<td>sees</td>" in out
    stdin("the king finds a fox .\n")
    assert "stdin:1: no entities that could be related" in refused(cli, "predict", result.path)
    stdin(json.dumps({**given, "tail": {"start": 17, "end": 99}}))
    assert "tail outside of the text" in refused(cli, "predict", result.path)
    stdin(json.dumps(given))
    assert "only tagged words and clusters" in refused(cli, "predict", result.path, "--format", "conll")


def test_files_as_the_tasks_are_trained_on(cli, runs, tmp_path: Path):
    """Every format is known by its beginning; gold in it changes nothing, not even gold that no scorer takes."""

    def records(bundle: str, file: Path, *more: object) -> list[dict]:
        code, out, err = cli("predict", runs[bundle][0].path, file, *more)
        assert code == 0, err
        return [flat(line) for line in out.splitlines()]

    words = ["the", "fox", "runs", "near", "a", "fox"]
    sentences = tmp_path / "a.jsonl"
    sentences.write_text(json.dumps({"doc_key": "a", "sentences": [words], "clusters": [[[0, 1]], [[0, 1]]]}) + "\n")
    [found] = records("coref", sentences)
    (tmp_path / "a.txt").write_text(" ".join(words[:3]) + "\n" + " ".join(words[3:]) + "\n")
    assert len(records("coref", tmp_path / "a.txt", "--documents", "line")) == 2
    [whole] = records("coref", tmp_path / "a.txt", "--documents", "file")
    assert [whole] == records("coref", tmp_path / "a.txt"), "a document is the file, unless somebody says otherwise"
    assert whole["text"] == "the fox runs\nnear a fox"
    assert [len(one["mentions"]) for one in found["clusters"]] == [2]
    far = tmp_path / "far.txt"
    far.write_text("a fox runs near a king and the king sees a fox\n")
    assert len(records("coref", far)[0]["clusters"]) == 2
    assert len(records("coref", far, "--set", "coref.depth=1")[0]["clusters"]) == 2, "a fox is no pronoun"
    assert len(records("coref", far, "--set", "coref.kept=0.1")[0]["links"]) < 2
    far.write_text("a fox runs near a king\n")
    kept = records("coref", far, "--set", "coref.singletons=keep")[0]["clusters"]
    assert len(kept) > len(records("coref", far)[0]["clusters"])
    tacred = [{"id": "7", "token": ["the", "king", "finds", "a", "fox", "."], "subj_start": 1, "subj_end": 1, "obj_start": 4,
               "obj_end": 4, "subj_type": "PER", "obj_type": "ANI", "relation": "unheard of"}]  # fmt: skip
    for name, content in (("t.json", json.dumps(tacred)), ("t.jsonl", json.dumps(tacred[0]))):
        (tmp_path / name).write_text(content + "\n")
        [one] = records("relation", tmp_path / name)
        assert (one["id"], one["relations"][0]["label"]) == ("7", "sees")
        [two] = records("entities", tmp_path / name, "--task", "relation")
        assert [pair["label"] for pair in two["relations"]] == ["sees"]
    assert "no task that reads .json files" in refused(cli, "predict", runs["coref"][0].path, tmp_path / "t.json")
    bad = runs["coref"][0].path
    assert "no kind of task 'corf'" in refused(cli, "predict", bad, sentences, "--set", "corf.depth=1")
    assert "a task of the kind coref has no dept" in refused(cli, "predict", bad, sentences, "--set", "coref.dept=1")
    assert "a setting of tag, which this bundle has no task of" in refused(
        cli, "predict", bad, sentences, "--set", "tag.nested=true"
    )
    assert "only plain text is divided into documents" in refused(cli, "predict", bad, sentences, "--documents", "file")
    assert "no kind of document 'page'" in refused(cli, "predict", bad, sentences, "--documents", "page")


def test_columns_of_json_lines_keep_sentences_and_names(cli, runs, tmp_path: Path):
    record = {"doc_key": "nw/x", "part": "002", "sentences": [["so", "he", "left"], ["and", "a", "fox", "ran"]],
              "speakers": [["Ann"] * 3, ["Bob"] * 4], "clusters": []}  # fmt: skip
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(record) + "\n")
    code, out, _ = cli("predict", runs["coref"][0].path, path, "--format", "conll")
    assert code == 0
    words = {"id": "x", "tokens": ["so", "he", "left"], "speakers": ["Ann", "", "Bob"], "clusters": []}
    (tmp_path / "b.jsonl").write_text(json.dumps(words) + "\n")
    code, other, _ = cli("predict", runs["coref"][0].path, tmp_path / "b.jsonl", "--format", "conll")
    assert code == 0
    (tmp_path / "other.conll").write_text(other)
    assert next(read_coref(tmp_path / "other.conll")).columns["speaker"] == ("Ann", "-", "Bob")
    (tmp_path / "found.conll").write_text(out)
    [found] = read_coref(tmp_path / "found.conll")
    assert (coref_origin(found).document, coref_origin(found).part, list(found.sentences)) == (
        "nw/x",
        "002",
        [(0, 3), (3, 7)],
    )
    assert found.columns["speaker"] == ("Ann",) * 3 + ("Bob",) * 4


def test_columns_keep_what_the_file_had(cli, runs, tmp_path: Path):
    rows = [("the", "DT", "(4)"), ("fox", "NN", "-"), ("runs", "VB", "-"), ("fox", "NN", "-")]
    lines = [f"nw/x\t1\t{place}\t{word}\t{pos}\tAnn\t{cell}" for place, (word, pos, cell) in enumerate(rows)]
    path = tmp_path / "a.conll"
    path.write_text("\n".join(["#begin document (nw/x); part 002", *lines, "", "#end document"]) + "\n")
    code, out, _ = cli("predict", runs["coref"][0].path, path, "--format", "conll")
    assert code == 0
    assert out.splitlines()[0] == "#begin document (nw/x); part 002"
    assert [line.rpartition("\t")[0] for line in out.splitlines()[1:5]] == [line.rpartition("\t")[0] for line in lines]


def test_what_other_programs_have_no_class_for(cli, runs, tmp_path: Path):
    for name in ("coref", "relation"):
        said = refused(cli, "convert", runs[name][0].path, tmp_path / "x", "--to", "hugging-face")
        assert f"Hugging Face has no class for the kind {name}" in said
        code, out, _ = cli("info", runs[name][0].path)
        assert code == 0
        assert name in out
    dev = runs["coref"][1]["coref"].dev
    said = refused(cli, "evaluate", "--compare", runs["coref"][0].path, runs["relation"][0].path, "--data", dev)
    assert "scored in different ways; got relation, scored by micro_f1; expected coref, scored by conll_f1" in said


def test_doctor_finds_and_mends_clusters(cli, hugging_face_model: Path, tmp_path: Path):
    data = tmp_path / "train.conll"
    row = "d\t0\t{}\t{}\t-\t{}\n"
    cells = ["(1)|(2)", "-", "(1)", "(2)", "(3"]
    body = "".join(row.format(place, "fox", cell) for place, cell in enumerate([*cells, "-", "-", "3)"]))
    data.write_text(f"#begin document (d); part 000\n{body}\n#end document\n")
    options = ("--model", hugging_face_model, "--no-estimate")
    code, out, _ = cli("doctor", "coref", "--data", data, *options, "--set", "coref.longest_mention=3", "--json")
    report = json.loads(out.splitlines()[-1])
    found = {one["name"]: one for one in report["findings"]}
    assert code == 0
    assert found["two_clusters"]["examples"] == ["train.conll:2 'fox' in 1 and 2"]
    assert "no_task" not in found
    assert (report["clusters"], report["mentions"], report["singletons"]) == (3, 5, 1)
    code, out, _ = cli("doctor", "coref", "--data", data, *options, "--fix", tmp_path / "fixed.conll")
    assert "mentions in two clusters left in the first: 1" in out
    [document] = read_coref(tmp_path / "fixed.conll")
    assert [len(cluster) for cluster in document.clusters] == [2, 1]
    changed = [
        (one, other)
        for one, other in zip(data.read_text().splitlines(), (tmp_path / "fixed.conll").read_text().splitlines())
        if one != other
    ]
    assert [tuple(line.split("\t")[-1] for line in pair) for pair in changed] == [("(1)|(2)", "(1)"), ("(2)", "-")]
    assert cli("doctor", "coref", "--data", tmp_path / "fixed.conll", *options)[0] == 0
    data.write_text(data.read_text() + BROKEN + BROKEN)
    mended = ("--fix", tmp_path / "fixed.conll", "--overwrite", "--json")
    code, out, _ = cli("doctor", "coref", "--data", data, *options, *mended)
    report = json.loads(out.splitlines()[-1])
    [broken] = [one for one in report["findings"] if one["name"] == "broken"]
    assert (code, broken["count"]) == (2, 2)
    assert broken["examples"][0] == "train.conll:13 a mention never ends; got (1"
    assert report["repairs"] == [
        "texts that cannot be read left out: 2",
        "mentions in two clusters left in the first: 1",
    ]
    assert len(list(read_coref(tmp_path / "fixed.conll"))) == 1
    data.write_text(BROKEN)
    code, out, _ = cli("doctor", "coref", "--data", data, *options)
    assert (code, "train.conll:2 a mention never ends" in out, "no clusters to learn from" in out) == (2, True, True)
    data.write_text(BROKEN.replace("#end document\n", ""))
    assert "a document without an end" in refused(cli, "doctor", "coref", "--data", data, *options)


def test_a_mention_in_two_clusters_is_a_warning(cli, runs, tmp_path: Path):
    """The rest of the file is learned from and scored, this mention in the first of its clusters."""
    text = "a fox sees a king . the fox runs and the king runs"
    clusters = [[[0, 5], [20, 27]], [[11, 17], [37, 45], [20, 27]]]
    data = tmp_path / "twice.jsonl"
    data.write_text(json.dumps({"id": "t", "text": text, "clusters": clusters}) + "\n")
    once = tmp_path / "once.jsonl"
    once.write_text(json.dumps({"id": "t", "text": text, "clusters": [clusters[0], clusters[1][:2]]}) + "\n")
    scores = []
    for file in (data, once):
        code, out, err = cli("evaluate", runs["coref"][0].path, "--data", file, "--json")
        assert code == 0, err
        scores.append(json.loads(out.splitlines()[-1]))
    warning = f"{data}:1: 'the fox' is in two clusters, and counts in the first alone"
    assert scores[0].pop("warnings") == [warning]
    assert "warnings" not in scores[1]
    assert scores[0]["conll_f1"] == scores[1]["conll_f1"]
    assert f"warning: {warning}" in cli("evaluate", runs["coref"][0].path, "--data", data)[1]
    code, out, err = cli("finetune", "coref", "--model", runs["coref"][0].path, "--train", data, "--dev", data,
                         "--out", tmp_path / "out", "--budget", "1steps")  # fmt: skip
    assert code == 0, err
    assert "coref: a mention in two clusters; learned in the first (spanbert doctor coref shows them)" in err
    assert warning in out


def test_predict_correct_train_again(cli, runs, tmp_path: Path):
    """Clusters and relations go from predictions to training and to other formats without a script."""
    texts = tmp_path / "texts.txt"
    texts.write_text(
        "a fox sees a king . the fox runs and the king sees it\nthe king finds a fox . it runs near the king\n"
    )
    predicted, corrected = tmp_path / "predicted.jsonl", tmp_path / "corrected.jsonl"
    code, _, err = cli("predict", runs["coref"][0].path, texts, "--documents", "line", "--out", predicted)
    assert code == 0, err
    records = [json.loads(line) for line in predicted.read_text().splitlines()]
    records[0]["tasks"]["coref"]["clusters"] = [
        {"mentions": [{"start": 0, "end": 5}, {"start": 20, "end": 27, "text": "the fox", "score": 0.1}]}
    ]
    corrected.write_text("".join(json.dumps(one) + "\n" for one in records))
    first, second = read_coref(corrected)
    assert [[(one.start, one.end) for one in cluster] for cluster in first.clusters] == [[(0, 5), (20, 27)]]
    assert len(second.clusters) == len(records[1]["tasks"]["coref"]["clusters"]) > 0
    code, _, err = cli("finetune", "coref", "--model", runs["coref"][0].path, "--train", corrected, "--dev", corrected,
                       "--out", tmp_path / "again", "--budget", "1steps")  # fmt: skip
    assert code == 0, err
    for name, to in (("a.conll", "conll2012"), ("b.jsonl", "coref-jsonl")):
        code, _, err = cli("convert", corrected, tmp_path / name, "--to", to)
        assert code == 0, err
        assert [len(one.clusters) for one in read_coref(tmp_path / name)] == [1, len(second.clusters)]
    assert "tasks" not in json.loads((tmp_path / "b.jsonl").read_text().splitlines()[0])
    records[0]["tasks"]["coref"]["clusters"][0]["mentions"][1]["start"] = 22
    corrected.write_text(json.dumps(records[0]) + "\n")
    assert f"{corrected}:1: a place with other characters than it states; got 22 to 27 is 'e fox', not 'the fox'" in (
        refused(cli, "convert", corrected, tmp_path / "c.conll", "--to", "conll2012")
    )
    code, _, err = cli("predict", runs["entities"][0].path, texts, "--out", tmp_path / "relations.jsonl")
    assert code == 0, err
    code, _, err = cli("finetune", "relation", "--model", runs["relation"][0].path, "--train",
                       tmp_path / "relations.jsonl", "--out", tmp_path / "related", "--budget", "1steps")  # fmt: skip
    assert code == 0, err
    code, _, err = cli("finetune", "tag", "--model", runs["entities"][0].path, "--train",
                       tmp_path / "relations.jsonl", "--out", tmp_path / "tagged", "--budget", "1steps")  # fmt: skip
    assert code == 0, err


def test_doctor_shows_mentions_that_cross(cli, hugging_face_model: Path, tmp_path: Path):
    data = tmp_path / "train.jsonl"
    record = {"text": "the old fox sees the dog", "clusters": [[[0, 7], [17, 24]], [[4, 11], [12, 16]]]}
    data.write_text(json.dumps(record) + "\n")
    code, out, _ = cli("doctor", "coref", "--data", data, "--model", hugging_face_model, "--no-estimate", "--json")
    found = {one["name"]: one for one in json.loads(out.splitlines()[-1])["findings"]}
    assert code == 0
    assert found["crossing"]["examples"] == ["train.jsonl:1 'the old' and 'old fox'"]


def test_types_that_training_does_not_have(cli, hugging_face_model: Path, tmp_path: Path):
    train, dev = relation_file(tmp_path / "train.jsonl", 16, 1), relation_file(tmp_path / "dev.jsonl", 4, 2)
    dev.write_text(dev.read_text().replace('"ANI"', '"BOT"'))
    model = ("--model", hugging_face_model)
    code, out, _ = cli("doctor", "relation", "--data", train, "--dev", dev, *model, "--no-estimate", "--json")
    found = {one["name"]: one for one in json.loads(out.splitlines()[-1])["findings"]}
    assert (code, found["unknown_type"]["count"], found["unknown_type"]["examples"][0]) == (2, 4, "dev.jsonl:1 'BOT'")
    said = refused(cli, "finetune", "relation", *model, "--train", train, "--dev", dev, "--out", tmp_path / "out")
    assert f"{dev}:1: task relation: a type of entity that it has not seen; got 'BOT'; expected ANI, PER" in said
    assert not (tmp_path / "out").exists()
    people = people_file(tmp_path / "people.conll", 16, 1)
    people.write_text(people.read_text().replace("-PER", "-PERSON"))
    tasks = ("--task", f"ner=tag:{people}", "--task", f"relation=relation:{train}")
    code, _, err = cli("finetune", "multi", *model, *tasks, "--out", tmp_path / "both", *FEW)
    assert code == 0
    assert "relation: knows entities of the types ANI, PER; in raw text" in err


def test_doctor_finds_and_mends_pairs(cli, hugging_face_model: Path, tmp_path: Path):
    data = relation_file(tmp_path / "train.jsonl", 12, 5)
    lines = data.read_text().splitlines()
    record = json.loads(lines[0])
    other = {**record, "label": "no_relation" if record["label"] != "no_relation" else "sees"}
    same = {**record, "text": "the fox runs", "head": {"start": 4, "end": 7}, "tail": {"start": 4, "end": 7}}
    data.write_text("\n".join([*lines, lines[1], json.dumps(other), json.dumps(same)]) + "\n")
    options = ("--model", hugging_face_model, "--json")
    code, out, _ = cli("doctor", "relation", "--data", data, *options, "--fix", tmp_path / "fixed.jsonl")
    report = json.loads(out.splitlines()[-1])
    found = {one["name"]: one["count"] for one in report["findings"] if one["name"] != "rare_labels"}
    assert (code, found) == (2, {"same_place": 1, "conflicts": 2, "duplicates": 1})
    assert report["repairs"] == ["pairs that occur twice left out: 2"]
    assert report["estimate"]["steps_an_epoch"] >= 1
    assert (tmp_path / "fixed.jsonl").read_text().splitlines()[:12] == lines
    bare = json.dumps({key: value for key, value in record.items() if key != "label"})
    data.write_text("\n".join([bare, *lines]) + "\n")
    assert (
        cli("doctor", "relation", "--data", data, *options, "--no-estimate", "--fix", tmp_path / "kept.jsonl")[0] == 0
    )
    assert (tmp_path / "kept.jsonl").read_text().splitlines() == [bare, *lines], "the label is not lost"
    far = {**record, "text": "king " + "the old road runs near a small house . " * 40 + "fox"}
    far |= {"head": {"start": 0, "end": 4, "label": "PER"},
            "tail": {"start": len(far["text"]) - 3, "end": len(far["text"]), "label": "ANI"}}  # fmt: skip
    data.write_text("\n".join([*lines, json.dumps(far)]) + "\n")
    report = json.loads(cli("doctor", "relation", "--data", data, *options, "--no-estimate")[1].splitlines()[-1])
    assert report["texts_in_windows"] == 1
    assert [one["count"] for one in report["findings"] if one["name"] == "far_apart"] == [1]
    outside = {**record, "tail": {"start": 4, "end": 700}}
    data.write_text("\n".join([*lines, "no JSON", json.dumps(outside)]) + "\n")
    code, out, _ = cli(
        "doctor",
        "relation",
        "--data",
        data,
        *options,
        "--no-estimate",
        "--fix",
        tmp_path / "fixed.jsonl",
        "--overwrite",
    )
    report = json.loads(out.splitlines()[-1])
    [broken] = [one for one in report["findings"] if one["name"] == "broken"]
    assert (code, broken["count"], len(broken["examples"])) == (2, 2, 2)
    assert broken["examples"][1].startswith("train.jsonl:14 tail outside of the text; got ")
    assert (tmp_path / "fixed.jsonl").read_text().splitlines() == lines


@pytest.mark.parametrize("form", ["tacred", "semeval", "relation-jsonl", "conll2012", "coref-jsonl", "gap"])
def test_readers_go_on_after_a_broken_text(form: str, tmp_path: Path):
    """Of three texts the one in the middle is broken."""
    path = tmp_path / "data"
    pairs = list(read_relations(relation_file(tmp_path / "r.jsonl", 3, 1)))
    if form == "gap":
        row = "1\tAnn met Eve. She left.\tShe\t13\tAnn\t0\tTRUE\tEve\t8\tFALSE\thttp://x"
        path.write_text("\n".join(["\t".join(HEADER), row, row.replace("13", "14"), row]) + "\n")
    elif form in ("conll2012", "coref-jsonl"):
        write_data(read_coref(coref_file(tmp_path / "a.jsonl", 3, 1)), path, to=form)
        parts = (
            path.read_text().splitlines(keepends=True) if form == "coref-jsonl" else path.read_text().split("#begin")
        )
        parts[-2] = (
            parts[-2].replace("\t(1", "\t(x", 1) if form == "conll2012" else parts[-2].replace("[[[", "[[[9999, ", 1)
        )
        path.write_text(("" if form == "coref-jsonl" else "#begin").join(parts))
    else:
        words = [replace(one, words=words_between(one.text, edges_of(one))) for one in pairs]
        write_data(words, path, to=form)
        broken = {"semeval": ("<e2>", ""), "relation-jsonl": ('"tail"', '"tale"'), "tacred": ("obj_end", "obj")}[form]
        content = path.read_text()
        first = content.index(broken[0])
        second = content.index(broken[0], first + 1)
        path.write_text(content[:second] + broken[1] + content[second + len(broken[0]) :])
    told: list[InputError] = []
    read = read_coref if form in ("gap", "conll2012", "coref-jsonl") else read_relations
    assert len(list(read(path, told.append))) == 2
    assert [str(path) in (one.where or "") for one in told] == [True]
    with pytest.raises(InputError):
        list(read(path))


def edges_of(document) -> set[int]:
    return {place for one in document.relations for span in (one.head, one.tail) for place in (span.start, span.end)}


def test_convert(cli, tmp_path: Path):
    clusters = coref_file(tmp_path / "a.jsonl", 3, 1)
    code, _, _ = cli("convert", clusters, tmp_path / "b.jsonl", "--to", "coref-jsonl")
    assert (code, (tmp_path / "b.jsonl").read_text()) == (0, clusters.read_text())
    code, out, _ = cli("convert", clusters, tmp_path / "a.conll", "--to", "conll2012")
    assert (code, "6 clusters, 12 mentions, from coref-jsonl" in out) == (0, True)
    assert [len(one.clusters) for one in read_coref(tmp_path / "a.conll")] == [2, 2, 2]
    pairs = relation_file(tmp_path / "r.jsonl", 3, 1)
    code, out, _ = cli("convert", pairs, tmp_path / "r.json", "--to", "tacred", "--json")
    done = json.loads(out.splitlines()[-1])
    assert (code, done["relations"], done["read_as"]) == (0, 3, "relation-jsonl")
    code, out, _ = cli("convert", tmp_path / "r.json", tmp_path / "r.txt", "--to", "semeval")
    assert "3 relations" in out
    assert "no such file" in refused(cli, "convert", tmp_path / "no.txt", tmp_path / "x", "--to", "tacred")
    assert "not a file of this format" in refused(
        cli, "convert", pairs, tmp_path / "x", "--to", "tacred", "--from", "semeval"
    )
    assert "annotations of another kind" in refused(
        cli, "convert", pairs, tmp_path / "x", "--to", "columns", "--from", "tacred"
    )
    assert "no clusters in the file" in refused(cli, "convert", pairs, tmp_path / "x", "--to", "coref-jsonl")
    assert not (tmp_path / "x").exists()
