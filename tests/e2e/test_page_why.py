"""Why something was said, on the page of the service in a real browser: by mouse, by keyboard, for everybody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

import spanbert
from spanbert.apps.serve.config import ServeConfig, ServePlan, model_places
from spanbert.core.html.style import Palette
from spanbert.core.types import Document, Question
from tests.browser import Visit, choose, run, served

BUNDLES = Path(__file__).parents[1] / "fixtures" / "bundles"
JOINT, PRETRAINED = BUNDLES / "joint", BUNDLES / "pretrained"
TEXT = "the old king sleeps near the river. the queen runs"
PAIR = "a dog runs old queen fox"
TWICE = "the king runs. the king sleeps"


@pytest.fixture(scope="module")
def home() -> Iterator[str]:
    bundles = model_places([str(JOINT), str(PRETRAINED)])
    with served(ServePlan(models=bundles, limits=ServeConfig(max_explained=100))) as address:
        yield address


def reason(visit: Visit, said: str) -> Locator:
    return visit.page.locator("#whys button").filter(has_text=said).first


def explained(visit: Visit) -> None:
    """Waits for the reasons."""
    visit.page.wait_for_selector("#why[aria-busy=false] #shading > *")
    expect(visit.page.locator("#why-status")).to_contain_text("Explained in")


def darkest(visit: Visit) -> str:
    """The words with the darkest shade."""
    return visit.page.locator("#shading .sb-shade-9").first.text_content() or ""


@pytest.mark.parametrize(
    ("title", "fields", "said", "about"),
    [
        ("ner ·", {"text": TEXT}, "PER queen", "PER queen"),
        ("nested ·", {"text": TEXT}, "PER king", "PER king"),
        ("pos ·", {"text": TEXT}, "NOUN river", "NOUN river"),
        ("sent ·", {"text": TEXT}, "animal", "animal"),
        ("grade ·", {"text": TEXT}, "value", "value"),
        ("asks ·", {"question": "who sleeps", "context": TEXT}, "queen", "answer queen"),
        ("who ·", {"text": TWICE}, "king → king", "link king, king"),
        ("related ·", {"text": PAIR}, "queen · seen-by · dog", "seen-by queen, dog"),
        ("all of a text", {"text": TEXT}, "ner: PER queen", "PER queen"),
    ],
    ids=lambda value: value.partition(" ·")[0] if isinstance(value, str) else "",
)  # fmt: skip
def test_each_task(visit: Visit, title: str, fields: dict[str, str], said: str, about: str):
    page = visit.page
    choose(visit, "joint", title)
    while page.locator(".chips button").count():
        page.locator(".chips button").first.click()
    run(visit, **fields)
    assert page.locator("#shading > *").count() == 0
    reason(visit, said).click()
    explained(visit)
    assert f"Why {about} " in (page.locator("#shading p").first.text_content() or "")
    assert page.locator("#whys [aria-pressed=true]").all_text_contents()[0].startswith(said)
    assert darkest(visit), "some word counts"
    shaded = page.locator("#shading .sb-text").all_text_contents()
    assert shaded == list(fields.values()), "a question comes before its text"
    assert page.locator("#shading .sb-bars th[scope=row]").count() > 0
    assert visit.violations() == []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 380, "height": 800})
    assert visit.violations() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 380


def test_the_drawing_is_that_of_files(visit: Visit):
    choose(visit, "joint", "asks ·")
    run(visit, question="who sleeps", context=TEXT)
    reason(visit, "queen").click()
    explained(visit)
    document = Document(id="a", text=TEXT, questions=(Question(id="q", text="who sleeps"),))
    drawn = spanbert.load(JOINT).explain(document, task="asks", of="queen", label="answer", steps=64).drawing(Palette())
    same = visit.page.evaluate(
        """(html) => {
            const copy = document.createElement("div");
            copy.innerHTML = html;
            const shades = (root) => [...root.querySelectorAll("[class*=sb-shade]")].map((one) => one.className + one.textContent);
            return JSON.stringify(shades(copy)) === JSON.stringify(shades(document.getElementById("shading")));
        }""",
        drawn,
    )
    assert same


def test_by_keyboard(visit: Visit):
    page = visit.page
    choose(visit, "joint", "ner ·")
    run(visit, text=TEXT)
    focused = page.locator("#whys button:focus")
    assert page.locator('#whys [tabindex="0"]').count() == 1, "one stop of the tabulator"
    page.locator("#run").focus()
    while not focused.count():
        page.keyboard.press("Tab")
    assert focused.text_content() == "PER king"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert focused.text_content() == "PER queen"
    page.keyboard.press("ArrowRight")
    assert focused.text_content() == "PER king", "round and round"
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    explained(visit)
    assert focused.text_content() == "PER queen", "the reader stays where it was"
    assert focused.get_attribute("aria-pressed") == "true"
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    expect(page.locator("#shading p").first).to_contain_text("PER king")
    assert page.locator("#whys [aria-pressed=true]").count() == 1


def test_what_screen_readers_say(visit: Visit):
    page = visit.page
    choose(visit, "joint", "ner ·")
    run(visit, text=TEXT)
    reason(visit, "PER queen").click()
    explained(visit)
    group = page.get_by_role("toolbar", name="Why?")
    assert group.get_by_role("button", name="PER queen", pressed=True).count() == 1
    assert page.locator("#why-status").get_attribute("role") == "status"
    table = page.locator("#shading").get_by_role("table")
    assert table.get_by_role("columnheader").all_text_contents() == ["word", "adds to it, or takes away"]
    first = table.get_by_role("row").nth(1)
    assert first.get_by_role("rowheader").text_content() == "queen"
    assert (first.get_by_role("cell").last.text_content() or "").startswith("+"), "the number says what the colour does"


def test_chinese(visit: Visit):
    page = visit.page
    choose(visit, "joint", "grade ·")
    run(visit, text=TEXT)
    reason(visit, "value").click()
    explained(visit)
    page.select_option("#language", "zh")
    assert page.text_content("#why-title") == "为什么？"
    assert page.locator("#whys button").all_text_contents() == ["数值"]
    said = page.text_content("#shading") or ""
    for words in ("数值本身", "没有词的文本", "各词之和与得分相差", "蓝色表示支持", "增减多少"):
        assert words in said
    assert visit.violations() == []
    run(visit, text=TEXT)
    assert page.locator("#whys button").all_text_contents() == ["数值"]
    page.locator("#whys button").click()
    expect(page.locator("#why-status")).to_contain_text("用时")
    assert "数值本身" in (page.text_content("#shading") or "")
    page.select_option("#language", "en")
    assert "the number itself" in (page.text_content("#shading") or "")


def test_what_cannot_be_explained(visit: Visit):
    page = visit.page
    place = page.locator("#why")
    choose(visit, "joint", "ner ·")
    run(visit, text=TEXT + " " + TEXT)
    assert page.locator("#drawing mark").count() > 0
    assert place.is_hidden(), "longer than what may be explained"
    run(visit, text=TEXT)
    assert place.is_visible()
    choose(visit, "pretrained", "blanks of one or more")
    run(visit, text="the [MASK] runs")
    assert place.is_hidden()
    choose(visit, "joint", "ner ·")
    run(visit, text=TEXT)
    page.context.set_offline(True)
    with visit.refusal("ERR_INTERNET_DISCONNECTED"):
        reason(visit, "PER queen").click()
    expect(page.locator("#why-fault")).to_have_text("The service does not answer.")
    assert visit.violations() == []
    page.context.set_offline(False)
    reason(visit, "PER queen").click()
    explained(visit)
    assert page.locator("#why-fault").is_hidden()
    run(visit, text="the fox")
    assert page.locator("#shading > *").count() == 0, "reasons of another answer are gone"


def test_markup_in_a_text_is_text(visit: Visit):
    hostile = '<img src=x onerror="document.title=1"> king'
    choose(visit, "joint", "ner ·")
    run(visit, text=hostile)
    visit.page.locator("#whys button").last.click()
    explained(visit)
    assert visit.page.locator("#shading .sb-text").text_content() == hostile
    assert visit.page.title() == "spanbert"
