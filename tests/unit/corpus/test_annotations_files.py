"""One reader and one writer for every annotated format, and words for texts without any."""

from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.core.errors import InputError
from spanbert.core.tagging import SCHEMES, encode_tags
from spanbert.core.types import Document, Span
from spanbert.corpus.formats.column_format import ColumnFormat, guess_format
from spanbert.corpus.formats.columns import read_columns
from spanbert.corpus.formats.format import WriteSettings
from spanbert.corpus.formats.registry import write_data
from spanbert.corpus.io.files import SourceFile
from spanbert.corpus.text.words import split_words
from tests.formats import open_annotations, read_annotations

LINE = '{"id": "1", "text": "Ann left.", "spans": [{"start": 0, "end": 3, "label": "PER"}]}\n'
TASKS = [{"data": {"text": "Ann left."}, "annotations": []}]
SQUAD = {
    "version": "1.1",
    "data": [{"title": "T", "paragraphs": [{"context": "Ann left.", "qas": [
        {"id": "q", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 0}]}]}]}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        *[(f"a{suffix}", "Ann\tB-PER\n", "columns") for suffix in (".conll", ".tsv", ".txt", ".bio", ".iob2", ".bmes")],
        ("a.dev", "Ann\tB-PER\n", "columns"),
        ("a.json", LINE, "jsonl"),
        ("a.jsonl", "\n" + LINE + LINE, "jsonl"),
        ("a.jsonl", '{"text": "Ann"', "jsonl"),
        ("a.data", LINE, "jsonl"),
        ("a.json", json.dumps(TASKS), "label-studio"),
        ("a.json", json.dumps(TASKS, indent=1), "label-studio"),
        ("a.json", json.dumps(SQUAD), "squad"),
        ("a.json", json.dumps(SQUAD, indent=1), "squad"),
        ("a.jsonl", '{"text": "Ann", "data": []}', "jsonl"),
    ],
)
def test_kinds(tmp_path: Path, name: str, content: str, kind: str):
    path = tmp_path / name
    path.write_text(content)
    assert open_annotations(path).format.name == kind


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b" \n", "an empty file"),
        ("a.json", b"[1, 2]", "JSON, but no annotations; got a list"),
        ("a.json", b"7", "JSON, but no annotations; got a int"),
        ("a.json", b'{\n"data": [,]}', r"a\.json:2: not valid JSON"),
        (
            "a.json.gz",
            gzip.compress(json.dumps(TASKS).encode(), mtime=0),
            "a compressed file that is not one object a line",
        ),
        (
            "a.json.gz",
            gzip.compress(json.dumps(SQUAD, indent=1).encode(), mtime=0),
            "a compressed file that is not one object",
        ),
        ("a.bin", b"\0\1", "a binary file"),
    ],
)
def test_what_is_no_annotated_file(tmp_path: Path, name: str, content: bytes, message: str):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_annotations(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        read_annotations(tmp_path / "other.json")


def test_every_format_is_read(tmp_path: Path):
    span = (Span(start=0, end=3, label="PER"),)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(LINE.encode()))
    (tmp_path / "a.conll").write_text("Ann B-PER\nleft O\n")
    (tmp_path / "b.json").write_text(json.dumps(SQUAD))
    for name in ("a.jsonl.gz", "a.conll"):
        [document] = read_annotations(tmp_path / name)
        assert document.spans == span
    [document] = read_annotations(tmp_path / "b.json")
    assert document.questions[0].answers == (Span(start=0, end=3),)
    [document] = read_annotations(tmp_path / "a.conll", layer="upos")
    assert document.columns["tag"] == ("B-PER", "O")


word = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=4).filter(
    lambda text: not text.startswith(("#", "-DOCSTART-"))
)
KEPT = ("id", "text", "words", "spans", "columns")


def what(document: Document, *names: str) -> dict:
    return {name: getattr(document, name) for name in names}


