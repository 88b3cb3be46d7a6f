"""What is wrong in a broken annotated file is said with its place in the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from spanbert.core.errors import InputError
from spanbert.corpus.formats.labelled import guess_labelled, read_labelled
from spanbert.corpus.formats.labelled_columns import LabelledColumns
from spanbert.corpus.formats.registry import write_data
from spanbert.corpus.io.files import SourceFile
from tests.formats import read_annotations


def studio(annotations: Any) -> list[dict[str, Any]]:
    return [{"data": {"text": "a fox"}}, {"data": {"text": "a fox"}, "annotations": annotations}]


def result(**changes: Any) -> dict[str, Any]:
    return {"type": "labels", "value": {"start": 2, "end": 5, "labels": ["ANI"]}, **changes}


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        ("done", r'\[1\]\.annotations: not a list of objects; got "done"'),
        ([None], r"\[1\]\.annotations: not a list of objects; got \[null\]"),
        (
            [{"was_cancelled": True}, {"result": "x"}],
            r'\[1\]\.annotations\[1\]\.result: not a list of objects; got "x"',
        ),
        ([{"result": [result(), 3]}], r"\[1\]\.annotations\[0\]\.result: not a list of objects"),
        ([{"result": [result(), result(value=[1])]}], r"\.result\[1\]: a labelled result without a value"),
        ([{"result": [result(value={"labels": "ANI"})]}], r"\.result\[0\]: a labelled result without a value"),
        ([{"result": [result(value={"labels": [3], "start": 0, "end": 1})]}], r"\.result\[0\]: not a span of the text"),
        (
            [{"result": [result(value={"labels": ["A"], "start": 0.0, "end": 1})]}],
            r"\.result\[0\]: not a span of the text",
        ),
    ],
)
def test_malformed_label_studio(tmp_path: Path, annotations: Any, message: str):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(studio(annotations)))
    with pytest.raises(InputError, match=message):
        list(read_annotations(path))


def test_label_studio_with_other_results_and_none(tmp_path: Path):
    """Choices and relations are no spans; `result: null` is an annotation without spans; both are written back."""
    path, target = tmp_path / "a.json", tmp_path / "b.json"
    content = studio([{"result": None}]) + studio(
        [{"result": [{"type": "choices", "value": {"choices": ["x"]}}, result()]}]
    )
    path.write_text(json.dumps(content))
    documents = list(read_annotations(path))
    assert [None if one.spans is None else len(one.spans) for one in documents] == [None, 0, None, 1]
    write_data(documents, target, to="label-studio")
    assert json.loads(target.read_text()) == content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 5000, r"a\.json: JSON that cannot be read; got maximum recursion depth"),
        ('{"data": ' + "9" * 5000 + "}", r"a\.json: JSON that cannot be read; got Exceeds the limit"),
        ('[{"data": {"text": "\\ud800"}}]', r"a\.json: half of a surrogate pair"),
        ('[\n{"data": ]', r"a\.json:2: not valid JSON; got Expecting value in column 10"),
        ('{"data": [{"paragraphs": [{"context": "a", "qas": [{"id": 1, "question": "?", "answers": 5}]}]}]}',
         r"data\[0\]\.paragraphs\[0\]\.qas\[0\]: field 'answers' is of another type; got int; expected a list"),
    ],
)  # fmt: skip
def test_json_that_is_no_annotation(tmp_path: Path, content: str, message: str):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        list(read_annotations(path))


def test_parquet_that_is_damaged_or_holds_what_is_no_text(tmp_path: Path):
    path = tmp_path / "a.parquet"
    columns = LabelledColumns(text="text", label="label")
    parquet.write_table(pyarrow.table({"text": ["a fox"] * 50, "label": ["x"] * 50}), path)
    sound = path.read_bytes()
    for damaged in (sound[4:], sound[:40] + b"\xff" * 40 + sound[80:], sound[:-200] + sound[-100:], b"PAR1" * 3):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="not a whole Parquet file") as caught:
            list(read_labelled(SourceFile(path=path, name=path.name), columns))
        assert len(str(caught.value).splitlines()) == 1
    false = pyarrow.array([b"\xff\xfe"]).view(pyarrow.string())
    parquet.write_table(pyarrow.table({"text": false, "label": ["x"]}), path)
    with pytest.raises(InputError, match=r"a\.parquet: rows from 1: values that cannot be read; got 'utf-8' codec"):
        guess_labelled(SourceFile(path=path, name=path.name))
