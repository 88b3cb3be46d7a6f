"""A real Chromium for tests of pages, and a service for it to visit."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from spanbert.apps.serve.app import make_app
from spanbert.apps.serve.config import ServePlan
from spanbert.apps.serve.supervisor import connection_settings

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ["--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
SCREENSHOTS = "SPANBERT_SCREENSHOTS"  # of the environment: a folder for them; without it there are none
PATIENCE = 120_000  # milliseconds, on a machine that does other things too

# Names of labels and tasks, and words of the texts, are whatever they are, wherever they stand.
_ENGLISH = """() => {
    const labels = [...document.querySelectorAll(".sb-label, .sb-task, rt, .sb-bars th, .sb-arcs text, [data-sb-arc] td, [lang='']")]
        .filter((one) => !one.querySelector("[data-sb-zh]")).map((one) => one.textContent);
    const written = [...document.querySelectorAll("textarea")].map((one) => one.value);
    const theirs = new Set([...labels, ...written].join(" ").match(/[a-z]+/gi));
    const names = new Set(["spanbert", "JSON", "Python", "curl", "API", "UTF", "Ctrl", "Enter"]);
    const said = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        if (!element.closest("[lang=en], #code, script, noscript")) said.push(texts.currentNode.data.replace(/^.* · /, ""));
    }
    for (const { title, ariaLabel, placeholder } of document.querySelectorAll("[title],[aria-label],[placeholder]")) {
        said.push(title, ariaLabel ?? "", placeholder ?? "");
    }
    const isEnglish = (word) => !theirs.has(word) && !names.has(word);
    return said.filter((one) => one.match(/\\b[a-z]{3,}\\b/gi)?.some(isEnglish)); // numbers of requests are none
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; without one the tests are skipped. One process may have one at a time."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


class Visit:
    """A tab, and what went wrong in it.

    Attributes:
        page: Of Playwright.
        faults: Errors of scripts, refusals of the policy, and requests to other hosts.
    """

    def __init__(self, page: Page, home: str) -> None:
        self.page = page
        self.faults: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._hear)
        page.on("request", lambda sent: None if sent.url.startswith(home) else self.faults.append(sent.url))

    def _hear(self, said: ConsoleMessage) -> None:
        """Errors alone; the icon is fetched when the browser likes, so also while a test has cut the network."""
        if said.type == "error" and not said.location["url"].endswith("/icon.svg"):
            self.faults.append(said.text)

    @contextmanager
    def refusal(self, reason: str) -> Iterator[None]:
        """Waits until the browser has told of the one refusal that is meant to happen within; a page may show it earlier.

        Args:
            reason: A part of what the browser tells: the status, the error of the network, the policy.
        """
        with self.page.expect_console_message(lambda _: len(self.faults) > 0):
            yield
        assert [reason in told for told in self.faults] == [True], self.faults
        self.faults.clear()

    def violations(self) -> list[str]:
        """What axe-core finds wrong for people who read with other means."""
        found = Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {node['html']} {node['failureSummary']}" for one in found for node in one["nodes"]]

    def keep_screenshot(self, name: str) -> None:
        """A picture of the whole page, where somebody wants them."""
        if folder := os.environ.get(SCREENSHOTS):
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    def english(self) -> list[str]:
        """English words that are seen or read out, but for names, what users wrote, and what says that it is English."""
        found: list[str] = self.page.evaluate(_ENGLISH)
        return found


@contextmanager
def tab(browser: Browser, home: str, **settings: Any) -> Iterator[Visit]:
    """A tab of its own, with nothing remembered; nothing may go wrong in it that the test does not expect.

    Args:
        browser: Of `chromium`.
        home: Addresses that begin so may be asked for.
        settings: Of the browser's context.
    """
    given = {"viewport": {"width": 1000, "height": 900}, "locale": "en-GB", **settings}
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], **given)
    visit = Visit(context.new_page(), home)
    yield visit
    context.close()
    assert visit.faults == [], visit.faults


@contextmanager
def served(plan: ServePlan) -> Iterator[str]:
    """The address of a service in a thread of this process."""
    place = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(make_app(plan), log_level="warning", **connection_settings(plan.limits)))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[place])))
    thread.start()
    try:
        yield f"http://127.0.0.1:{place.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join()
        place.close()


def choose(visit: Visit, model: str, title: str) -> None:
    """Chooses what is asked of a model, by the beginning of its title."""
    group = visit.page.locator(f'optgroup[label="{model}"] option')
    [value] = [one.get_attribute("value") for one in group.all() if (one.text_content() or "").startswith(title)]
    visit.page.select_option("#choice", value)


def run(visit: Visit, **fields: str) -> None:
    """Fills in fields, and asks."""
    for name, text in fields.items():
        visit.page.fill(f"#field-{name}", text)
    visit.page.click("#run")
    settled(visit)


def settled(visit: Visit) -> None:
    """Waits for the answer."""
    visit.page.wait_for_selector("#answer[aria-busy=false]")