@given(data=st.data(), scheme=st.sampled_from([*SCHEMES, None]), stated=st.booleans())
@settings(max_examples=60, deadline=None)
def test_columns_to_json_lines_and_back(tmp_path_factory, data, scheme, stated: bool):
    folder, content = tmp_path_factory.mktemp("convert"), ""
    for _ in range(data.draw(st.integers(1, 3))):
        words = data.draw(st.lists(word, min_size=1, max_size=5))
        if scheme is None:
            tags = data.draw(st.lists(st.sampled_from(["NOUN", "VERB"]), min_size=len(words), max_size=len(words)))
        else:
            start = data.draw(st.integers(0, len(words) - 1))
            spans = [(start, data.draw(st.integers(start + 1, len(words))), "PER")]
            tags = encode_tags(data.draw(st.sampled_from([spans, []])), len(words), scheme)
        content += f"# text = {''.join(words)}\n" if stated else ""
        content += "".join(f"{one}\tx\t{tag}\n" for one, tag in zip(words, tags, strict=True)) + "\n"
    (folder / "a.conll").write_text(content, encoding="utf-8", newline="\n")
    file = SourceFile(path=folder / "a.conll", name="a.conll")
    first = list(read_columns(file, ColumnFormat(word=0, tag=2, scheme=scheme)))
    write_data(first, folder / "a.jsonl", to="jsonl")
    second = list(read_annotations(folder / "a.jsonl"))
    kept = ("id", "text", "words", "spans") if scheme else KEPT
    assert [what(one, *kept) for one in second] == [what(one, *kept) for one in first]
    write_data(second, folder / "b.conll", to="columns", settings=WriteSettings(scheme=scheme or "BIO"))
    file = SourceFile(path=folder / "b.conll", name="b.conll")
    third = list(read_columns(file, ColumnFormat(word=0, tag=1, scheme=scheme)))
    names = ("text", "words", "spans", "columns")
    assert [what(one, *names) for one in third] == [what(one, *names) for one in first]
    write_data(first, folder / "c.conll", to="columns")
    assert (folder / "c.conll").read_text(encoding="utf-8") == content


@st.composite
def records(draw: st.DrawFn) -> dict:
    text = draw(st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), min_size=1, max_size=20))
    record = {"text": text, "id": draw(st.text("ab", min_size=1, max_size=3)), "source": draw(st.integers())}
    if draw(st.booleans()):
        words = split_words(text, joined=draw(st.booleans()))
        record["words"] = [list(one) for one in words]
        if draw(st.booleans()):
            record["tags"] = ["NOUN"] * len(words)
    if draw(st.booleans()):
        record["spans"] = []
        for _ in range(draw(st.integers(0, 3))):
            start = draw(st.integers(0, len(text) - 1))
            record["spans"].append({"start": start, "end": draw(st.integers(start + 1, len(text))), "label": "X"})
        record["spans"].sort(key=lambda span: (span["start"], span["end"]))
    return record


