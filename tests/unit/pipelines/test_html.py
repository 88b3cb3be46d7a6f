"""Results as HTML: inert, well formed, and no character of the text lost."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbert.core.html.style import COLOURS, STYLE, Palette
from spanbert.core.predictions import (
    Answer,
    Answering,
    Classification,
    Coreference,
    MentionLink,
    RelationExtraction,
    Tagging,
)
from spanbert.core.types import Filling, Relation, Span
from spanbert.pipelines.html import fragment, page
from spanbert.pipelines.results import AnnotatedText
from spanbert.tasks.pretrain.render import fillings_html
from tests.drawings import everything

HOSTILE = "<script>alert(1)</script> & \"quotes\" 'single' </div> &amp;"
NOT_OF_THE_TEXT = ("sb-label", "sb-cut")


class Reader(HTMLParser):
    """Reads a page, checks that its tags are balanced, and collects what stands where."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, dict[str, str]]] = []
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []  # of each text block, without labels and captions
        self.shown: list[str] = []  # all characters but those of the style sheet and the script
        self.marked: list[tuple[str, str]] = []  # title and text of each mark, in order of their ends
        self._marks: list[list[str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        attributes = {name: value or "" for name, value in attributes}
        self.seen.append((tag, attributes))
        if tag == "meta":
            return
        self.open.append((tag, attributes))
        if "sb-text" in attributes.get("class", ""):
            self.texts.append("")
        if tag == "mark":
            self._marks.append([attributes["title"], ""])

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        opened, _ = self.open.pop()
        assert opened == tag
        if tag == "mark":
            title, text = self._marks.pop()
            self.marked.append((title, text))

    def handle_data(self, data):
        if self.open and self.open[-1][0] in ("style", "script"):
            return
        self.shown.append(data)
        classes = [attributes.get("class", "").split() for _, attributes in self.open]
        of_block = any("sb-text" in names for names in classes)
        aside = any(set(names) & set(NOT_OF_THE_TEXT) for names in classes) or any(tag == "rt" for tag, _ in self.open)
        if of_block and not aside:
            self.texts[-1] += data
            for mark in self._marks:
                mark[1] += data

    def all(self, tag: str, css_class: str = "") -> list[dict[str, str]]:
        return [
            attributes
            for name, attributes in self.seen
            if name == tag and (not css_class or css_class in attributes.get("class", "").split())
        ]


def span(text: str, part: str, label: str, score: float | None = None) -> Span:
    start = text.index(part)
    return Span(start=start, end=start + len(part), label=label, score=score)


def tagged(text: str, *spans: Span, id: str = "d1") -> AnnotatedText:  # noqa: A002
    return AnnotatedText(id=id, text=text, tasks={"ner": Tagging(words=(), spans=spans)})


def classified(result: Classification) -> AnnotatedText:
    return AnnotatedText(id="d1", text="All is well.", tasks={"kind": result})


def question(context: str, found: str | None, *, candidates: tuple[str, ...] = ()) -> AnnotatedText:
    def answer(text: str) -> Answer:
        return Answer(text=text, start=context.index(text), end=context.index(text) + len(text), score=0.625)

    return AnnotatedText(
        id="q1",
        question="Who built it?",
        text=context,
        tasks={
            "qa": Answering(
                question="q1",
                answer=None if found is None else answer(found),
                candidates=tuple(answer(one) for one in candidates),
                null_score=-2.5,
            )
        },
    )


def test_nested_spans_are_nested_marks():
    text = "the Bank of England left"
    read = Reader(fragment(tagged(text, span(text, "Bank of England", "ORG", 0.75), span(text, "England", "LOC"))))
    assert read.marked == [("LOC", "England"), ("ORG 0.750", "Bank of England")]
    assert read.texts == [text]
    outer, inner = read.all("mark")
    assert "sb-level-1" in outer["class"].split()  # the outer one is drawn taller
    assert "sb-level-0" in inner["class"].split()


def test_crossing_spans_are_marks_and_lines():
    text = "left New York City at dawn"
    html = fragment(tagged(text, span(text, "left New York", "EVENT"), span(text, "New York City", "GPE", 0.5)))
    read = Reader(html)
    assert read.marked == [("EVENT", "left New York")]
    assert [one["title"] for one in read.all("span", "sb-line")] == ["GPE 0.500", "GPE 0.500"]
    assert re.findall(r'sb-row-0"[^>]*>([^<]*)</span>', html) == ["New York", " City"]
    assert read.texts == [text]


def test_lines_that_overlap_are_in_different_rows():
    text = "abcdefgh"
    spans = [Span(start=start, end=start + 4, label=label) for start, label in enumerate("ABC")]
    lines = Reader(fragment(tagged(text, *spans))).all("span", "sb-line")
    assert {(one["title"], one["class"].split()[2]) for one in lines} == {("B", "sb-row-0"), ("C", "sb-row-1")}


@st.composite
def texts_with_spans(draw: st.DrawFn) -> tuple[str, list[Span]]:
    text = draw(st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("<>&\"' \r\n\t;#中")), max_size=40))
    ends = st.integers(0, len(text))
    labels = st.one_of(st.none(), st.sampled_from(["PER", "地点", "<b>", '"']))
    places = draw(st.lists(st.tuples(ends, ends, labels), max_size=8))
    return text, [Span(start=min(a, b), end=max(a, b), label=label, score=0.5) for a, b, label in places]


