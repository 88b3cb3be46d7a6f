"""Results of a text: views over all tasks, JSON records, columns."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbert.core.errors import InputError
from spanbert.core.layers import overlap_free_layers
from spanbert.core.predictions import Answer, Answering, Classification, Tagging
from spanbert.core.tagging import decode_tags
from spanbert.core.types import Span, outer_first
from spanbert.pipelines.result_columns import conll_lines
from spanbert.pipelines.results import AnnotatedText

TEXT = "Mara left the Bank of England."
WORDS = tuple(
    Span(start=start, end=end)
    for start, end in [(0, 4), (5, 9), (10, 13), (14, 18), (19, 21), (22, 29), (29, 30)]
)  # fmt: skip
PERSON = Span(start=0, end=4, label="PER", score=0.9)
BANK = Span(start=14, end=29, label="ORG", score=0.75)
COUNTRY = Span(start=22, end=29, label="LOC", score=0.5)
NESTED = Tagging(words=WORDS, spans=(PERSON, COUNTRY, BANK))
SPEECH = Tagging(
    words=tuple(
        Span(start=word.start, end=word.end, label=tag, score=0.9)
        for word, tag in zip(WORDS, ["PROPN", "VERB", "DET", "PROPN", "ADP", "PROPN", "PUNCT"], strict=True)
    )
)
TONE = Classification(labels=("calm",), scores={"calm": 0.75, "tense": 0.25})
TOPIC = Classification(labels=("money", "people"), scores={"money": 0.9, "people": 0.6, "sport": 0.1})
STARS = Classification(scores={}, value=3.5)


def annotated(**tasks) -> AnnotatedText:
    return AnnotatedText(id="d1", text=TEXT, tasks=tasks)


def answered(answer: Answer | None) -> AnnotatedText:
    candidate = Answer(text="Mara", start=0, end=4, score=0.8)
    return AnnotatedText(
        id="q1",
        question="Who left?",
        text=TEXT,
        tasks={"qa": Answering(question="q1", answer=answer, candidates=(candidate,), null_score=-1.5)},
    )


def test_views_over_all_tasks():
    doc = annotated(ner=NESTED, pos=SPEECH, tone=TONE, topic=TOPIC, stars=STARS)
    assert doc.entities == (PERSON, BANK, COUNTRY)  # in text order, the outer one before the one within
    assert [TEXT[tag.start : tag.end] for tag in doc.tags if tag.label == "PROPN"] == ["Mara", "Bank", "England"]
    assert doc.labels == ("calm", "money", "people")
    assert doc.scores == {"calm": 0.75, "tense": 0.25, "money": 0.9, "people": 0.6, "sport": 0.1}
    assert doc.value == 3.5
    assert list(doc) == ["ner", "pos", "tone", "topic", "stars"]
    assert "ner" in doc
    assert "NER" not in doc
    assert doc["tone"] is TONE


def test_views_without_a_task_are_empty():
    doc = annotated()
    assert (doc.entities, doc.tags, doc.labels, doc.scores, doc.value) == ((), (), (), {}, None)
    assert doc.as_record() == {"id": "d1", "text": TEXT, "tasks": {}}


def test_an_unknown_task_names_the_nearest():
    with pytest.raises(InputError, match="no task 'tones'; did you mean 'tone'?"):
        annotated(tone=TONE, ner=NESTED)["tones"]


def test_what_two_tasks_say_differently_is_refused():
    with pytest.raises(InputError, match=r"same label; got 'calm'.*doc\['b'\]\.scores"):
        _ = annotated(a=TONE, b=TONE).scores
    with pytest.raises(InputError, match=r"several tasks predict a number; got a, b.*doc\['a'\]\.value"):
        _ = annotated(a=STARS, b=STARS).value


def test_places_outside_the_text_are_refused():
    with pytest.raises(ValueError, match=r"task 'ner': span 0\.\.31 reaches past the end of the 30 characters"):
        annotated(ner=Tagging(words=(), spans=(Span(start=0, end=31, label="X"),)))
    with pytest.raises(ValueError, match=r"task 'qa': span 28\.\.31 reaches past the end of the 30 characters"):
        answered(Answer(text="d.", start=28, end=31, score=0.1))


@pytest.mark.parametrize(
    ("result", "record"),
    [
        (TONE, {"labels": ["calm"], "scores": {"calm": 0.75, "tense": 0.25}}),
        (STARS, {"value": 3.5}),
        (
            Tagging(words=WORDS, spans=(BANK,)),
            {"entities": [{"start": 14, "end": 29, "label": "ORG", "score": 0.75, "text": "Bank of England"}]},
        ),
        (Tagging(words=WORDS, spans=()), {"entities": []}),
        (
            Tagging(words=(Span(start=5, end=9, label="VERB"),)),
            {"tags": [{"start": 5, "end": 9, "label": "VERB", "score": None, "text": "left"}]},
        ),
    ],
)
def test_records_of_one_task(result, record):
    made = annotated(only=result).as_record()
    assert made == {"id": "d1", "text": TEXT, "tasks": {"only": record}}
    assert json.loads(json.dumps(made)) == made


def test_records_of_several_tasks_are_under_their_names():
    record = annotated(tone=TONE, stars=STARS).as_record()
    assert record == {
        "id": "d1",
        "text": TEXT,
        "tasks": {"tone": {"labels": ["calm"], "scores": {"calm": 0.75, "tense": 0.25}}, "stars": {"value": 3.5}},
    }


def test_records_of_questions():
    answer = Answer(text="Mara", start=0, end=4, score=0.8)
    candidates = [{"text": "Mara", "start": 0, "end": 4, "score": 0.8}]
    expected = {
        "answer": "Mara", "start": 0, "end": 4, "score": 0.8, "null_score": -1.5, "candidates": candidates,
    }  # fmt: skip
    about = {"id": "q1", "question": "Who left?", "context": TEXT}
    assert answered(answer).as_record() == {**about, "tasks": {"qa": expected}}
    none = {"answer": None, "start": None, "end": None, "score": None}
    assert answered(None).as_record()["tasks"]["qa"] == expected | none


def test_columns_of_one_task():
    flat = annotated(ner=Tagging(words=WORDS, spans=(PERSON, BANK)))
    assert list(conll_lines(flat)) == [
        "Mara\tB-PER", "left\tO", "the\tO", "Bank\tB-ORG", "of\tI-ORG", "England\tI-ORG", ".\tO", "",
    ]  # fmt: skip
    none = annotated(ner=Tagging(words=WORDS[:2], spans=()))
    assert list(conll_lines(none)) == ["Mara\tO", "left\tO", ""]


def test_nested_spans_take_further_columns():
    assert list(conll_lines(annotated(ner=NESTED, pos=SPEECH))) == [
        "Mara\tB-PER\tO\tPROPN", "left\tO\tO\tVERB", "the\tO\tO\tDET", "Bank\tB-ORG\tO\tPROPN",
        "of\tI-ORG\tO\tADP", "England\tI-ORG\tB-LOC\tPROPN", ".\tO\tO\tPUNCT", "",
    ]  # fmt: skip


def test_what_columns_cannot_hold():
    with pytest.raises(InputError, match="no tags to write in columns; got results of tone; expected a tagging task"):
        list(conll_lines(annotated(tone=TONE)))
    with pytest.raises(InputError, match="different words.*got ner and pos"):
        list(conll_lines(annotated(ner=NESTED, pos=Tagging(words=SPEECH.words[1:]))))
    with pytest.raises(InputError, match="begins or ends inside a word"):
        list(conll_lines(annotated(ner=Tagging(words=WORDS, spans=(Span(start=1, end=4, label="X"),)))))


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.integers(1, 6), st.sampled_from("XY")).map(
            lambda one: Span(start=one[0], end=one[0] + one[1], label=one[2])
        ),
        max_size=12,
    )
)
def test_columns_hold_every_span_and_outer_ones_come_first(spans):
    text = "a" * 18
    words = tuple(Span(start=place, end=place + 1) for place in range(18))
    *rows, last = conll_lines(AnnotatedText(id="d", text=text, tasks={"ner": Tagging(words=words, spans=tuple(spans))}))
    assert last == ""
    columns = list(zip(*(row.split("\t")[1:] for row in rows), strict=True))
    found = [span for column in columns for span in decode_tags(column, "BIO")]
    assert sorted(found) == sorted((span.start, span.end, span.label) for span in spans)
    deepest = max((sum(span.start <= place < span.end for span in spans) for place in range(18)), default=0)
    assert len(columns) == max(1, deepest)  # no fewer would do, no more are used
    for before, layer in pairwise(overlap_free_layers(spans)):
        for inner in layer:  # has one that it overlaps in the column before, which begins earlier or is as long
            assert any(
                outer.start < inner.end and inner.start < outer.end and outer_first(outer) <= outer_first(inner)
                for outer in before
            )


def test_notebooks_show_html():
    assert 'title="ORG 0.750"' in annotated(ner=NESTED)._repr_html_()
    assert "No answer" in answered(None)._repr_html_()


def test_results_need_no_torch():
    code = "import sys, spanbert.pipelines.results; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
