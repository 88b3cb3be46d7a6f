"""Results as a table: a row a text or question, with the columns it came with, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Literal

from spanbert.core.errors import InputError
from spanbert.corpus.io.formulas import FormulaCells
from spanbert.pipelines.results import AnnotatedText, render_of

Separated = Literal["csv", "tsv"]


def table_lines(
    results: Iterable[AnnotatedText], kind: Separated, formulas: FormulaCells | None = None
) -> Iterator[str]:
    """The header, then a row for each result, streaming.

    Args:
        results: All with results of the same tasks.
        kind: Comma-separated text, in quotes where needed; or tab-separated, where tabs and line breaks in cells become
            blanks.
        formulas: Counts cells that a spreadsheet would compute, and quotes them where that is asked for.

    Raises:
        InputError: A result with a column that the first one has not.
    """
    names: list[str] | None = None
    formulas = formulas or FormulaCells()
    for result in results:
        cells = _cells(result)
        if names is None:
            names = list(cells)
            yield _row(formulas.shown(names), kind)
        new = [name for name in cells if name not in names]
        if new:
            raise InputError(
                "a column that the first row has not",
                where=result.id,
                got=", ".join(new),
                expected=", ".join(names),
                remedy="Choose the format jsonl",
            )
        yield _row(formulas.shown([cells.get(name, "") for name in names]), kind)


def _cells(result: AnnotatedText) -> dict[str, str]:
    """What the text came with, then the results: a column `TASK.NAME` for each that the task's kind says."""
    if result.fields:
        cells = {name: _text(value) for name, value in result.fields.items() if name != "tasks"}
    elif result.question is None:
        cells = {"id": result.id, "text": result.text}
    else:
        cells = {"id": result.id, "question": result.question}
    for task, found in result.tasks.items():
        said = render_of(found).cells(result.text, found)
        cells |= {
            f"{task}.{name}": _figure(one) if isinstance(one, float) else _text(one) for name, one in said.items()
        }
    return cells


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, default=str)


def _figure(value: float) -> str:
    return f"{value:.4f}"


def _row(cells: list[str], kind: Separated) -> str:
    if kind == "tsv":
        return "\t".join(" ".join(cell.replace("\t", " ").splitlines()) for cell in cells) + "\n"
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()
