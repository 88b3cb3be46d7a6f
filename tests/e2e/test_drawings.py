"""Drawings of results in a real browser: a file of `predict --format html`, and what a notebook shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spanbert.pipelines.html import fragment, page
from tests.browser import Visit, tab
from tests.drawings import clusters, everything, relations


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("drawings") / "page.html"
    path.write_text("".join(page(everything(), title="Drawings")), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def visit(browser: Any, file: str) -> Iterator[Visit]:
    with tab(browser, file) as one:
        one.page.goto(file)
        yield one


def article(visit: Visit, name: str) -> Any:
    return visit.page.locator("article").filter(has=visit.page.locator(".sb-id", has_text=name))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [380, 1000])
def test_all_can_read_them(visit: Visit, scheme: str, width: int):
    visit.page.emulate_media(color_scheme=scheme)
    visit.page.set_viewport_size({"width": width, "height": 800})
    assert visit.violations() == []
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


def test_mentions_of_a_thing_light_up_together(visit: Visit):
    place = article(visit, "clusters")
    lit = place.locator("mark.sb-on")
    assert lit.count() == 0
    place.locator("mark", has_text="She").hover()
    assert [one.strip() for one in lit.evaluate_all("all => all.map((one) => one.firstChild.textContent)")] == [
        "Ada Crane", "She", "her",
    ]  # fmt: skip
    assert place.locator("tr.sb-on").count() == 1
    visit.page.mouse.move(0, 0)
    assert lit.count() == 0


def test_clusters_by_keyboard(visit: Visit):
    place = article(visit, "clusters")
    first, _ = place.locator("table button").all()
    first.focus()
    assert place.locator("mark.sb-on").count() == 3
    visit.page.keyboard.press("Tab")
    assert place.locator("mark.sb-on").count() == 2
    visit.page.keyboard.press("Enter")
    visit.page.keyboard.press("Tab")
    assert place.locator("mark.sb-on").count() == 2, "what was pressed stays"
    place.locator("mark").first.focus()
    visit.page.keyboard.press("ArrowDown")
    focused = visit.page.locator("mark:focus")
    assert focused.text_content() == "She1"
    visit.page.keyboard.press("ArrowLeft")
    assert focused.text_content() == "Ada Crane1"
    assert place.locator('mark[tabindex="0"]').count() == 1, "one stop of the tabulator"


def ends(place: Any) -> list[tuple[float, float]]:
    """Where the tips of arcs point at, in pixels of the window."""
    return place.locator(".sb-tip").evaluate_all(
        "all => all.map((one) => { const box = one.getBoundingClientRect(); return [box.x + box.width / 2, box.bottom] })"
    )


@pytest.mark.parametrize("width", [1000, 380])
def test_relations_are_arcs_to_their_ends(visit: Visit, width: int):
    visit.page.set_viewport_size({"width": width, "height": 800})
    place = article(visit, "relations")
    rows = place.locator("tr[data-sb-arc]")
    assert rows.count() == 6, "those that relate alone"
    visit.page.wait_for_function("document.querySelectorAll('.sb-tip').length === 6")
    boxes = {
        name: place.locator(f'[data-sb="{name}"]').evaluate(
            "(one) => { const box = one.getClientRects()[0]; return [box.left, box.right, box.top] }"
        )
        for name in rows.evaluate_all("all => all.map((one) => one.dataset.sbMarks.split(' ')[1])")
    }
    tails = [boxes[name] for name in rows.evaluate_all("all => all.map((one) => one.dataset.sbMarks.split(' ')[1])")]
    for (x, y), (left, right, top) in zip(ends(place), tails, strict=True):
        assert left - 1 <= x <= right + 1
        assert y == pytest.approx(top, abs=2)
    labels = place.locator(".sb-arcs text")
    assert set(labels.all_text_contents()) == {"is in", "built by", "parent of", "lived in", "owned by"}
    drawn = labels.evaluate_all("all => all.map((one) => one.getBoundingClientRect().toJSON())")
    marks = place.locator("mark").evaluate_all(
        "all => all.flatMap((one) => [...one.getClientRects()].map((box) => box.toJSON()))"
    )
    for number, one in enumerate(drawn):
        assert all(apart(one, other) for other in [*drawn[:number], *marks]), "nothing is drawn over something else"


def apart(one: dict[str, float], other: dict[str, float]) -> bool:
    slack = 3  # pixels of empty line around letters
    return (
        one["right"] <= other["left"] + slack or other["right"] <= one["left"] + slack
        or one["bottom"] <= other["top"] + slack or other["bottom"] <= one["top"] + slack
    )  # fmt: skip


def test_an_arc_lights_up_with_its_row(visit: Visit):
    place = article(visit, "relations")
    place.locator("table button").nth(1).focus()
    assert place.locator(".sb-arcs g.sb-on text").all_text_contents()[0] == "built by"
    assert place.locator(".sb-arcs g.sb-on").count() == 1
    assert place.locator("mark.sb-on").count() == 2


def test_words_of_a_translation_show_what_they_look_at(visit: Visit):
    place = article(visit, "translation")
    place.locator("[data-sb-marks]", has_text="Brücke").hover()
    assert place.locator("[data-sb].sb-on").all_text_contents() == ["bridge"]
    place.locator("[data-sb]", has_text="fell").focus()
    assert place.locator("[data-sb-marks].sb-on").all_text_contents() == ["stürztefell", "einfell"]


def test_without_scripts_all_of_it_can_be_read(browser: Any, file: str):
    with tab(browser, file, java_script_enabled=False) as visit:
        visit.page.goto(file)
        assert visit.page.locator("table button").count() == 0
        assert article(visit, "relations").locator("tr").count() == 7
        assert article(visit, "clusters").locator("td", has_text="She, her").count() == 1


def test_the_policy_of_a_file_runs_no_other_script(browser: Any, tmp_path: Path):
    path = tmp_path / "changed.html"
    changed = "".join(page([clusters()], title="t")).replace("</main>", "<script>document.title='run'</script></main>")
    path.write_text(changed, encoding="utf-8")
    with tab(browser, path.as_uri()) as visit:
        with visit.refusal("Content Security Policy"):
            visit.page.goto(path.as_uri())
        assert visit.page.title() == "t"
        assert visit.page.locator("table button").count() == 2, "its own script runs"


def test_a_notebook_shows_several_of_them(browser: Any, tmp_path: Path):
    """Each output brings its style and script; as a notebook does it, with elements that are put in one after another."""
    path = tmp_path / "notebook.html"
    path.write_text("<!doctype html><title>notebook</title><body></body>", encoding="utf-8")
    with tab(browser, path.as_uri()) as visit:
        visit.page.goto(path.as_uri())
        for html in (fragment(relations()), fragment(clusters())):
            visit.page.evaluate(
                """(html) => {
                    const output = document.createElement("div");
                    output.innerHTML = html;
                    for (const old of output.querySelectorAll("script")) {
                        const script = document.createElement("script");
                        for (const { name, value } of old.attributes) script.setAttribute(name, value);
                        script.textContent = old.textContent;
                        old.replaceWith(script);
                    }
                    document.body.append(output);
                }""",
                html,
            )
        visit.page.wait_for_function("document.querySelectorAll('.sb-tip').length === 6")
        visit.page.wait_for_function("document.querySelectorAll('table button').length === 8")
