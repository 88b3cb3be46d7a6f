"""Annotated files between formats: what is written, what is counted, what is refused, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spanbert.core.errors import InputError
from spanbert.pipelines.convert.data import convert_data
from tests.formats import read_annotations

COLUMNS = "Ann\tB-PER\nLee\tI-PER\nleft\tO\nRome\tB-LOC\n\nBirds\tO\nsing\tO\n\n"
NESTED = "The\tB-PER\tO\nking\tI-PER\tO\nof\tI-PER\tO\nOslo\tI-PER\tB-LOC\nsleeps\tO\tO\n\n"
CONLLU = (
    "# text = He left.\n"
    "1\tHe\the\tPRON\tPRP\t_\t2\tnsubj\t_\t_\n"
    "2\tleft\tleave\tVERB\tVBD\t_\t0\troot\t_\tSpaceAfter=No\n"
    "3\t.\t.\tPUNCT\t.\t_\t2\tpunct\t_\t_\n\n"
)
STUDIO = [{"id": 7, "data": {"text": "Ann left Rome."}, "annotations": [{"result": [
    {"type": "labels", "from_name": "label", "to_name": "text",
     "value": {"start": 9, "end": 13, "text": "Rome", "labels": ["LOC"]}}]}]}]  # fmt: skip


def squad(start: int = 0, text: str = "Ann") -> str:
    answers = [{"text": text, "answer_start": start}]
    paragraph = {"context": "Ann left Rome.", "qas": [{"id": "q", "question": "Who?", "answers": answers}]}
    return json.dumps({"version": "1.1", "data": [{"title": "T", "paragraphs": [paragraph]}]})


def write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_columns_to_json_lines_and_back(tmp_path: Path):
    source, there, back = write(tmp_path / "a.conll", COLUMNS), tmp_path / "a.jsonl", tmp_path / "b.conll"
    done = convert_data(source, there, to="jsonl")
    assert (done.path, done.read_as, done.documents, done.words, done.spans) == (there, "columns", 2, 6, 2)
    assert lines_of(there) == [
        {"id": "a.conll:1", "text": "Ann Lee left Rome", "words": [[0, 3], [4, 7], [8, 12], [13, 17]],
         "spans": [{"start": 0, "end": 7, "label": "PER"}, {"start": 13, "end": 17, "label": "LOC"}]},
        {"id": "a.conll:6", "text": "Birds sing", "words": [[0, 5], [6, 10]], "spans": []},
    ]  # fmt: skip
    assert convert_data(there, back, to="columns").read_as == "jsonl"
    assert back.read_text() == COLUMNS


def test_another_scheme_changes_the_tags_alone(tmp_path: Path):
    source = write(tmp_path / "a.tsv", "EU NNP B-ORG\nsays VB O\nAnn NN B-PER\nLee NN I-PER\n")
    convert_data(source, tmp_path / "b.tsv", to="columns", scheme="BIOES")
    assert (tmp_path / "b.tsv").read_text() == "EU NNP S-ORG\nsays VB O\nAnn NN B-PER\nLee NN E-PER\n"


def test_label_studio_to_columns_splits_the_text_into_words(tmp_path: Path):
    source = write(tmp_path / "export.json", json.dumps(STUDIO))
    done = convert_data(source, tmp_path / "a.conll", to="columns", scheme="BILOU")
    assert (done.read_as, done.documents, done.words, done.spans) == ("label-studio", 1, 4, 1)
    assert (tmp_path / "a.conll").read_text() == "# text = Ann left Rome.\nAnn\tO\nleft\tO\nRome\tU-LOC\n.\tO\n\n"


def test_json_lines_to_label_studio_and_back(tmp_path: Path):
    record = {"id": "x", "text": "Ann left", "spans": [{"start": 0, "end": 3, "label": "PER"}], "more": {"page": 3}}
    source = write(tmp_path / "a.jsonl", json.dumps(record) + "\n")
    convert_data(source, tmp_path / "a.json", to="label-studio")
    [task] = json.loads((tmp_path / "a.json").read_text())
    assert task["data"] == {"text": "Ann left", "id": "x", "more": {"page": 3}}
    assert task["annotations"][0]["result"][0]["value"] == {"start": 0, "end": 3, "text": "Ann", "labels": ["PER"]}
    convert_data(tmp_path / "a.json", tmp_path / "b.jsonl", to="jsonl")
    assert lines_of(tmp_path / "b.jsonl") == [record]


def test_spans_that_nest_get_as_many_columns_as_they_need(tmp_path: Path):
    source, there, back = write(tmp_path / "a.tsv", NESTED), tmp_path / "a.jsonl", tmp_path / "b.tsv"
    assert convert_data(source, there, to="jsonl", nested=True).spans == 2
    with pytest.raises(InputError, match="spans overlap more than the columns"):
        convert_data(there, back, to="columns")
    assert convert_data(there, back, to="columns", nested=True).spans == 2
    assert back.read_text() == NESTED


def test_two_spans_at_one_place_need_two_columns(tmp_path: Path):
    spans = [[0, 3, "PER"], [0, 3, "ORG"], [0, 3, "ORG"], [4, 8, "LOC"]]
    source = write(tmp_path / "a.jsonl", json.dumps({"text": "Ann Rome", "spans": spans}) + "\n")
    convert_data(source, tmp_path / "a.tsv", to="columns", nested=True)
    assert (tmp_path / "a.tsv").read_text() == "Ann\tB-ORG\tB-PER\nRome\tB-LOC\tO\n\n"


@pytest.mark.parametrize(("column", "tags"), [("upos", ["PRON", "VERB", "PUNCT"]), ("xpos", ["PRP", "VBD", "."])])
def test_parts_of_speech_of_conllu(tmp_path: Path, column: str, tags: list[str]):
    source = write(tmp_path / "a.conllu", CONLLU)
    done = convert_data(source, tmp_path / "a.jsonl", to="jsonl", column=column)
    assert (done.words, done.spans) == (3, 0)
    [record] = lines_of(tmp_path / "a.jsonl")
    assert (record["text"], record["tags"]) == ("He left.", tags)


def test_the_format_can_be_stated(tmp_path: Path):
    source = write(tmp_path / "words.json", "Ann B-PER\nleft O\n")
    with pytest.raises(InputError, match=r"words\.json:1: no file of annotations; got "):
        convert_data(source, tmp_path / "a.jsonl", to="jsonl")
    assert convert_data(source, tmp_path / "a.jsonl", to="jsonl", from_="columns").spans == 1


def test_answers_that_stand_elsewhere_are_told(tmp_path: Path):
    moved = convert_data(write(tmp_path / "a.json", squad(5)), tmp_path / "b.json", to="squad")
    assert (moved.documents, moved.questions, moved.moved, moved.lost) == (1, 1, 1, 0)
    [document] = read_annotations(tmp_path / "b.json")
    assert document.questions is not None
    assert document.questions[0].answers[0].start == 0
    lost = convert_data(write(tmp_path / "c.json", squad(0, "Oslo")), tmp_path / "d.json", to="squad")
    assert (lost.moved, lost.lost) == (0, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "conll"}, "--to: no such choice; got 'conll'; expected brat, webanno, spacy, hf-tokens"),
        ({"to": "jsonl", "from_": "span-lines"}, "--from: no such choice"),
        ({"to": "columns", "scheme": "IOB2"}, "--scheme: no such choice; got 'IOB2'"),
        ({"to": "jsonl", "scheme": "BIO"}, "only tags are written in a scheme"),
        ({"to": "jsonl", "column": "pos"}, "--column: no such choice"),
        ({"to": "jsonl", "column": "upos", "nested": True}, "tags of words do not nest"),
        ({"to": "squad"}, r"a\.conll:1: no questions to write as SQuAD"),
        ({"to": "jsonl", "from_": "squad"}, "not valid JSON"),
    ],
)
def test_what_is_refused_leaves_no_file(tmp_path: Path, options: dict[str, object], message: str):
    source = write(tmp_path / "a.conll", COLUMNS)
    with pytest.raises(InputError, match=message):
        convert_data(source, tmp_path / "out", **options)
    assert [path.name for path in tmp_path.iterdir()] == ["a.conll"]


def test_a_target_that_exists_is_left_alone(tmp_path: Path):
    source, target = write(tmp_path / "a.conll", COLUMNS), write(tmp_path / "b.jsonl", "kept")
    with pytest.raises(InputError, match="the file exists already"):
        convert_data(source, target, to="jsonl")
    assert target.read_text() == "kept"


def test_a_broken_line_is_named_and_nothing_is_written(tmp_path: Path):
    source = write(tmp_path / "a.jsonl", '{"text": "Ann", "spans": []}\n{"text": "Ann", "spans": [[0, 9, "PER"]]}\n')
    with pytest.raises(InputError, match=r"a\.jsonl:2: not a span of the text; got \[0, 9, "):
        convert_data(source, tmp_path / "a.conll", to="columns")
    assert not (tmp_path / "a.conll").exists()
    with pytest.raises(InputError, match="nothing to convert"):
        convert_data(write(tmp_path / "b.json", "[]"), tmp_path / "b.conll", to="columns")
    with pytest.raises(InputError, match="no such file"):
        convert_data(tmp_path / "none", tmp_path / "b.conll", to="columns")
    with pytest.raises(InputError, match="a directory, not an annotated file"):
        convert_data(tmp_path, tmp_path.parent / "b.conll", to="columns")


def test_on_the_command_line(cli, tmp_path: Path):
    source = write(tmp_path / "a.conll", COLUMNS)
    code, out, err = cli("convert", source, tmp_path / "a.jsonl", "--to", "jsonl")
    assert code == 0, err
    assert out == f"wrote {tmp_path / 'a.jsonl'}: 2 documents, 6 words, 2 spans, from columns\n"
    code, out, err = cli("convert", tmp_path / "a.jsonl", tmp_path / "b.conll", "--to", "columns", "--scheme", "BMES",
                         "--from", "jsonl", "--json")  # fmt: skip
    assert code == 0, err
    assert json.loads(out) == {"path": str(tmp_path / "b.conll"), "read_as": "jsonl", "documents": 2, "words": 6,
                               "spans": 2, "questions": 0, "clusters": 0, "mentions": 0, "relations": 0, "translations": 0, "labels": 0, "moved": 0, "lost": 0, "left_out": {}}  # fmt: skip
    assert (tmp_path / "b.conll").read_text().startswith("Ann\tB-PER\nLee\tE-PER\n")
    code, out, err = cli("convert", write(tmp_path / "q.json", squad(4)), tmp_path / "q2.json", "--to", "squad")
    assert code == 0, err
    assert "1 questions, from squad\nanswers that were elsewhere in their text: 1; not in it, and left out: 0" in out
    for arguments, message in (
        ((source, tmp_path / "x", "--to", "bundle"), "--to: no such choice; got 'bundle'"),
        ((source, tmp_path / "x", "--to", "jsonl", "--task", "ner"), "files of annotations have no tasks"),
        ((tmp_path, tmp_path / "x", "--to", "bundle", "--nested"), "--nested: an option for files of annotations"),
        ((tmp_path / "none", tmp_path / "x", "--to", "jsonl"), "no such file"),
    ):
        code, _, err = cli("convert", *arguments)
        assert (code, err.count("\n")) == (2, 1)
        assert message in err


def test_real_files_come_back_as_they_were(real_data: Path, tmp_path: Path):
    for name, suffix in (("ner/wnut17/dev.conll", ".conll"), ("ner/cluener_zh/dev.jsonl", ".jsonl")):
        source = tmp_path / f"{Path(name).stem}{suffix}"
        source.write_text("".join((real_data / name).read_text(encoding="utf-8").splitlines(keepends=True)[:2000]))
        done = convert_data(source, tmp_path / f"{source.name}.json", to="label-studio", nested=suffix == ".jsonl")
        again = convert_data(done.path, tmp_path / f"{source.name}.jsonl", to="jsonl")
        assert (again.documents, again.words, again.spans) == (done.documents, done.words, done.spans)
        before = [(one.text, one.words, one.spans) for one in read_annotations(source)]
        after = [(one.text, one.words, one.spans) for one in read_annotations(again.path)]
        assert [(text, words, sorted(map(repr, spans or ()))) for text, words, spans in before] == [
            (text, words, sorted(map(repr, spans or ()))) for text, words, spans in after
        ]
