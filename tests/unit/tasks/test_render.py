"""Rendering by kind: a toy kind of task in a few lines gets records, pages, columns and tables of a report."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest

from spanbert.apps.reports.finetune_tables import TaskTables
from spanbert.core.config import Config
from spanbert.core.errors import InputError
from spanbert.core.predictions import Classification, Coreference, Tagging
from spanbert.core.types import Document, Span
from spanbert.pipelines.html import fragment, page
from spanbert.pipelines.result_columns import conll_lines, has_columns
from spanbert.pipelines.results import AnnotatedText
from spanbert.tasks import registry
from spanbert.tasks.registry import spec_of, specs
from spanbert.tasks.render import Figure, TaskRender, WordColumns
from spanbert.tasks.spec import TaskSpec

TEXT = "Mara left <early>."
WORDS = (Span(start=0, end=4), Span(start=5, end=9), Span(start=10, end=18))
TAGS = Tagging(words=tuple(replace(word, label="X") for word in WORDS))
CLUSTERS = Coreference(words=WORDS, clusters=((WORDS[0],),), heads=(WORDS[0],), links=())


@dataclass(frozen=True, kw_only=True)
class WordCount:
    words: int


class CountRender(TaskRender[WordCount]):
    figures: ClassVar = {"off": Figure("distance", "mean distance from the right number")}
    units = ("texts",)

    def record(self, text: str, result: WordCount) -> dict[str, Any]:
        return {"words": result.words}

    def in_words(self, entry: Mapping[str, Any]) -> str:
        return "word count: a number a text"


@dataclass(frozen=True, kw_only=True)
class WordLengths:
    longest: Span


class LengthRender(CountRender):
    in_columns = "lengths"
    columns_of = "a task of lengths"

    def columns(self, document: Document, result: WordLengths) -> WordColumns:
        return WordColumns(words=WORDS, columns=[[str(word.end - word.start) for word in WORDS]])

    def places(self, result: WordLengths):
        yield result.longest


def _spec(kind: str, render: str, result: type) -> TaskSpec:
    return TaskSpec(
        kind=kind,
        title="word count",
        title_zh="词数",
        config=Config,
        task="none:None",
        check="none:None",
        render=f"{__name__}:{render}",
        result=f"{result.__module__}:{result.__qualname__}",
        produces=frozenset({"labels"}),
        formats=("table",),
        main_metric="off",
        files="tables",
        examples={},
    )


@pytest.fixture(autouse=True)
def _toys(monkeypatch: pytest.MonkeyPatch) -> None:
    toys = (_spec("count", "CountRender", WordCount), _spec("lengths", "LengthRender", WordLengths))
    monkeypatch.setattr(registry, "REGISTRY", (*registry.REGISTRY, *toys))


def test_a_toys_record_and_pages():
    doc = AnnotatedText(id="d1", text=TEXT, tasks={"size": WordCount(words=3)})
    assert json.loads(json.dumps(doc.as_record())) == {"id": "d1", "text": TEXT, "tasks": {"size": {"words": 3}}}
    for html in (fragment(doc), "".join(page([doc], title="Counts")), doc._repr_html_()):
        assert 'words <b class="sb-number">3</b>' in html
        assert "Mara left &lt;early&gt;." in html, "the text is shown, since the task does not show it"
    both = AnnotatedText(id="d1", text=TEXT, tasks={"size": WordCount(words=3), "pos": TAGS})
    assert both.as_record()["tasks"]["size"] == {"words": 3}
    assert fragment(both).count("Mara") == 1
    assert '<div class="sb-task">size</div>' in fragment(both)


def test_a_toys_tables_of_a_report():
    entry = {"kind": "count", "window": [128, 16]}
    scores = {"main": "off", "off": 0.5, "recall": 0.25, "own_figure": 1.0, "interval": {"off": [0.4, 0.6]}, "texts": 7}
    scores |= {"confusions": [["-", "x", 2]]}
    data = {"train": {"name": "a.csv"}, "dev": {"name": "b.csv"}}
    tables = TaskTables.of(entry, scores, data=data, sizes={"texts": 20}, spread={"off": {"mean": 0.5}})
    assert tables.kind == "word count: a number a text"
    assert tables.headline == ("distance", 0.5, [0.4, 0.6])
    assert [(row["name"], row["meaning"]) for row in tables.figures] == [
        ("distance", "mean distance from the right number"),
        ("recall", "share of what is there that was found"),
        ("own figure", ""),
    ]
    assert tables.facts[:2] == [("trained on", "a.csv (20 texts)"), ("scored on", "b.csv (7 texts)")]
    assert (tables.labels, tables.remarks, tables.confusions) == ([], [], [("-", "x", 2)])
    assert tables.seeds == [{"name": "distance", "mean": 0.5}]
    render = spec_of("count").renderer()
    assert (render.sureness(entry), render.python(entry)) == ("how sure", "nlp(text)")


def test_a_toys_places_are_checked():
    with pytest.raises(ValueError, match=r"task 'size': span 0\.\.19 reaches past the end of the 18 characters"):
        AnnotatedText(id="d1", text=TEXT, tasks={"size": WordLengths(longest=Span(start=0, end=19))})


def test_a_toys_columns_stand_beside_those_of_other_tasks():
    lengths = WordLengths(longest=WORDS[2])
    doc = AnnotatedText(id="d1", text=TEXT, tasks={"pos": TAGS, "size": lengths, "count": WordCount(words=3)})
    assert list(conll_lines(doc)) == ["Mara\tX\t4", "left\tX\t4", "<early>.\tX\t8", ""]
    assert has_columns(doc)
    alone = AnnotatedText(id="d1", text=TEXT, tasks={"count": WordCount(words=3)})
    assert not has_columns(alone)
    with pytest.raises(InputError, match="expected a tagging task or one of coreference or a task of lengths"):
        list(conll_lines(alone))


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ({"who": CLUSTERS, "pos": TAGS}, "tags and clusters in one file of columns; got pos, who"),
        ({"who": CLUSTERS, "what": CLUSTERS}, "clusters of several tasks in one file of columns; got who, what"),
    ],
)
def test_a_format_of_its_own_holds_one_task_alone(tasks: dict[str, object], message: str):
    with pytest.raises(InputError, match=message):
        list(conll_lines(AnnotatedText(id="d1", text=TEXT, tasks=tasks)))


def test_clusters_are_lines_of_conll2012():
    doc = AnnotatedText(id="d1", text=TEXT, tasks={"who": CLUSTERS, "tone": Classification(scores={"calm": 0.5})})
    first, second, *_, last = conll_lines(doc)
    assert first == "#begin document (d1); part 000"
    assert second.split()[3:4] + second.split()[-1:] == ["Mara", "(0)"]
    assert last == "#end document"


ENTRIES = {
    "text classification: one label a text": {"kind": "classify", "mode": "single", "pairs": False},
    "text classification: any number of labels a text": {"kind": "classify", "mode": "multi", "pairs": True},
    "text classification: a number a text": {"kind": "classify", "mode": "regression", "pairs": None},
    "sequence labelling: entities": {"kind": "tag", "nested": False, "scheme": "BIO"},
    "sequence labelling: a tag a word": {"kind": "tag", "nested": False, "scheme": None},
    "sequence labelling: nested entities": {"kind": "tag", "nested": True},
    "question answering: answers in a text": {"kind": "qa", "threshold": None},
    "question answering: answers in a text, or none": {"kind": "qa", "threshold": 0.5},
    "coreference resolution: clusters, those of one mention too": {"kind": "coref", "singletons": True},
    "coreference resolution: clusters of two mentions or more": {"kind": "coref", "singletons": False},
    "relation extraction: one of 2 labels a pair of entities": {"kind": "relation", "labels": ["no_relation", "owns"]},
}


def test_every_kind_says_what_it_is_and_how_it_is_asked():
    shown = {}
    for words, entry in ENTRIES.items():
        render = spec_of(entry["kind"], entry).renderer()
        assert render.in_words(entry) == words
        shown[words] = (render.python(entry), render.sureness(entry), render.nothing(entry))
    assert list(shown.values()) == [
        ("nlp(text).labels", "how sure", "-"),
        ("nlp(text, pair=pair).labels", "how sure", "-"),
        ("nlp(text).value", "off by", "-"),
        ("nlp(text).entities", "how sure", "nothing there"),
        ("nlp(text).tags", "how sure", "-"),
        ("nlp(text).entities", "how sure", "nothing there"),
        ("nlp.answer(question, context)", "how sure", "-"),
        ("nlp.answer(question, context)", "how sure", "-"),
        ("nlp(text).clusters", "how sure", "-"),
        ("nlp(text).clusters", "how sure", "-"),
        ("nlp.relate(text, entities)", "how sure", "-"),
    ]


def test_f1_of_answers_is_another_than_that_of_entities():
    f1 = {spec.kind: spec.renderer().figure("f1").meaning for spec in specs()}
    assert f1["qa"] == "mean overlap of the answers with the right ones"
    assert f1["tag"] == f1["relation"] == "harmonic mean of precision and recall"


def test_no_renderer_needs_torch():
    code = (
        "import sys; from spanbert.tasks.registry import specs; import spanbert.pipelines.result_columns;"
        "[spec.renderer() for spec in specs()]; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
