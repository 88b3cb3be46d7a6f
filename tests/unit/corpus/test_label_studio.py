"""Label Studio: several annotators, relations, choices, JSON-MIN."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spanbert.core.errors import InputError
from spanbert.core.types import Relation, Span
from spanbert.corpus.formats.format import ReadSettings
from spanbert.corpus.formats.registry import family_of, open_data, write_data
from spanbert.pipelines.convert.data import convert_data
from tests.formats import open_annotations, open_relations, read_annotations
from tests.tool_samples import (
    LEFT,
    LOC,
    MOOD,
    PER,
    PLACE,
    REGION,
    STARS,
    STUDIO,
    STUDIO_MIN,
    put,
)

VIP, LEFT_WORD = Span(start=0, end=3, label="VIP"), Span(start=4, end=8, label="V")


def test_label_studio_is_read_for_four_kinds_of_gold(tmp_path: Path):
    path = put(tmp_path / "export.json", STUDIO)
    data = open_annotations(path)
    first, second = data.documents()
    vip = Span(start=0, end=3, label="VIP")
    assert first.spans == (PER, vip, LOC)  # a region has every label that it is given
    assert first.relations == (Relation(head=PER, tail=LOC, label="left"),)  # drawn from right to left
    assert (first.labels, second.labels, second.spans) == (("sad",), None, None)
    assert data.left_out == {
        "annotations of the same texts": 1, "skipped annotations": 1, "predictions": 1, "results of type rating": 1
    }  # fmt: skip
    assert "left out: 1 annotations of the same texts" in data.description
    assert [one.relations for one in open_relations(path).documents()] == [first.relations, None]
    convert_data(path, tmp_path / "again.json", to="label-studio")
    assert json.loads((tmp_path / "again.json").read_text()) == STUDIO


def test_an_export_as_label_studio_writes_it_today(tmp_path: Path):
    """With all of its fields, lists that are empty among them; the first text has no spans."""
    region = {"value": {"start": 0, "end": 3, "text": "Ann", "labels": ["PER"]}, "id": "a", "from_name": "label",
              "to_name": "text", "type": "labels", "origin": "manual"}  # fmt: skip
    texts = [("Nobody looked.", []), ("Ann left Rome.", [region])]
    tasks = [
        {"id": number, "annotations": [
            {"id": number, "completed_by": 1, "result": found, "was_cancelled": False, "ground_truth": False,
             "created_at": "2026-01-01T00:00:00Z", "draft_created_at": None, "lead_time": 12.3, "prediction": {},
             "result_count": len(found), "unique_id": "u", "import_id": None, "last_action": None, "task": number,
             "project": 1, "updated_by": 1, "parent_prediction": None, "parent_annotation": None}],
         "file_upload": "texts.txt", "drafts": [], "predictions": [], "data": {"text": text}, "meta": {},
         "allow_skip": True, "inner_id": number, "total_annotations": 1, "cancelled_annotations": 0, "project": 1,
         "comment_count": 0, "last_comment_updated_at": None, "comment_authors": []}
        for number, (text, found) in enumerate(texts, start=1)
    ]  # fmt: skip
    path = put(tmp_path / "project-1.json", tasks)
    assert [one.spans for one in open_annotations(path).documents()] == [(), (PER,)]
    assert open_data(path, among=family_of("columns")).format.name == "label-studio"


def test_label_studio_with_changed_spans_keeps_other_results(tmp_path: Path):
    first, _ = read_annotations(put(tmp_path / "a.json", STUDIO))
    write_data(
        [replace(first, spans=(LOC, Span(start=4, end=8, label="V")), relations=())],
        tmp_path / "b.json",
        to="label-studio",
    )
    [task] = json.loads((tmp_path / "b.json").read_text())
    results = task["annotations"][0]["result"]
    assert [one for one in results if one["type"] != "labels"] == [MOOD, STARS]
    assert [one["value"]["labels"] for one in results if one["type"] == "labels"] == [["LOC"], ["V"]]
    assert task["annotations"][1:] == STUDIO[0]["annotations"][1:]


def test_several_questions_need_a_name(tmp_path: Path):
    result = [MOOD, {**MOOD, "id": "n", "from_name": "topic", "value": {"choices": ["travel"]}}]
    path = put(tmp_path / "a", [{"data": {"text": "x"}, "annotations": [{"result": result}]}])
    among = family_of("labelled")
    [unnamed] = open_data(path, among=among).documents()
    assert unnamed.labels is None
    assert open_data(path, among=among).left_out == {"choices, of several questions": 2}
    for name, labels in (("topic", ("travel",)), ("mood", ("sad",))):
        [one] = open_data(path, among=among, settings=ReadSettings(label_column=name)).documents()
        assert one.labels == labels
    with pytest.raises(InputError, match="no choices called 'tone'; got mood, topic"):
        list(open_data(path, among=among, settings=ReadSettings(label_column="tone")).documents())


@pytest.mark.parametrize(("start", "end"), [(9, 12), (8, 11)])
def test_places_in_texts_with_emoji(tmp_path: Path, start: int, end: int):
    """Browsers count UTF-16 units; other programs count characters."""
    value = {"start": start, "end": end, "text": "Ann", "labels": ["PER"]}
    task = {
        "data": {"text": "Hello 😊 Ann"},
        "annotations": [{"result": [{"id": "a", "type": "labels", "value": value}]}],
    }
    [one] = read_annotations(put(tmp_path / "a", [task]))
    assert one.spans == (Span(start=8, end=11, label="PER"),)


def one_task(*result: dict[str, Any]) -> list[Any]:
    return [{"id": 1, "data": {"text": "Ann left Rome."}, "annotations": [{"result": list(result)}]}]


@pytest.mark.parametrize("identity", [{"text": "a"}, ["a"], 7])
def test_ids_may_be_anything(tmp_path: Path, identity: Any):
    content = one_task({**REGION, "id": identity}, PLACE, {**LEFT, "to_id": identity})
    path = put(tmp_path / "a.json", content)
    [one] = open_relations(path).documents()
    assert one.relations == (Relation(head=PER, tail=LOC, label="left"),)
    write_data([replace(one, spans=(PER, VIP, LOC, LEFT_WORD))], tmp_path / "b.json", to="label-studio")
    [task] = json.loads((tmp_path / "b.json").read_text())
    assert task["annotations"][0]["result"][:3] == content[0]["annotations"][0]["result"]


def test_relations_with_odd_ends_are_left_out(tmp_path: Path):
    path = put(tmp_path / "a.json", one_task(REGION, PLACE, {**LEFT, "to_id": {"text": "a"}}))
    data = open_relations(path)
    assert [one.relations for one in data.documents()] == [None]
    assert data.left_out == {"relations of other regions": 1}


def test_regions_without_an_id_stay_apart(tmp_path: Path):
    path = put(tmp_path / "a.json", one_task({**REGION, "id": None}, {**PLACE, "id": None}, {**LEFT, "to_id": None}))
    [one] = read_annotations(path)
    assert (one.spans, one.relations) == ((PER, VIP, LOC), None)


@pytest.mark.parametrize("labels", [3, "left", {"left": 1}, [3], [["left"]]])
def test_labels_of_relations_are_texts(tmp_path: Path, labels: Any):
    path = put(tmp_path / "a.json", one_task(REGION, PLACE, {**LEFT, "labels": labels}))
    with pytest.raises(
        InputError, match=r"a\.json: \[0\]\.annotations\[0\]\.result\[2\]: labels that are not a list of"
    ):
        list(open_relations(path).documents())


def test_json_min(tmp_path: Path):
    path = put(tmp_path / "min.json", STUDIO_MIN)
    first, second = read_annotations(path)
    assert (first.id, first.spans, first.labels) == ("7", (PER,), ("sad",))
    assert (second.spans, second.labels) == ((), ("good", "calm"))
    convert_data(path, tmp_path / "again.json", to="label-studio-min")
    assert json.loads((tmp_path / "again.json").read_text()) == STUDIO_MIN
    convert_data(path, tmp_path / "full.json", to="label-studio")
    again = list(read_annotations(tmp_path / "full.json"))
    assert [(one.id, one.text, one.spans, one.labels) for one in again] == [
        (one.id, one.text, one.spans, one.labels) for one in (first, second)
    ]
    [changed, _] = json.loads((tmp_path / "min.json").read_text())
    write_data([replace(first, spans=(LOC,))], tmp_path / "changed.json", to="label-studio-min")
    assert json.loads((tmp_path / "changed.json").read_text()) == [
        {**changed, "ner": [{"start": 9, "end": 13, "text": "Rome", "labels": ["LOC"]}]}
    ]