@given(texts_with_spans())
def test_no_character_is_lost_whatever_the_spans(case):
    text, spans = case
    read = Reader(fragment(tagged(text, *spans)))
    assert read.texts == [text.replace("\0", "\N{REPLACEMENT CHARACTER}")]
    labels = sum(bool(one.label) for one in spans)
    assert len(read.all("small", "sb-label")) == labels  # each span's label stands once, mark or line


@given(st.data())
def test_no_character_is_lost_with_captions(data):
    text = data.draw(st.text(st.sampled_from("ab<>& \r\n中"), max_size=30))
    bounds = sorted(data.draw(st.sets(st.integers(0, len(text)))))
    words = tuple(Span(start=a, end=b, label="<X>") for a, b in list(pairwise(bounds))[::2])
    read = Reader(fragment(AnnotatedText(id="d", text=text, tasks={"pos": Tagging(words=words)})))
    assert read.texts == [text]
    assert len(read.all("rt")) == len(words)


def test_everything_is_escaped():
    doc = AnnotatedText(
        id=HOSTILE,
        text=HOSTILE,
        tasks={
            HOSTILE: Tagging(words=(), spans=(Span(start=0, end=8, label=HOSTILE, score=0.5),)),
            "pos": Tagging(words=(Span(start=0, end=8, label=HOSTILE),)),
            "kind": Classification(labels=(HOSTILE,), scores={HOSTILE: 1.0}),
        },
    )
    asked = AnnotatedText(
        id=HOSTILE,
        question=HOSTILE,
        text=HOSTILE,
        tasks={
            "qa": Answering(
                question=HOSTILE,
                answer=Answer(text=HOSTILE, start=0, end=8, score=0.5),
                candidates=(Answer(text=HOSTILE, start=0, end=8, score=0.5),),
                null_score=0.0,
            )
        },
    )
    html = "".join(page([doc, asked], title=HOSTILE))
    read = Reader(html)
    assert html.count("<script") == 1, "its own"
    assert {tag for tag, _ in read.seen} <= {
        "html", "head", "meta", "title", "style", "script", "body", "main", "h1", "p", "article", "div", "mark", "small",
        "ruby", "rt", "table", "thead", "tbody", "caption", "tr", "th", "td", "b", "span", "svg", "rect",
    }  # fmt: skip
    allowed = {
        "class", "title", "lang", "dir", "scope", "charset", "name", "content", "http-equiv", "type", "data-sb-zh",
            "data-sb-zh-title",
        "viewbox", "preserveaspectratio", "aria-hidden", "width", "height",
    }  # fmt: skip
    assert {name for _, attributes in read.seen for name in attributes} == allowed
    # Title, heading, two ids, name of the task, label of the mark, caption, bar, question, answer, candidate.
    assert "".join(read.shown).count(HOSTILE) == 11
    assert read.texts == [HOSTILE] * 3  # of both tagging tasks and the context, where labels stand in between
    assert read.all("mark")[0]["title"] == f"{HOSTILE} 0.500"


