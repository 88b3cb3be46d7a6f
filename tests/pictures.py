"""Pictures of the page for docs/images, one of each task that some bundles have.

    python -m tests.pictures build/heads translation=build/en-de

The texts are ours. Look at the pictures before you commit them.
"""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from spanbert.apps.serve.config import ServePlan, model_places
from tests.browser import chromium, served, tab

IMAGES = Path(__file__).parents[1] / "docs" / "images"
COLOURS = 96
MOVE = (
    "Marie Keller was born in Trieste. In 1994 she moved to Oslo and founded Nordlys Instruments with her husband, "
    "Paul Berg. He left the company in 2011."
)
BRIDGE = (
    "The old bridge at Kelso was built by Ada Crane in 1871. It fell in the flood of 1903, and her son Tom Crane "
    "built the present one, which is made of stone."
)


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A picture.

    Attributes:
        route: What is asked.
        task: Of which task, by its name in the bundle; None: the only one of the route.
        inputs: What is typed, by field.
        settings: Of the browser: language, colours, width.
        why: Whether it is asked why the first thing was said.
    """

    route: str
    task: str | None = None
    inputs: dict[str, str]
    settings: dict[str, Any] = field(default_factory=dict)
    why: bool = False


PHONE = {"locale": "zh-CN", "color_scheme": "dark", "viewport": {"width": 380, "height": 800}}
SHOTS = {
    "page": Shot(route="analyze", inputs={"text": MOVE}),
    "page_entities": Shot(route="token-classification", task="entities", inputs={"text": MOVE}),
    "page_tags": Shot(
        route="token-classification", task="parts", inputs={"text": "The quick brown fox jumps over the lazy dog."}
    ),
    "page_clusters": Shot(route="coreference-resolution", inputs={"text": MOVE}),
    "page_labels": Shot(route="text-classification", inputs={"text": "It is slow, but the two actors are wonderful."}),
    "page_answers": Shot(
        route="question-answering", inputs={"question": "Who built the bridge at Kelso?", "context": BRIDGE}
    ),
    "page_blanks": Shot(route="span-fill", inputs={"text": "She opened the [MASK:1-2] and looked out of the window."}),
    "page_translation": Shot(route="translation", inputs={"text": "Two children play with a dog on the beach."}),
    "page_relations": Shot(
        route="relation-extraction", inputs={"text": "Ada Crane works for Crane Mills. Crane Mills is based in Leith."}
    ),
    "page_why": Shot(
        route="text-classification",
        inputs={"text": "It is slow, but the two actors are wonderful."},
        why=True,
    ),
    "page_phone": Shot(route="coreference-resolution", inputs={"text": MOVE}, settings=PHONE),
}


def take(browser: Any, home: str, shot: Shot) -> bytes | None:
    """A picture as PNG; None where no bundle has the task."""
    settings = {"viewport": {"width": 860, "height": 600}, "device_scale_factor": 1.5, **shot.settings}
    with tab(browser, home, **settings) as visit:
        visit.page.goto(home)
        visit.page.wait_for_selector("#fields textarea")
        number = visit.page.evaluate(
            """async ({ route, task }) => {
                const { models } = await (await fetch("info")).json();
                return models.flatMap((one) => one.choices)
                    .findIndex((one) => one.route === route && (task === null || one.task === task));
            }""",
            {"route": shot.route, "task": shot.task},
        )
        if number < 0:
            return None
        visit.page.select_option("#choice", str(number))
        while visit.page.locator(".chips button").count():
            visit.page.locator(".chips button").first.click()
        for name, text in shot.inputs.items():
            visit.page.fill(f"#field-{name}", text)
        visit.page.click("#run")
        visit.page.wait_for_selector("#answer[aria-busy=false] #drawing > *")
        if shot.why:
            visit.page.locator("#whys button").first.click()
            visit.page.wait_for_selector("#why[aria-busy=false] #shading > *")
        visit.page.evaluate("document.activeElement.blur()")
        taken: bytes = visit.page.screenshot(full_page=True, animations="disabled")
        return taken


def small(png: bytes) -> Image.Image:
    """The picture in few colours, so that it is some tens of kilobytes."""
    return Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)


def main(bundles: list[str]) -> None:
    """Takes all pictures that can be taken of some bundles."""
    with served(ServePlan(models=model_places(bundles))) as home, chromium() as browser:
        for name, shot in SHOTS.items():
            png = take(browser, home, shot)
            if png is not None:
                small(png).save(IMAGES / f"{name}.png", optimize=True)
                print(name)


if __name__ == "__main__":
    main(sys.argv[1:])
