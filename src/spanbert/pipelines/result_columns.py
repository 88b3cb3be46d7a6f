"""Results in columns: one line per word with its tags, or the lines of a task's own format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Span
from spanbert.pipelines.results import AnnotatedText, render_of
from spanbert.tasks.registry import specs
from spanbert.tasks.render import WordColumns


def has_columns(doc: AnnotatedText) -> bool:
    """Whether a file of columns can hold a result of a text."""
    return any(render_of(result).in_columns for result in doc.tasks.values())


def conll_lines(doc: AnnotatedText) -> Iterator[str]:
    """A text as columns: one line per word and a blank line at the end, or a task's own format.

    Args:
        doc: A text with tasks that give each word tags, or with one alone that has lines of its own (CoNLL-2012).

    Yields:
        The word, then the columns of each task: see the kinds' `columns`, in `tasks`; or the lines.

    Raises:
        InputError: Nothing that columns can hold, tasks that no file holds together, or tasks that split the text into
            different words.
    """
    renders = {name: render_of(result) for name, result in doc.tasks.items()}
    renders = {name: render for name, render in renders.items() if render.in_columns}
    if not renders:
        kinds = dict.fromkeys(spec.renderer().columns_of for spec in specs())
        raise InputError(
            "no tags to write in columns",
            where=doc.id,
            got=f"results of {', '.join(doc.tasks) or 'no task'}",
            expected=" or ".join(kind for kind in kinds if kind),
            remedy="Choose the format jsonl or html",
        )
    document = doc.source or Document(id=doc.id, text=doc.text)
    own = {name: render.lines(document, doc[name]) for name, render in renders.items()}
    whole = {name: lines for name, lines in own.items() if lines is not None}
    if whole and len(renders) > 1:
        names = sorted(renders, key=lambda name: name in whole)
        held = list(dict.fromkeys(renders[name].in_columns for name in names))
        raise InputError(
            f"{' and '.join(held)}{' of several tasks' if len(held) == 1 else ''} in one file of columns",
            where=doc.id,
            got=", ".join(names),
            remedy="Choose one task",
        )
    for lines in whole.values():
        yield from lines
        return
    columns = {name: render.columns(document, doc[name]) for name, render in renders.items()}
    yield from _word_lines(doc, {name: found for name, found in columns.items() if found is not None})


def _word_lines(doc: AnnotatedText, found: Mapping[str, WordColumns]) -> Iterator[str]:
    first, *others = found
    places = _places(found[first].words)
    for other in others:
        if _places(found[other].words) != places:
            raise InputError(
                "two tasks split the text into different words, which one file of columns cannot hold",
                where=doc.id,
                got=f"{first} and {other}",
                remedy="Choose one task",
            )
    columns = [column for one in found.values() for column in one.columns]
    words = [doc.text[start:end] for start, end in places]
    yield from found[first].before
    for cells in zip(words, *columns, strict=True):
        yield "\t".join(cells)
    yield ""


def _places(words: Sequence[Span]) -> list[tuple[int, int]]:
    return [(word.start, word.end) for word in words]


def text_line(doc: AnnotatedText) -> str:
    """The text that a task made of a text, as one line; several candidates are divided by tabs.

    Raises:
        InputError: No task that makes texts, or several.
    """
    found = [(render_of(result), result) for result in doc.tasks.values() if render_of(result).as_text]
    if len(found) != 1:
        raise InputError(
            "several tasks make texts" if found else "no task that makes texts",
            where="--format text",
            got=", ".join(doc.tasks) or "no task",
            remedy="Name one with --task" if found else "Choose the format jsonl or html",
        )
    [(render, result)] = found
    return "\t".join(render.text(result))