def test_what_no_file_can_hold_is_replaced_one_for_one():
    html = "".join(page([tagged("a\ud800b\0c", Span(start=2, end=3, label="X"))], title="\udfff"))
    read = Reader(html.encode("utf-8").decode("utf-8"))
    assert read.texts == ["a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"]
    assert read.marked == [("X", "b")]


def test_a_page_is_whole_and_reads_its_results_one_at_a_time():
    asked_for = []

    def results():
        for name in ("first", "second"):
            asked_for.append(name)
            yield tagged("Ann left.", id=name)

    pieces = page(results(), title="Two texts")
    head = next(pieces)
    assert asked_for == []
    assert head.startswith('<!doctype html>\n<html lang="en">')
    assert "first" in next(pieces)
    assert asked_for == ["first"]
    rest = list(pieces)
    assert "2 results" in rest[-1]
    assert rest[-1].endswith("</html>\n")
    html = "".join(page(results(), title="Two texts"))
    assert not re.search(r"https?:|src=|href=|url\(|@import", html.replace("http://www.w3.org/2000/svg", ""))
    assert "default-src 'none'" in html
    assert "unsafe" not in html
    assert " style=" not in html, "which the policy would not let in"
    assert "0 results" in "".join(page([], title="None"))


def test_labels_keep_their_colour_on_a_page():
    text = "Ann met Bob in Rome"
    one = tagged(text, span(text, "Ann", "PER"), span(text, "Rome", "LOC"))
    other = tagged(text, span(text, "Rome", "LOC"), span(text, "Bob", "PER"))
    marks = Reader("".join(page([one, other], title="t"))).all("mark")
    colours = [mark["class"] for mark in marks]
    assert colours[0] == colours[2]
    assert colours[1] == colours[3]
    assert colours[0] != colours[1]


def test_as_many_labels_as_colours_have_one_each_and_more_share():
    palette = Palette()
    labels = [f"label {number}" for number in range(len(COLOURS) + 3)]
    classes = [palette.css_class(label) for label in labels]
    assert len(set(classes[: len(COLOURS)])) == len(COLOURS)
    assert [palette.css_class(label) for label in labels] == classes
    assert all(f".{name}{{" in STYLE for name in classes)


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_text_and_lines_can_be_read_in_light_and_dark():
    assert contrast("000000", "ffffff") == pytest.approx(21)
    fills, deeps = re.findall(r"--fill:#(\w{6})", STYLE), re.findall(r"--deep:#(\w{6})", STYLE)

    def both(name: str) -> tuple[str, str]:
        found = re.search(rf"--{name}:light-dark\(#(\w{{6}}),#(\w{{6}})\)", STYLE)
        assert found is not None
        return found[1], found[2]

    assert tuple(fills) == COLOURS
    assert all(contrast("111111", fill) >= 4.5 for fill in fills)
    inks, papers, faint, bars = map(both, ("ink", "paper", "faint", "bar"))
    assert all(
        contrast(ink, shade) >= 4.5 for shades in map(both, ("for", "against")) for ink, shade in zip(inks, shades)
    )
    for ink, grey, bar, paper, lines in zip(inks, faint, bars, papers, (deeps, fills), strict=True):
        assert contrast(ink, paper) >= 4.5
        assert contrast(grey, paper) >= 4.5
        assert all(contrast(shape, paper) >= 3 for shape in (bar, *lines))


