"""Text that lies on every machine that has Python: what `help("if")` and the like show, without code and grammar.

pydoc_data.topics  --paragraphs of prose, each once-->  a text file, a paragraph a document

Topics quote each other, so that whole topics could not be held out: a held-out one would stand in another.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from spanbert.core.errors import InputError
from spanbert.core.files import write_atomically

LICENCE = "PSF License Version 2, Python Software Foundation (the manual of Python)"
_SHORTEST = 80  # characters of a paragraph: headings and single words are shorter
_BLANK_LINES = re.compile(r"\n[ \t]*\n")
_RULES = frozenset("*=-~^#+|")  # what headings are underlined with, and tables are drawn with


def write_manual(path: Path) -> None:
    """Writes the prose of Python's own manual: a paragraph a line, blank lines between.

    Raises:
        InputError: This Python came without it.
    """
    write_atomically(path, "\n\n".join(manual()) + "\n")


def manual() -> list[str]:
    """The paragraphs of prose in Python's own manual, each once.

    Raises:
        InputError: This Python came without it.
    """
    try:
        topics = import_module("pydoc_data.topics").topics
    except ModuleNotFoundError:
        raise InputError(
            "this Python came without its manual, pydoc_data", remedy="Give a text of your own with --text"
        ) from None
    return list(dict.fromkeys(one for _, text in sorted(topics.items()) for one in prose(text)))


def prose(text: str) -> list[str]:
    """The paragraphs of a topic that are sentences, each as one line.

    Args:
        text: As `help` shows it: code and grammar are indented, headings underlined.
    """
    found = []
    for block in _BLANK_LINES.split(text):
        lines = block.strip("\n").split("\n")
        if not lines[0][:1].isalpha() or set(lines[-1].strip()) <= _RULES:
            continue
        paragraph = " ".join(" ".join(lines).split())
        if len(paragraph) >= _SHORTEST:
            found.append(paragraph)
    return found
