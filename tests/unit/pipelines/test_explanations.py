"""How explanations and views of attention look: records, lines, one file of HTML."""

from __future__ import annotations

import html
import json
import re

import numpy as np
import pytest

from spanbert.core.attributions import Attention, Attribution, Piece, WordAttribution
from spanbert.core.html.script import own_script, source_hash
from spanbert.core.html.shading import shaded_text
from spanbert.core.types import Span
from spanbert.pipelines.explanations import AttentionView, Explanation
from spanbert.pipelines.html import page

TEXT = 'A <b>fine</b>  film & "more"\n'
WORDS = (
    WordAttribution(start=0, end=1, text="A", score=0.5),
    WordAttribution(start=5, end=9, text="fine", score=2.0),
    WordAttribution(start=15, end=19, text="film", score=-1.0),
)


def explanation(**changes: object) -> Explanation:
    one = Attribution(
        label="<good>",
        places=(Span(start=5, end=9, label="<good>", text="fine"),),
        score=1.75,
        baseline_score=0.25,
        words=WORDS,
        second=(WordAttribution(start=0, end=4, text="Why?", score=0.0),),
        delta=0.0,
        steps=32,
        converged=True,
    )
    facts = {
        "id": "a<",
        "text": TEXT,
        "second": "Why?",
        "task": "mood",
        "score_is": "log odds",
        "score_is_zh": "对数几率",
        "baseline": "mask",
    }
    return Explanation(**{**facts, "attributions": (one,), **changes})


def inner(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def test_a_shaded_text_has_every_character():
    parts = [Span(start=word.start, end=word.end, score=word.score) for word in WORDS]
    block, _, table = shaded_text(TEXT, parts).partition("<table")
    assert inner(block) == TEXT
    spans = re.findall(r'<span class="([^"]*)" title="([^"]*)">([^<]*)<', block)
    assert spans == [
        ("sb-for sb-shade-2", "+0.500", "A"),
        ("sb-for sb-shade-9", "+2.000", "fine"),
        ("sb-against sb-shade-4", "-1.000", "film"),
    ]
    assert re.findall(r'<th scope="row" dir="auto">([^<]*)</th>', table) == ["fine", "film", "A"]
    assert "sb-shade-6" in shaded_text(TEXT, parts, most=3.0), "both texts of a pair have one scale"
    nothing = shaded_text("nothing here", [Span(start=0, end=7, score=0.0)])
    assert inner(nothing) == "nothing here"
    assert "<table" not in nothing


def test_a_page_is_one_file():
    whole = "".join(page([explanation()], title="bundle"))
    assert "default-src 'none'" in whole
    assert whole.count("<script") == 1, "that of all drawings"
    assert source_hash(own_script()).replace("'", "&#x27;") in whole or source_hash(own_script()) in whole
    assert " src=" not in whole
    assert " href=" not in whole
    assert " style=" not in explanation().html(None), "a page may forbid it"
    assert "<good>" not in whole, "labels are text"
    assert "&lt;good&gt;" in whole
    assert whole.count("Why?") == 1
    assert explanation()._repr_html_().startswith('<div class="spanbert"><style>')


def test_the_words_that_count_most_come_first():
    one = explanation()[0]
    assert [word.text for word in one.top()] == ["fine", "film", "A"], "words that count nothing are left out"
    assert [word.text for word in one.top(1)] == ["fine"]
    assert repr(explanation()) == f"<{TEXT!r} | <good> fine because of fine, film, A>".replace("\\n", "\\n")
    assert "+2.000  fine" in "\n".join(explanation().lines())


def test_the_record_is_json_and_has_every_word():
    record = json.loads(json.dumps(explanation(left_out=3).as_record()))
    assert (record["id"], record["task"], record["baseline"], record["left_out"]) == ("a<", "mood", "mask", 3)
    [one] = record["explanations"]
    assert one["words"][1] == {"start": 5, "end": 9, "text": "fine", "score": 2.0}
    assert one["second_words"][0]["text"] == "Why?"
    assert one["places"] == [{"start": 5, "end": 9, "label": "<good>", "text": "fine"}]
    alone = explanation(second=None).as_record()
    assert "second" not in alone
    assert "second_words" not in alone["explanations"][0]


@pytest.fixture
def view() -> AttentionView:
    draw = np.random.default_rng(0)
    weights = draw.random((2, 3, 4, 4)).astype(np.float32) ** 6
    weights /= weights.sum(-1, keepdims=True)
    pieces = (
        Piece(text="[CLS]"),
        Piece(text="<b>", start=0, end=3),
        Piece(text="fox", start=4, end=7),
        Piece(text="[SEP]"),
    )
    return AttentionView(id="text", attention=Attention(pieces=pieces, weights_NHTT=weights))


def test_a_picture_for_each_head(view):
    whole = "".join(page([view], title="heads"))
    assert whole.count("<svg") == 2 * 3
    assert whole.count("<details") == 2
    assert whole.count("<rect") == 2 * 3 * 4
    assert "&lt;b&gt; looks at" in whole
    assert 'aria-label="layer 2, head 3"' in whole
    assert repr(view) == "<AttentionView: 2 layers, 3 heads, 4 tokens>"


def test_the_cells_of_a_picture_are_the_weights(view):
    """What is drawn is read back from the paths, to the nearest shade above."""
    weights = view.attention.weights_NHTT
    drawn = np.zeros_like(weights)
    pictures = re.findall(r"<svg.*?</svg>", view.html(None), flags=re.DOTALL)
    for number, picture in enumerate(pictures):
        for cells, opacity in re.findall(r'<path d="([^"]*)" opacity="([\d.]+)"', picture):
            for start, row, length in re.findall(r"M(\d+) (\d+)\.5h(\d+)", cells):
                drawn[number // 3, number % 3, int(row), int(start) : int(start) + int(length)] = float(opacity)
    shown = weights >= 0.03
    assert ((drawn > 0) == shown).all()
    assert (drawn[shown] >= weights[shown] - 0.01).all()
    assert (drawn[shown] - weights[shown] <= 1 / 8 + 0.01).all()


def test_the_record_of_attention(view):
    record = json.loads(json.dumps(view.as_record()))
    assert [one["text"] for one in record["tokens"]] == ["[CLS]", "<b>", "fox", "[SEP]"]
    assert record["tokens"][0]["start"] is None
    assert np.array(record["weights"]).shape == (2, 3, 4, 4)