def test_the_likeliest_classes_as_bars():
    scores = {f"class {number}": (20 - number) / 200 for number in range(12)}
    read = Reader(fragment(classified(Classification(labels=("class 0", "class 11"), scores=scores))))
    assert read.texts == ["All is well."]
    widths = [one["width"] for one in read.all("rect")]
    assert widths[:2] == ["10.0", "9.5"]
    assert len(widths) == 9  # the eight best, and the given one below them
    shown = " ".join(read.shown)
    assert "class 7 " in shown
    assert "class 8 " not in shown
    assert "class 11 0.045" in shown
    assert "3 less probable labels not shown" in "".join(read.shown)
    assert len(read.all("tr", "sb-given")) == 2


def test_no_label_and_numbers_are_said():
    assert "no label" in "".join(Reader(fragment(classified(Classification(scores={"a": 0.2})))).shown)
    shown = Reader(fragment(classified(Classification(scores={}, value=3.25)))).shown
    assert "".join(shown).endswith("value 3.25")


def test_several_tasks_are_named_and_one_is_not():
    text = "Ann left."
    ner, tone = Tagging(words=(), spans=()), Classification(labels=("calm",), scores={"calm": 1.0})
    both = Reader(fragment(AnnotatedText(id="d", text=text, tasks={"people": ner, "tone": tone})))
    assert both.texts == [text]  # the tagging task shows it, once
    assert len(both.all("div", "sb-task")) == 2
    assert not Reader(fragment(AnnotatedText(id="d", text=text, tasks={"people": ner}))).all("div", "sb-task")


def test_an_answer_in_a_short_context():
    context = "Ada Crane built it in 1871."
    read = Reader(fragment(question(context, "Ada Crane", candidates=("Ada Crane", "1871"))))
    assert read.marked == [("answer 0.625", "Ada Crane"), ("runner-up 0.625", "1871")]
    assert len(read.all("mark", "sb-second")) == 1
    assert read.texts == [context]
    assert not read.all("details")
    shown = "|".join(read.shown)
    assert "Ada Crane|0–9|0.625|1871|22–26|0.625" in shown
    assert ": -2.50 |nats" in shown


def test_a_long_context_is_cut_around_the_answer_and_kept_whole():
    context = "word " * 200 + "Ada Crane built it. " + "more " * 200
    read = Reader(fragment(question(context, "Ada Crane")))
    excerpt, whole = read.texts
    assert whole == context
    assert excerpt in context
    assert len(excerpt) <= 609
    assert excerpt.startswith("word word")  # cut at blanks
    assert excerpt.endswith("more more")
    assert read.marked == [("answer 0.625", "Ada Crane")] * 2
    assert "".join(read.shown).count("…") == 2
    far = Reader(fragment(question(context + "1871", "Ada Crane", candidates=("Ada Crane", "1871"))))
    assert read.marked == [("answer 0.625", "Ada Crane")] * 2, "the excerpt does not reach to the runner-up"
    assert far.marked == [*read.marked, ("runner-up 0.625", "1871")]
    at_start = Reader(fragment(question("Ada Crane " + "x" * 500, "Ada Crane")))
    assert at_start.texts[0] == "Ada Crane " + "x" * 299  # nothing cut before it, no blank near the other cut
    assert "".join(at_start.shown).count("…") == 1


def test_the_runner_up_is_another_place():
    context = "Ada Crane built it in 1871."
    read = Reader(fragment(question(context, "Ada Crane", candidates=("Ada Crane", "Ada Crane built it", "1871"))))
    assert read.marked == [("answer 0.625", "Ada Crane"), ("runner-up 0.625", "1871")]
    alone = Reader(fragment(question(context, "Ada Crane", candidates=("Ada Crane", "Ada", "Ada Crane built"))))
    assert alone.marked == [("answer 0.625", "Ada Crane")]
    many = ("Ada Crane", "Ada", "Crane", "built", "it", "in", "1871")
    assert len(Reader(fragment(question(context, "Ada Crane", candidates=many))).all("tr")) == 6


