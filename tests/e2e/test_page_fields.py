"""The page of the service in a real browser: what it says in both languages, and what its fields hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import pytest
from playwright.sync_api import expect

from spanbert.apps.serve.config import ServePlan, model_places
from spanbert.apps.serve.errors import ErrorType
from tests.browser import Visit, choose, run, served, settled, tab
from tests.serving import JOINT, PRETRAINED


@pytest.fixture(scope="module")
def home() -> Iterator[str]:
    with served(ServePlan(models=model_places([str(JOINT), str(PRETRAINED)]))) as address:
        yield address


def test_chinese_and_what_is_remembered(visit: Visit):
    page = visit.page
    choose(visit, "joint", "who ·")
    run(visit, text="the king runs. the king sleeps")
    page.select_option("#language", "zh")
    page.select_option("#theme", "dark")
    assert page.get_attribute("html", "lang") == "zh-Hans"
    assert page.text_content("#run") == "运行"
    assert "共指簇" in (page.text_content("#drawing thead") or "")
    assert "共指消解" in (page.locator("#choice option:checked").text_content() or "")
    assert visit.violations() == []
    assert visit.english() == []
    assert "用时" in (page.text_content("#status") or ""), "also of an answer that was there before"
    page.reload()
    settled(visit)
    assert page.text_content("#run") == "运行"
    assert page.get_attribute("html", "data-theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 26)"
    page.select_option("#language", "en")
    assert "cluster" in (page.text_content("#drawing thead") or "")


def test_a_browser_that_speaks_chinese_gets_chinese(browser: Any, home: str):
    with tab(browser, home, locale="zh-CN") as visit:
        visit.page.goto(home)
        visit.page.wait_for_selector("#fields textarea")
        assert visit.page.text_content("#ask-title") == "输入"


def test_errors_are_said_in_the_language_that_is_chosen(visit: Visit, tmp_path: Path):
    page = visit.page
    choose(visit, "pretrained", "blanks of one or more")
    with visit.refusal("422"):
        run(visit, text="no blank")
    page.select_option("#language", "zh")
    fault = page.locator("#fault")
    assert (fault.text_content() or "").startswith("无法处理此输入：")
    assert "no blank in the text" in (fault.text_content() or ""), "the words of the service stay"
    assert page.locator("#fault [lang=en]").count() == 1
    assert "请求编号" in (fault.text_content() or "")
    assert visit.english() == []
    assert visit.violations() == []
    page.select_option("#language", "en")
    assert "无法" not in (fault.text_content() or "")
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00")
    page.set_input_files("input[type=file]", tmp_path / "bad.txt")
    expect(fault).to_have_text("bad.txt: not a text in UTF-8.")
    page.select_option("#language", "zh")
    assert fault.text_content() == "bad.txt：不是 UTF-8 文本。"


def test_every_type_of_error_has_chinese():
    words = files("spanbert.apps.serve").joinpath("static", "words.js").read_text(encoding="utf-8")
    for one in get_args(ErrorType):
        assert re.search(rf'^  {one}: \["", ".+："\],$', words, re.MULTILINE), one


def test_what_was_typed_stays_when_another_task_is_chosen(visit: Visit):
    page = visit.page
    choose(visit, "joint", "asks ·")
    example = page.input_value("#field-question")
    page.fill("#field-context", "the queen sees a dog")
    choose(visit, "joint", "ner ·")
    assert page.input_value("#field-text") == "the queen sees a dog"
    choose(visit, "joint", "related ·")
    assert page.input_value("#field-text") == "the queen sees a dog"
    assert page.locator(".chips li").count() == 0, "stretches of the example are not of this text"
    page.evaluate("document.getElementById('field-text').setSelectionRange(4, 9)")
    page.click("text=Mark the selection")
    choose(visit, "joint", "sent ·")
    assert page.input_value("#field-text") == "the queen sees a dog"
    choose(visit, "joint", "related ·")
    assert "queen" in (page.locator(".chips li").text_content() or "")
    choose(visit, "joint", "asks ·")
    assert page.input_value("#field-question") == example
    page.fill("#field-question", "who sees")
    page.fill("#field-context", "the king sees a fox")
    choose(visit, "joint", "sent ·")
    choose(visit, "joint", "related ·")
    assert page.locator(".chips li").count() == 0, "nor are those of another text"
    choose(visit, "joint", "asks ·")
    assert page.input_value("#field-question") == "who sees"
    assert page.input_value("#field-context") == "the king sees a fox"


def test_examples_change_with_the_task(visit: Visit):
    page = visit.page
    shown = []
    for title in ("ner ·", "related ·", "ner ·", "related ·"):
        choose(visit, "joint", title)
        shown.append((page.input_value("#field-text"), page.locator(".chips li").count()))
    assert shown[:2] == shown[2:]
    assert shown[1][1] > 0


def test_fields_open_files_under_names_of_their_own(visit: Visit):
    choose(visit, "joint", "asks ·")
    for language, question, context in (
        ("en", "Open a file Question", "Open a file Text that holds the answer"),
        ("zh", "打开文件 问题", "打开文件 包含答案的文本"),
    ):
        visit.page.select_option("#language", language)
        pickers = visit.page.locator("input[type=file]")
        expect(pickers.nth(0)).to_have_accessible_name(question)
        expect(pickers.nth(1)).to_have_accessible_name(context)
