"""The first part of the quick start: a model reads a paragraph at once, with all the tasks that it has.

paragraph  --tasks of the bundle-->  lines for the terminal, reading.html
question   --the one task that answers questions-->  answer
blank      --the head that fills blanks-->  fillings
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp

from spanbert.core.excerpts import shortened
from spanbert.core.html.style import Palette
from spanbert.core.types import Filling
from spanbert.pipelines.html import Shown, article, page
from spanbert.pipelines.info import has_mlm_head
from spanbert.pipelines.load import load
from spanbert.pipelines.results import AnnotatedText, render_of
from spanbert.tasks.pretrain.render import fillings_html

PARAGRAPH = (
    "Marie Keller was born in Trieste and studied physics at the University of Graz. "
    "In 1994 she moved to Oslo, where she founded Nordlys Instruments together with her husband, Paul Berg. "
    "The company builds sensors for the Norwegian Polar Institute, and its first buoy still drifts off Svalbard. "
    "Keller sold her shares in 2011, but Berg stayed with the firm. "
    "Last year he wrote a book about those years. "
    "It is a warm, funny and beautifully told story, and one of the best memoirs of the decade."
)
QUESTION = "When did Keller sell her shares?"
BLANK = "He was the first [MASK] of the United States."
_WIDTH = 80  # of a usual terminal
_LONGEST = 250  # characters of what one task says: a tag for each word is cut there
_TOP = 3


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a model says of the paragraph.

    Attributes:
        model: Its name.
        results: The paragraph with the results of the tasks that read texts, then the question with its answer.
        fillings: What may stand in the blank; empty where the model fills none.
        seconds: From opening the bundle to the last answer.
    """

    model: str
    results: Sequence[AnnotatedText]
    fillings: Sequence[Filling]
    seconds: float

    @property
    def said(self) -> list[tuple[str, str]]:
        """What each task says in a few words, by its name."""
        found = []
        for result in self.results:
            asked = "" if result.question is None else f"{result.question}  "
            found += [(name, asked + _said(result, name)) for name in result]
        if self.fillings:
            best = ", ".join(f"{one.fills[0]} {exp(one.score):.2f}" for one in self.fillings)
            found.append(("blank", f"{BLANK}  {best}"))
        return found or [("nothing", "this model has no task for texts, and fills no blanks")]

    @property
    def lines(self) -> list[str]:
        """The paragraph, and what is said of it, for the terminal."""
        return [*_wrapped(PARAGRAPH), "", *(line for name, said in self.said for line in _wrapped(said, name))]

    def page(self) -> Iterator[str]:
        """All of it as one HTML page, piece by piece."""
        shown: list[Shown] = list(self.results)
        if self.fillings:
            shown.append(_Blank(self.fillings))
        return page(shown, title=f"{self.model} reads a paragraph")


@dataclass(frozen=True)
class _Blank:
    """The blank and its fillings, as the page shows them."""

    fillings: Sequence[Filling]

    def html(self, palette: Palette) -> str:
        """The text with each filling."""
        return article("blank", fillings_html(BLANK, self.fillings, palette))


def read_paragraph(model: str, name: str, *, device: str) -> Reading:
    """What a bundle says of the paragraph, the question and the blank, as far as it has tasks for them.

    Args:
        model: The bundle.
        name: What people call it.
        device: What computes.

    Raises:
        InputError: Not a model, or damaged.
    """
    begun = time.monotonic()
    nlp = load(model, device=device)
    needs = [task.spec.needs for task in nlp.tasks.values()]
    results = []
    if any(not need & {"question", "entities"} for need in needs):
        results.append(nlp(PARAGRAPH))
    if sum("question" in need for need in needs) == 1:
        results.append(nlp.ask(QUESTION, PARAGRAPH))
    fillings = nlp.fill(BLANK, top_k=_TOP) if has_mlm_head(nlp.files) else []
    return Reading(model=name, results=results, fillings=fillings, seconds=time.monotonic() - begun)


def _said(result: AnnotatedText, name: str) -> str:
    """What a task says, in a line."""
    cells = render_of(result[name]).cells(result.text, result[name]).values()
    said = (f"{value:.2f}" if isinstance(value, float) else str(value) for value in cells if value not in (None, ""))
    return shortened(" ".join(said), _LONGEST) or "nothing"


def _wrapped(text: str, name: str | None = None) -> list[str]:
    """A text in lines of bearable length; with a name in front, all lines begin behind it."""
    first = "   " if name is None else f"   {name:<12} "
    return textwrap.wrap(text, _WIDTH, initial_indent=first, subsequent_indent=" " * len(first))