def test_no_answer_is_said():
    read = Reader(fragment(question("It was built in 1871.", None, candidates=("1871",))))
    assert "No answer in this text." in read.shown
    assert read.marked == [("runner-up 0.625", "1871")]
    assert read.texts == ["It was built in 1871."]
    long = Reader(fragment(question("x" * 1000, None)))
    assert long.texts == ["x" * 300, "x" * 1000]


def test_chinese_offsets_and_line_breaks():
    text = "李娜在北京大学\n  学习。"
    read = Reader(fragment(tagged(text, span(text, "北京大学", "机构"), span(text, "北京", "地点"))))
    assert read.marked == [("地点", "北京"), ("机构", "北京大学")]
    assert read.texts == [text]
    assert re.search(r"\.sb-text\{white-space:pre-wrap", STYLE)


def test_spans_deeper_than_there_are_styles_for():
    spans = [Span(start=0, end=30 - depth, label="X") for depth in range(15)]
    read = Reader(fragment(tagged("x" * 30, *spans)))
    assert len(read.marked) == 15
    assert all(f".{one}{{" in STYLE for mark in read.all("mark") for one in mark["class"].split())


def test_fillings_stand_in_their_text():
    filled = Filling(
        text="the old king runs.", fills=("old", "king"), pieces=(("old",), ("king",)),
        piece_scores=((-0.5,), (-2.0,)), score=-1.25,
    )  # fmt: skip
    read = Reader(fillings_html("the [MASK] [MASK:1-2] runs.", [filled], Palette()))
    assert read.texts == ["the old king runs."]
    assert read.marked == [("0.607", "old"), ("0.135", "king")]
    assert [one["width"] for one in read.all("rect")] == ["28.7"]


def test_words_of_a_drawing_are_known_in_chinese():
    """Whatever a drawing says by itself, in any of its kinds, has Chinese beside it."""
    for result in everything():
        read = Reader(fragment(result))
        for one in read.all("th"):
            assert one.get("scope") in ("col", "row")
        said = [attributes["data-sb-zh"] for _, attributes in read.seen if "data-sb-zh" in attributes]
        assert all(re.search("[\u4e00-\u9fff]", one) for one in said)


def test_badges_and_tooltips_that_are_no_labels_of_a_model_are_known_in_chinese():
    context = "Ada Crane built it in 1871."
    ada, year = Span(start=0, end=9), Span(start=22, end=26)
    related = RelationExtraction(relations=(Relation(head=ada, tail=year, label="built in", score=0.9),))
    link = MentionLink(mention=Span(start=16, end=18), antecedent=ada, score=0.75)
    clusters = Coreference(words=(), clusters=((ada, link.mention),), heads=(ada,), links=(link,))
    for drawn, badges, titles in (
        (
            question(context, "Ada Crane", candidates=("Ada Crane", "1871")),
            ["答案", "次优答案"],
            ["答案 0.625", "次优答案 0.625"],
        ),
        (AnnotatedText(id="d", text=context, tasks={"r": related}), ["实体", "实体"], ["实体", "实体"]),
        (
            AnnotatedText(id="d", text=context, tasks={"c": clusters}),
            [],
            ["1: Ada Crane", "1: Ada Crane，指代 Ada Crane 0.750"],
        ),
    ):
        html = fragment(drawn)
        assert re.findall(r'<small class="sb-label [^>]+><span data-sb-zh="([^"]+)"', html) == badges
        assert [one["data-sb-zh-title"] for one in Reader(html).all("mark")] == titles
