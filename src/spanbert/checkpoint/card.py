"""The model card of a bundle: what it is and is for, what it saw, how well it does, how to use it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spanbert.checkpoint.hub_facts import HubFacts
from spanbert.core.distribution import install_command
from spanbert.core.errors import printable

_MOST_LABELS = 60
_MARKS = re.compile(r"[\\`*\[\]<>|]")
_TICKS = re.compile("`+")


@dataclass(frozen=True, kw_only=True)
class Card:
    """The parts of a card; parts that are empty are left out.

    Attributes:
        hub: The head, which the hub reads.
        what: Encoder and heads in words, a sentence without its full stop.
        base: The checkpoint that training began from, or "from scratch".
        intended: What it is for, in sentences.
        limits: What it does not do, or not well, in sentences.
        labels: By task, what it tells apart.
        python: Lines of Python that use it.
        shell: Commands that use it.
        loads: Which programs load it, in sentences.
        elsewhere: What those programs do not do though it was scored with it, in sentences.
        data: `name`, `licence`, `fingerprint`; where it was counted, `pieces` of the text; where the weights at the
            start saw other text, the licence of that as `base_licence`.
        scores: The figures in lines.
        recipe: The settings as YAML.
    """

    hub: HubFacts
    what: str
    base: str
    intended: Sequence[str] = ()
    limits: Sequence[str] = ()
    labels: Mapping[str, Sequence[str]]
    python: Sequence[str]
    shell: Sequence[str] = ()
    loads: str
    elsewhere: Sequence[str] = ()
    data: Mapping[str, Any]
    scores: Sequence[str]
    recipe: str

    def text(self) -> str:
        """The card as Markdown."""
        seen = f" (text under {_plain(str(self.data['base_licence']))})" if self.data.get("base_licence") else ""
        sections = [
            self.hub.as_yaml(),
            f"# {_plain(self.hub.title)}",
            f"{_plain(self.what)}. Weights at the start: {_plain(self.base)}{seen}.",
            *_section("What it is for", "\n".join(self.intended)),
            *_section("Labels", "\n".join(_labels(name, labels) for name, labels in self.labels.items() if labels)),
            "\n".join(["## Use", _block("sh", [install_command("spanbert")]), _block("python", self.python)]),
            *([_block("sh", self.shell)] if self.shell else []),
            *_section("In `transformers`", "\n\n".join(self._elsewhere())),
            _section("Held-out figures", _block("", self.scores or ["nothing was held out"]))[0],
            *_section("Limits", _list(self.limits)),
            f"## Data\n{_list(self._data())}",
            f"## Settings\n{_block('yaml', self.recipe.strip().splitlines())}",
        ]
        return "\n\n".join(sections) + "\n"

    def _elsewhere(self) -> list[str]:
        if not self.elsewhere:
            return [self.loads]
        return [
            self.loads,
            "It computes the same numbers from them, but makes less of these. Not in `transformers`, though the "
            "figures below were reached with it:",
            _list(self.elsewhere),
            "The Python lines above give all of it.",
        ]

    def _data(self) -> list[str]:
        licence = self.data.get("licence") or "not stated: ask whoever trained this model"
        return [
            f"text: {_plain(str(self.data.get('name')))}",
            f"licence of the text: {_plain(licence)}",
            *([f"size: {self.data['pieces']:,} pieces"] if "pieces" in self.data else []),
            f"fingerprint: {_code(str(self.data.get('fingerprint')))}",
        ]


def _section(heading: str, content: str) -> list[str]:
    return [f"## {heading}\n{content}"] if content else []


def _block(language: str, lines: Sequence[str]) -> str:
    content = [printable(line) for line in lines]
    fence = "`" * max(3, 1 + _longest_run("\n".join(content)))
    return f"{fence}{language}\n" + "\n".join(content) + f"\n{fence}"


def _plain(text: str) -> str:
    """A name from elsewhere as it is read, and not as Markdown or HTML that it may hold."""
    return _MARKS.sub(r"\\\g<0>", printable(text))


def _code(text: str) -> str:
    """A name between marks of code."""
    shown = printable(text)
    if "`" not in shown:
        return f"`{shown}`"
    marks = "`" * (1 + _longest_run(shown))
    return f"{marks} {shown} {marks}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in _TICKS.findall(text)), default=0)


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _labels(name: str, labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _MOST_LABELS:,} more, in config.json or spanbert.json"
    shown = ", ".join(_code(label) for label in labels[:_MOST_LABELS])
    return f"- {_plain(name)}: {shown}{more if len(labels) > _MOST_LABELS else ''}"
