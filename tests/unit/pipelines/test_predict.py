"""Lines in, results out: formats, ids, order, and how far reading runs ahead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from spanbert.core.errors import InputError
from spanbert.pipelines.inputs import read_inputs
from spanbert.pipelines.predict import predict
from tests.labelled import tiny


@pytest.fixture(scope="module")
def paths(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    base = tmp_path_factory.getbasetemp()
    return {name: tiny(name, hugging_face_model, base)[0].path for name in ("joint", "single", "qa", "pair")}


def read(*lines: str, name: str = "in.txt") -> list[tuple]:
    return [
        (one.id, one.text, one.questions and one.questions[0].text, one.pair) for one in read_inputs(lines, name=name)
    ]


def test_plain_lines_and_json_lines():
    assert read("\ufeffa fox\n", "\n", "  a dog \r\n") == [("1", "a fox", None, None), ("3", "  a dog ", None, None)]
    assert read('["a"]\n', '{"text": "b"}\n') == [("1", '["a"]', None, None), ("2", '{"text": "b"}', None, None)]
    assert read('{"id": 7, "text": "a"}\n', '{"text": "b", "pair": "c"}\n') == [
        ("7", "a", None, None),
        ("2", "b", None, "c"),
    ]
    assert read('{"id": "q", "question": "who?", "context": "a fox"}') == [("q", "a fox", "who?", None)]
    [document] = read_inputs(['{"tokens": ["New", "York ", "!"]}'], name="a.jsonl")
    assert (document.text, [(one.start, one.end) for one in document.words]) == (
        "New York  !",
        [(0, 3), (4, 9), (10, 11)],
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a fox", "a.jsonl:2: not valid JSON"),
        ("[1]", "a.jsonl:2: not a JSON object; got list"),
        ('{"txt": "a"}', "a.jsonl:2: no text; got txt"),
        ('{"text": 3}', "a.jsonl:2: no text"),
        ('{"question": "who?"}', "a.jsonl:2: no context; got question"),
        ('{"text": "a", "pair": null}', "a.jsonl:2: no pair"),
        ('{"tokens": ["a", " "]}', "a.jsonl:2: tokens that are not words"),
        ('{"tokens": "a b"}', "a.jsonl:2: tokens that are not words"),
    ],
)
def test_lines_that_are_none(line: str, message: str):
    with pytest.raises(InputError, match=message):
        read('{"text": "a"}', line, name="a.jsonl")


def test_ids_and_order_are_kept(paths):
    lines = [json.dumps({"id": f"x{n}", "text": "fox " * (1 + 37 * n % 50)}) for n in range(40)]
    found = list(predict(paths["single"], lines))
    assert [one.id for one in found] == [f"x{n}" for n in range(40)]
    assert all(one.labels for one in found)
    questions = [
        json.dumps({"id": n, "question": "who sees it?", "context": f"the {who} runs"})
        for n, who in enumerate(["king", "fox"])
    ]
    answered = [one.as_record() for one in predict(paths["joint"], questions)]
    assert [(one["id"], one["tasks"]["who"]["answer"]) for one in answered] == [("0", "king"), ("1", None)]
    assert list(predict(paths["single"], ["", " \n"])) == []
    pairs = ['{"text": "a fox", "pair": "a king"}', '{"text": "a fox", "pair": "a city"}']
    assert [one.labels for one in predict(paths["pair"], pairs)] == [("yes",), ("no",)]


def test_texts_and_questions_may_be_mixed(paths):
    """Each gets what it gets in an input of its own, in the order in which they came."""
    texts = [json.dumps({"id": f"t{n}", "text": "the red fox runs " * n}) for n in range(1, 5)]
    questions = [json.dumps({"id": f"q{n}", "question": "who?", "context": "a king runs " * n}) for n in range(1, 5)]
    alone = {one.id: one for lines in (texts, questions) for one in predict(paths["joint"], lines)}
    mixed = list(predict(paths["joint"], [texts[0], *questions[:3], *texts[1:], questions[3]]))
    assert [one.id for one in mixed] == ["t1", "q1", "q2", "q3", "t2", "t3", "t4", "q4"]
    for one in mixed:
        assert close(one.as_record(), alone[one.id].as_record())


def close(one: object, other: object) -> bool:
    """Whether two records say the same; numbers may differ by rounding."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(close(a, b) for a, b in zip(one, other, strict=True))
    return one == pytest.approx(other, abs=1e-5) if isinstance(one, float) else one == other


@pytest.mark.parametrize(
    ("name", "lines", "task", "message"),
    [
        ("single", ['{"text": "a"}', '{"question": "who?", "context": "b"}'], None, "no task that reads questions"),
        ("qa", ['{"question": "who?", "context": "b"}', '{"text": "a"}'], None, "no task that reads texts"),
        ("qa", ["a fox"], None, "no task that reads texts"),
        ("single", ['{"question": "who?", "context": "b"}'], None, "no task that reads questions"),
        ("joint", ["a fox"], "nrr", "no task 'nrr'"),
    ],
)
def test_what_no_task_reads(paths, name: str, lines, task, message: str):
    with pytest.raises(InputError, match=message):
        list(predict(paths[name], lines, task=task))


def test_reading_runs_ahead_by_a_bounded_number_of_lines(paths):
    """An endless input: results come, and no more than a chunk of lines is ever held."""
    used = 0

    def endless() -> Iterator[str]:
        nonlocal used
        for number in count():
            used += 1
            yield f"the fox runs {number}\n"

    results = predict(paths["single"], endless())
    for number in range(1, 1100):
        assert next(results).id == str(number)
        assert used - number <= 512
