"""What Prodigy's annotations of all kinds have in common: how they are known, their answers and their tokens."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Span
from spanbert.corpus.io.files import OnBroken, SourceFile, ignore_broken, raise_broken, readable, write_lines
from spanbert.corpus.io.tables import json_objects

EXPECTED = '{"text": ..., "spans": [{"start": 0, "end": 3, "label": "PER"}], "answer": "accept"}'
_ANSWERS = ("accept", "reject", "ignore")
_KEYS = frozenset({"_input_hash", "_task_hash", "_view_id"})
BOOKKEEPING = frozenset(
    {"_input_hash", "_task_hash", "_view_id", "_session_id", "_annotator_id", "_timestamp", "answer"}
)


def is_prodigy(record: Mapping[str, Any] | None) -> bool:
    """Whether an object is one of Prodigy's: by its answer, its hashes, or spans that know their tokens."""
    if record is None or not isinstance(record.get("text"), str):
        return False
    spans, tokens = record.get("spans"), record.get("tokens")
    objects = [one for some in (spans, tokens) if isinstance(some, list) for one in some if isinstance(one, Mapping)]
    return (
        record.get("answer") in _ANSWERS
        or not _KEYS.isdisjoint(record)
        or any("token_start" in one or {"id", "start", "end", "text"} <= one.keys() for one in objects)
    )


def left_out_of_file(file: SourceFile) -> Mapping[str, int]:
    """How many texts of a file its annotators rejected and passed over, so that they are left out."""
    answers = Counter(str(record.get("answer")) for _, _, record in json_objects(file, EXPECTED, ignore_broken))
    counts = {"rejected texts": answers["reject"], "ignored texts": answers["ignore"]}
    return {what: count for what, count in counts.items() if count}


def read_accepted(
    file: SourceFile, make: Callable[[Mapping[str, Any], str, str], Document], on_broken: OnBroken | None
) -> Iterator[Document]:
    """What is made of each object that was accepted, or has no answer.

    Args:
        file: JSON lines or a JSON list; plain or compressed.
        make: Of an object, a name for it, and its place.
        on_broken: Called with the error of each text that cannot be used, which is then left out; None: it is raised.

    Raises:
        InputError: No text, or an answer that is none of Prodigy's; names file and line.
    """
    for where, name, record in json_objects(file, EXPECTED, on_broken or raise_broken):
        if record.get("answer") not in ("reject", "ignore"):
            yield from readable(partial(_made, make, record, name, where), on_broken)


def _made(
    make: Callable[[Mapping[str, Any], str, str], Document], record: Mapping[str, Any], name: str, where: str
) -> Document:
    if not isinstance(record.get("text"), str):
        raise InputError("no text", where=where, got=", ".join(record), expected=EXPECTED)
    answer = record.get("answer")
    if answer is not None and answer not in _ANSWERS:
        raise InputError("not an answer", where=where, got=json.dumps(answer), expected=", ".join(_ANSWERS))
    return make(record, name, where)


def copy_accepted(
    file: SourceFile, documents: Iterable[Document], target: Path, line_of: Callable[[Document], str]
) -> None:
    """Writes the objects of a file as JSON lines: accepted ones as their documents, others as they are.

    Args:
        file: The file.
        documents: Those of the file that are kept, in order.
        target: The copy, whole or not at all.
        line_of: The line of a document.
    """
    rest = iter(documents)

    def lines() -> Iterator[str]:
        document = next(rest, None)
        for where, _, record in json_objects(file, EXPECTED, ignore_broken):
            if document is not None and document.where == where:
                yield line_of(document)
                document = next(rest, None)
            elif record.get("answer") in ("reject", "ignore"):
                yield json.dumps(record, ensure_ascii=False)

    write_lines(target, lines())


def tokens_of(record: Mapping[str, Any], text: str, where: str) -> list[Span] | None:
    """Where the tokens of an object are; None where it has none.

    Raises:
        InputError: Tokens that are not one after another in the text.
    """
    entries = record.get("tokens")
    if not isinstance(entries, list):
        return None
    tokens: list[Span] = []
    for entry in entries:
        start, end = (entry.get("start"), entry.get("end")) if isinstance(entry, Mapping) else (None, None)
        after = tokens[-1].end if tokens else 0
        if type(start) is not int or type(end) is not int or not after <= start <= end <= len(text):
            got = json.dumps(entry, ensure_ascii=False)
            expected = '{"text": "Ann", "start": 0, "end": 3, "id": 0}, in order'
            raise InputError("not a token of the text", where=where, got=got, expected=expected)
        tokens.append(Span(start=start, end=end))
    return tokens


def token_records(text: str, words: Iterable[Span]) -> list[dict[str, Any]]:
    """Words as Prodigy's tokens."""
    return [
        {
            "text": text[word.start : word.end],
            "start": word.start,
            "end": word.end,
            "id": number,
            "ws": text[word.end : word.end + 1].isspace(),
        }
        for number, word in enumerate(words)
    ]
