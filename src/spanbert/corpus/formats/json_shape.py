"""Which JSON an annotated file is: an object a line, a list of Label Studio's tasks, or SQuAD's object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from spanbert.core.errors import InputError
from spanbert.corpus.formats.beginning import Beginning, refuse_compressed
from spanbert.corpus.formats.families import ANNOTATED

Shape = Literal["lines", "tasks", "squad"]


def json_shape(beginning: Beginning) -> Shape | None:
    """The shape of a file's JSON; None where the file does not begin as JSON.

    Raises:
        InputError: Broken JSON, JSON of another shape, or a compressed file that would have to be read whole.
    """
    file = beginning.file
    if not beginning.line:
        return None
    if file.kind == ".jsonl" and not beginning.has_json_line:
        return "lines"  # their reader names the line that is broken
    if not beginning.is_json and not beginning.has_json_line:
        return None
    content = beginning.json
    if isinstance(content, Mapping) and ("text" in content or not isinstance(content.get("data"), list)):
        return "lines"
    is_object = isinstance(content, Mapping)
    if not is_object and not (isinstance(content, list) and all(map(_is_task, content))):
        got = f"a {type(content).__name__}"
        raise InputError("JSON, but no annotations", where=str(file.path), got=got, expected=ANNOTATED.expected)
    refuse_compressed(file.path)
    return "squad" if is_object else "tasks"


def _is_task(value: object) -> bool:
    return isinstance(value, Mapping) and "data" in value