@given(some=st.lists(records(), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_json_lines_to_label_studio_and_back(tmp_path_factory, some: list[dict]):
    folder = tmp_path_factory.mktemp("convert")
    (folder / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in some))
    first = list(read_annotations(folder / "a.jsonl"))
    write_data(first, folder / "b.json", to="label-studio")
    second = list(read_annotations(folder / "b.json"))
    assert [what(one, *KEPT) for one in second] == [what(one, *KEPT) for one in first]
    write_data(second, folder / "c.jsonl", to="jsonl")
    assert [json.loads(line) for line in (folder / "c.jsonl").read_bytes().splitlines()] == some
    assert [what(one, *KEPT) for one in read_annotations(folder / "c.jsonl")] == [what(one, *KEPT) for one in first]


def test_texts_without_words_become_columns(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    record = {"text": "Ann lives in 北京, U.S.", "spans": [{"start": 13, "end": 15, "label": "LOC", "by": "me"}]}
    path.write_text(json.dumps(record) + "\n")
    write_data(
        read_annotations(path), tmp_path / "new" / "a.conll", to="columns", settings=WriteSettings(scheme="BIOES")
    )
    assert (tmp_path / "new" / "a.conll").read_text().splitlines() == [
        "# text = Ann lives in 北京, U.S.", "Ann\tO", "lives\tO", "in\tO", "北\tB-LOC", "京\tE-LOC", ",\tO",
        "U\tO", ".\tO", "S\tO", ".\tO", "",
    ]  # fmt: skip
    [again] = read_annotations(tmp_path / "new" / "a.conll")
    assert (again.text, again.spans) == (record["text"], (Span(start=13, end=15, label="LOC"),))
    write_data(read_annotations(path), tmp_path / "b.jsonl", to="jsonl")
    assert json.loads((tmp_path / "b.jsonl").read_text()) == record  # with what was not understood of the span


def test_nested_spans_become_columns_where_asked(tmp_path: Path):
    spans = [{"start": 0, "end": 8, "label": "LOC"}, {"start": 0, "end": 3, "label": "X"}]
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "New York", "spans": spans}) + "\n")
    target = tmp_path / "a.conll"
    with pytest.raises(InputError, match=r"a\.jsonl:1: spans overlap more"):
        write_data(read_annotations(tmp_path / "a.jsonl"), target, to="columns")
    write_data(read_annotations(tmp_path / "a.jsonl"), target, to="columns", settings=WriteSettings(layers=2))
    assert target.read_text() == "New\tB-LOC\tB-X\nYork\tI-LOC\tO\n\n"
    [document] = read_annotations(target, layer="nested")
    write_data([document], tmp_path / "b.jsonl", to="jsonl")
    [again] = read_annotations(tmp_path / "b.jsonl")
    assert again.spans == document.spans == (Span(start=0, end=8, label="LOC"), Span(start=0, end=3, label="X"))


