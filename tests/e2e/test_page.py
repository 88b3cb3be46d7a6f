"""The page of the service in a real browser: every task, every means of getting something in and out."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import expect

from spanbert.apps.serve.config import ServeConfig, ServePlan, model_places
from tests.browser import Visit, choose, run, served, settled, tab

BUNDLES = Path(__file__).parents[1] / "fixtures" / "bundles"
JOINT, PRETRAINED = BUNDLES / "joint", BUNDLES / "pretrained"
TEXT = "the old king sleeps near the river. the queen runs. the king sees the fox"
KEY = "a-key-of-the-tests"


@pytest.fixture(scope="module")
def translating(tmp_path_factory: pytest.TempPathFactory, hugging_face_model: Path) -> Path:
    """A bundle that writes something in another language after a few steps, whatever it is."""
    folder = tmp_path_factory.mktemp("translating")
    for language, line in (("en", "the fox sees a dog"), ("de", "der Fuchs sieht einen Hund.")):
        for name in ("train", "dev"):
            (folder / f"{name}.{language}").write_text(f"{line}\n" * 40)
    options = [
        "--train", folder / "train.en", "--train-target", folder / "train.de", "--dev", folder / "dev.en",
        "--dev-target", folder / "dev.de", "--out", folder / "en-de", "--budget", "8steps", "--set", "train.threads=1",
        "--set", "translate.vocabulary=300", "--set", "translate.layers=1", "--set", "optim.head_lr=1e-2",
    ]  # fmt: skip
    command = [sys.executable, "-m", "spanbert", "finetune", "translate", "--model", hugging_face_model, *options]
    done = subprocess.run([str(one) for one in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "en-de"


@pytest.fixture(scope="module")
def home(translating: Path) -> Iterator[str]:
    bundles = model_places([str(JOINT), str(PRETRAINED), str(translating)])
    with served(ServePlan(models=bundles, limits=ServeConfig(max_length=2000))) as address:
        yield address


@dataclass(frozen=True)
class Case:
    """What is chosen and typed, and what must be seen of the answer."""

    model: str
    title: str
    fields: dict[str, str]
    seen: str

    def __str__(self) -> str:
        return self.title.partition(" ·")[0]


CASES = [
    Case("joint", "all of a text", {"text": TEXT}, ".sb-task"),
    Case("joint", "ner ·", {"text": TEXT}, "mark .sb-label"),
    Case("joint", "nested ·", {"text": TEXT}, "mark .sb-label"),
    Case("joint", "pos ·", {"text": TEXT}, "ruby rt"),
    Case("joint", "sent ·", {"text": TEXT}, ".sb-bars .sb-given"),
    Case("joint", "several ·", {"text": TEXT}, ".sb-bars th"),
    Case("joint", "grade ·", {"text": TEXT}, ".sb-note .sb-number"),
    Case("joint", "asks ·", {"question": "who sleeps", "context": TEXT}, ".sb-table td"),
    Case("joint", "who ·", {"text": "the king runs. the king sleeps"}, ".sb-linked mark[data-sb]"),
    Case("joint", "related ·", {"text": "a dog runs old queen fox"}, ".sb-arcs path"),
    Case("pretrained", "a blank of one piece", {"text": "the [MASK] runs"}, ".sb-bars mark"),
    Case("pretrained", "blanks of one or more", {"text": "the [MASK:1-2] sees the [MASK]"}, ".sb-bars mark"),
    Case("en-de", "translate ·", {"text": "the fox sees a dog"}, ".sb-linked [data-sb-marks]"),
]


def shown(visit: Visit) -> Any:
    """The answer, from what can be copied."""
    visit.page.click("[data-copy=json]")
    return json.loads(visit.page.text_content("#code") or "")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_task(visit: Visit, home: str, case: Case):
    page = visit.page
    choose(visit, case.model, case.title)
    run(visit, **case.fields)
    assert "Answered in" in (page.text_content("#status") or "")
    assert page.locator(f"#drawing {case.seen}").count() > 0
    for text in case.fields.values():
        if "[MASK" not in text:
            assert text in bare(visit)
    body = json.loads(parameter(page.url, "inputs"))
    assert body in (case.fields, case.fields.get("text"))
    assert shown(visit), "the answer as JSON"
    assert visit.violations() == []
    visit.keep_screenshot(f"{case}")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 380, "height": 800})
    assert visit.violations() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    drawing = page.evaluate("[document.getElementById('drawing')].map((one) => one.scrollWidth - one.clientWidth)")
    assert drawing == [0], "it would scroll by itself"
    page.select_option("#language", "zh")
    assert visit.english() == []
    visit.keep_screenshot(f"{case}, narrow, dark, in Chinese")


def bare(visit: Visit) -> str:
    """What the drawing says, without labels and captions."""
    said: str = visit.page.evaluate(
        """() => {
            const copy = document.getElementById("drawing").cloneNode(true);
            for (const one of copy.querySelectorAll(".sb-label,rt,.sb-arcs")) one.remove();
            return copy.textContent;
        }"""
    )
    return said


def parameter(address: str, name: str) -> str:
    return parse_qs(urlsplit(address).fragment)[name][0]


def test_what_is_copied_asks_the_same(visit: Visit, home: str):
    page = visit.page
    choose(visit, "joint", "asks ·")
    run(visit, question='who\'s "there" 中 😀?', context=TEXT + "\n\\ $HOME 'quoted' `x`")
    answer = shown(visit)
    page.click("[data-copy=python]")
    script = page.evaluate("navigator.clipboard.readText()")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(answer)
    page.click("[data-copy=curl]")
    command = page.text_content("#code")
    if shutil.which("curl"):
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == answer
    assert page.text_content("#copied") == "Copied."


def test_a_link_leads_to_the_same_answer(visit: Visit, browser: Any, home: str):
    choose(visit, "joint", "asks ·")
    run(visit, question="who sleeps", context=TEXT)
    answer = shown(visit)
    visit.page.click("[data-copy=link]")
    link = visit.page.text_content("#code")
    with tab(browser, home) as other:
        other.page.goto(link)
        settled(other)
        assert other.page.input_value("#field-question") == "who sleeps"
        assert shown(other) == answer
        other.page.goto(f"{home}#model=joint&route=nowhere&inputs=1")
        other.page.reload()
        other.page.wait_for_selector("#fields textarea")
        assert other.page.text_content("#status") == "Nothing was asked yet."


def test_files(visit: Visit, tmp_path: Path):
    page = visit.page
    choose(visit, "joint", "ner ·")
    (tmp_path / "good.txt").write_text("the queen runs 中", encoding="utf-8")
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large.txt").write_text("x" * 9000)
    page.set_input_files("input[type=file]", tmp_path / "good.txt")
    expect(page.locator("#field-text")).to_have_value("the queen runs 中")
    for name, said in (("bad.txt", "not a text in UTF-8"), ("large.txt", "larger than the 2,000 characters")):
        page.set_input_files("input[type=file]", tmp_path / name)
        expect(page.locator("#fault")).to_contain_text(said)
    assert page.input_value("#field-text") == "the queen runs 中"
    dropped = page.evaluate_handle(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File(["the fox"], "fox.txt", { type: "text/plain" }));
            return transfer;
        }"""
    )
    page.dispatch_event("#field-text", "drop", {"dataTransfer": dropped})
    expect(page.locator("#field-text")).to_have_value("the fox")
    assert page.locator("#fault").is_hidden()


