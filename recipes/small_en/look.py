"""A hundred relations that small-en finds in raw text it never saw, to be read by eye.

python recipes/small_en/look.py BUNDLE STORE

Texts: the held-out documents of enwiki_core (STORE is `WORK/enwiki`, which knows them), in a random order.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from recipe import data

import spanbert
from spanbert.tokens.store import TokenStore

SHOWN = 100
_AROUND = 80  # characters to each side


def texts(store: Path) -> Iterator[str]:
    """The paragraphs of the held-out documents, in a random order."""
    paragraphs: list[str] = []
    for document in TokenStore(store).documents("held_out"):
        name, _, line = document.id.rpartition(":")
        lines = (data() / "pretrain" / "enwiki_core" / name).read_text("utf-8").splitlines()
        for one in lines[int(line) :]:
            if not one:
                break
            paragraphs.append(one)
    yield from random.Random(0).sample(paragraphs, len(paragraphs))


def found(bundle: str, store: Path) -> Iterator[str]:
    """A line for each relation: its label and probability, and the text around it."""
    nlp = spanbert.load(bundle)
    for text in texts(store):
        for one in nlp(text).relations:
            first, last = min(one.head.start, one.tail.start), max(one.head.end, one.tail.end)
            around = text[max(0, first - _AROUND) : last + _AROUND]
            head, tail = (text[span.start : span.end] for span in (one.head, one.tail))
            yield f"{head} --{one.label}--> {tail}   ({one.score:.2f})\n   ...{around}..."


if __name__ == "__main__":
    match sys.argv[1:]:
        case [bundle, store]:
            for number, line in enumerate(islice(found(bundle, Path(store)), SHOWN), start=1):
                print(f"{number}. {line}")
        case _:
            sys.exit(__doc__)