@pytest.mark.parametrize(
    ("line", "to", "message"),
    [
        ('{"text": "Ann", "spans": [[0, 2, "X"]]}', "columns", r"a\.jsonl:2: a span begins or ends inside a word; got 0..2 'An'"),
        ('{"text": "Ann"}', "columns", r"a\.jsonl:2: neither spans nor tags"),
        ('{"text": "a\\tb", "words": [[0, 3]], "tags": ["X"]}', "columns", r"a\.jsonl:2: a word holds a tab"),
        ('{"text": "Ann"}', "squad", r"a\.jsonl:2: no questions"),
        ('{"text": "Ann", "words": [[0, 4]]}', "jsonl", r"a\.jsonl:2: not a word of the text; got \[0, 4\]"),
        ('{"text": "Ann", "words": [[1, 2], [0, 1]]}', "jsonl", r"a\.jsonl:2: not a word of the text; got \[0, 1\]"),
        ('{"text": "Ann", "words": [[0, 3]], "tags": ["a", "b"]}', "jsonl", r"a\.jsonl:2: not a tag for each word; got 2"),
        ('{"text": "\\udc00"}', "jsonl", r"a\.jsonl:2: half of a surrogate pair"),
        ('{"text": "Ann"}', "xml", r"--to: unknown format 'xml'. choose from aligned"),
        ('{"text": "Ann"}', "json", r"--to: unknown format 'json'. did you mean 'jsonl'"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_leaves_the_target_alone(tmp_path: Path, line: str, to: str, message: str):
    (tmp_path / "a.jsonl").write_text('{"text": "fine", "spans": []}\n' + line + "\n")
    target = tmp_path / "target"
    target.write_text("old")
    if to == "squad":
        (tmp_path / "a.jsonl").write_text("\n" + line + "\n")
    with pytest.raises(InputError, match=message):
        write_data(read_annotations(tmp_path / "a.jsonl"), target, to=to)
    assert target.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "target"]


def test_questions_stay_questions(tmp_path: Path):
    (tmp_path / "a.json").write_text(json.dumps(SQUAD))
    write_data(read_annotations(tmp_path / "a.json"), tmp_path / "b.json", to="squad")
    assert json.loads((tmp_path / "b.json").read_text()) == SQUAD
    with pytest.raises(InputError, match="questions, which only the formats squad and qa-jsonl can hold"):
        write_data(read_annotations(tmp_path / "a.json"), tmp_path / "b.jsonl", to="jsonl")
    with pytest.raises(InputError, match="compressed files are not written"):
        write_data([], tmp_path / "b.jsonl.gz", to="jsonl")


def test_other_fields_called_words_are_left_alone(tmp_path: Path):
    line = '{"text": "Ann left", "words": ["Ann", "left"], "tags": ["news"], "spans": []}'
    (tmp_path / "a.jsonl").write_text(line + "\n")
    [document] = read_annotations(tmp_path / "a.jsonl")
    assert (document.words, dict(document.columns)) == (None, {})
    write_data([document], tmp_path / "b.jsonl", to="jsonl")
    assert (tmp_path / "b.jsonl").read_text() == line + "\n"


@given(text=st.text(max_size=30) | st.text("aB1.,:'-& 北é\u0301/@_\n", max_size=30), joined=st.booleans())
@settings(deadline=None, max_examples=300)
def test_words_cover_every_character_once(text: str, joined: bool):
    words = split_words(text, joined=joined)
    places = [place for start, end in words for place in range(start, end)]
    assert places == [place for place, one in enumerate(text) if not one.isspace()]
    assert all(start < end for start, end in words)
    if joined:  # only marks are joined, and never Han characters
        fine = {bound for word in split_words(text, joined=False) for bound in word}
        assert {bound for word in words for bound in word} <= fine
    assert all(text[start:end].strip("\u0301") == "北" for start, end in words if "北" in text[start:end])


@pytest.mark.parametrize(
    ("text", "apart", "joined"),
    [
        ("The U.S. left.", "The|U|.|S|.|left|.", "The|U.S.|left|."),
        ("a state-of-the-art, don't", "a|state|-|of|-|the|-|art|,|don|'|t", "a|state-of-the-art|,|don't"),
        ("AT&T: 3,000.50 at 12:30,", "AT|&|T|:|3|,|000|.|50|at|12|:|30|,", "AT&T|:|3,000.50|at|12:30|,"),
        ("在北京AT&T。", "在|北|京|AT|&|T|。", "在|北|京|AT&T|。"),
        ("one,two well--known a_b", "one|,|two|well|-|-|known|a|_|b", "one|,|two|well|-|-|known|a_b"),
        ("e.g. x@y.org O’Neill's J. S.", "e|.|g|.|x|@|y|.|org|O|’|Neill|'|s|J|.|S|.", "e.g.|x@y.org|O’Neill's|J|.|S|."),
        ("'quoted' -5 1,", "'|quoted|'|-|5|1|,", "'|quoted|'|-|5|1|,"),
        ("re\u0301sume\u0301 देवनागरी", "re\u0301sume\u0301|देवनागरी", "re\u0301sume\u0301|देवनागरी"),
    ],
)  # fmt: skip
def test_words_by_hand(text: str, apart: str, joined: str):
    assert [text[start:end] for start, end in split_words(text, joined=False)] == apart.split("|")
    assert [text[start:end] for start, end in split_words(text, joined=True)] == joined.split("|")


@pytest.mark.parametrize(
    ("name", "task"),
    [("ner/wnut17/test.conll", "ner"), ("ner/weibo_zh/weiboNER_2nd_conll.dev", "ner"), ("pos/ud_english_ewt/dev.conllu", "xpos")],
)  # fmt: skip
def test_real_columns_to_json_lines_and_back(real_data: Path, tmp_path: Path, name: str, task: str):
    path = real_data / name
    first = list(read_annotations(path, layer=task))
    write_data(first, tmp_path / "a.jsonl", to="jsonl")
    write_data(read_annotations(tmp_path / "a.jsonl"), tmp_path / "b.conll", to="columns")
    file = SourceFile(path=tmp_path / "b.conll", name="b.conll")
    scheme = guess_format(SourceFile(path=path, name=path.name), task=task).scheme
    second = list(read_columns(file, dataclasses.replace(guess_format(file, task=task), scheme=scheme)))
    names = ("text", "words", "spans")
    assert [what(one, *names) for one in second] == [what(one, *names) for one in first]
    if task == "xpos":
        assert [one.columns for one in second] == [one.columns for one in first]