def test_entities_are_marked_by_selecting_them(visit: Visit):
    page = visit.page
    choose(visit, "joint", "related ·")
    while page.locator(".chips button").count():
        page.locator(".chips button").first.click()
    page.fill("#field-text", "😀 the king sees the fox")
    page.click("text=Mark the selection")
    assert page.locator("text=Select some words").count() == 1
    for word, kind in (("king", "PER"), ("fox", "ANI")):
        page.evaluate(
            """(word) => {
                const area = document.getElementById("field-text");
                const start = area.value.indexOf(word);
                area.setSelectionRange(start, start + word.length);
            }""",
            word,
        )
        page.fill("#type-entities", kind)
        page.click("text=Mark the selection")
    run(visit)
    stated = json.loads(parameter(page.url, "inputs"))["entities"]
    assert stated == [{"start": 6, "end": 10, "label": "PER"}, {"start": 20, "end": 23, "label": "ANI"}]
    assert page.text_content("#drawing .sb-text")
    page.reload()
    settled(visit)
    assert page.locator(".chips li").count() == 2, "a link keeps them"
    page.fill("#field-text", "😀 the child sees the fox")
    assert page.locator(".chips li").count() == 0, "what is no longer there is no longer marked"
    assert visit.violations() == []


def test_what_cannot_be_answered_is_said(visit: Visit):
    page = visit.page
    choose(visit, "pretrained", "blanks of one or more")
    with visit.refusal("422"):
        run(visit, text="no blank")
    assert "no blank in the text" in (page.text_content("#fault") or "")
    assert "(request " in (page.text_content("#fault") or "")
    assert page.locator("#copying").is_hidden()
    assert visit.violations() == []
    page.context.set_offline(True)
    with visit.refusal("ERR_INTERNET_DISCONNECTED"):
        run(visit, text="the [MASK] runs")
    assert page.text_content("#fault") == "The service does not answer."
    page.context.set_offline(False)
    page.keyboard.press("Control+Enter")
    page.focus("#field-text")
    page.keyboard.press("Control+Enter")
    settled(visit)
    page.wait_for_selector("#drawing mark")
    assert page.locator("#fault").is_hidden()


def test_markup_in_a_text_is_text(visit: Visit):
    hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    choose(visit, "joint", "ner ·")
    run(visit, text=hostile)
    assert hostile in bare(visit)
    assert visit.page.title() == "spanbert"


def test_a_service_with_keys(browser: Any, tmp_path: Path):
    keys = tmp_path / "keys.txt"
    keys.write_text(f"{KEY}\n")
    with served(ServePlan(models=model_places([str(JOINT)]), keys=keys)) as home, tab(browser, home) as visit:
        page = visit.page
        with visit.refusal("401"):
            page.goto(home)
            page.wait_for_selector("#key-row:not([hidden])")
        assert "wants a key" in (page.text_content("#fault") or "")
        assert visit.violations() == []
        page.fill("#key", KEY)
        page.keyboard.press("Enter")
        page.wait_for_selector("#fields textarea")
        choose(visit, "joint", "ner ·")
        run(visit, text=TEXT)
        assert page.locator("#drawing mark").count() > 0
        page.click("[data-copy=curl]")
        copied = page.text_content("#code") or ""
        assert "$SPANBERT_KEY" in copied
        assert KEY not in copied + page.url


def test_nothing_but_its_own_files_is_let_in(home: str):
    answers = [
        httpx.get(home),
        *(httpx.get(f"{home}page/{name}") for name in ("page.js", "page.css", "drawing.js", "icon.svg")),
    ]
    for answer in answers:
        assert answer.status_code == 200
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "http" not in answer.text.replace("http://www.w3.org/2000/svg", "")
    assert "<style" not in answers[0].text
    assert " style=" not in answers[0].text
    assert httpx.get(f"{home}page/nothing.js").status_code == 404
    assert httpx.get(f"{home}page/..%2fapp.py").status_code == 404
