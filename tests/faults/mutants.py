"""Broken copies of files: bytes, lines, cells and JSON values changed as a seed says, each with a description."""

from __future__ import annotations

import copy
import io
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

Mutant = tuple[str, bytes]

ODD_TEXTS = (
    "", " ", "-", "O", "I", "B-", "-B", "B-B-", "O-O", "b-PER", "B-PER-LOC", "S-PER", "U-X", "NER=", "NER=B-|NER=I-", "_",
    "nan", "NaN", "inf", "-inf", "1e400", "-1", "1.5", "0x10", "9" * 400, "9" * 5000, "١٢", "true", "null", "id", "text",
    "label", "\u00a0", "\u2028", "\u0085", "\x0b", "\x1c", "\u200b", "\ufeff", "\u0301", "\U0001f600", "漢字", '"', '""', '"a', "\\",
    "\\ud800", "[MASK]", "[CLS] [SEP]", "<s>", "# text = ", "# x", "-DOCSTART-", "1-2", "1.1", "a" * 3000, "x " * 1500, "{", "[]",
    "\x1b[31m", "1_000", "=1+1", "\x00",
)  # fmt: skip
ODD_BYTES = (
    b"\0", b"\xff\xfe", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r", b"\r\n", b"\n\n\n", b"\t", b"\t\t\t",
    b'"', b"\x1a", b"\xe2\x80\xa8", b"\xc2\x85", b"\xf4\x90\x80\x80", b"NaN", b"Infinity", b"1e999", b"9" * 5000, b"{}", b"[", b"-",
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 3, 1.5, 0.0, -0.0, 10**30, -(10**30), 10**400, float("nan"), float("inf"), -float("inf"),
    "", " ", "text", "3", "\ud800", "\udc00a", "a\nb", "a\x00b", "\u2028", "\U0001f600", "B-", "O", "x" * 3000, [], {}, [[]],
    [None], [True], [1, 2], [0, 1, "PER"], ["a"], [{}], [0.5, 1.5], ["\ud800"], {"text": "a"}, {"start": 0, "end": 1},
    {"labels": 3}, {"start": True, "end": 2, "label": "X"}, {"start": 0, "end": 10**12, "label": "X"},
    {"start": 2, "end": 1, "label": "X"}, {"start": 0, "end": 1, "label": None},
)  # fmt: skip


def byte_mutants(content: bytes, draw: random.Random, count: int) -> Iterator[Mutant]:
    """Copies with other bytes: flipped, lost, repeated, cut off, in another encoding."""
    for number in range(count):
        name = draw.choice(sorted(_OF_BYTES)) if number >= len(_OF_BYTES) else sorted(_OF_BYTES)[number]
        yield name, _OF_BYTES[name](content, draw)


def cell_mutants(content: bytes, draw: random.Random, count: int, *, separator: str) -> Iterator[Mutant]:
    """Copies of a table or of columns with other cells, columns and lines."""
    lines = content.decode().split("\n")
    for number in range(count):
        name = draw.choice(sorted(_OF_CELLS)) if number >= len(_OF_CELLS) else sorted(_OF_CELLS)[number]
        said, changed = _OF_CELLS[name]([line.split(separator) for line in lines], draw)
        text = "\n".join(separator.join(row) for row in changed)
        yield f"{name} {said}", text.encode()


def json_mutants(content: bytes, draw: random.Random, count: int, *, lines: bool) -> Iterator[Mutant]:
    """Copies of JSON, or of JSON lines, with other values, fields and nesting."""
    records = [json.loads(line) for line in content.decode().splitlines()] if lines else json.loads(content)
    for number in range(count):
        changed = copy.deepcopy(records)
        if number % 10 == 9:
            deep = "[" * 5_000 if number % 20 == 9 else '{"a":' * 5_000
            yield f"{deep[:5]} 5,000 levels deep", deep.encode()
            continue
        said = [_change_value(changed, draw) for _ in range(draw.choice((1, 1, 1, 2)))]
        written = "\n".join(map(json.dumps, changed)) + "\n" if lines else json.dumps(changed)
        yield "; ".join(said), written.encode()


def mutants(content: bytes, shape: str, separator: str, draw: random.Random, count: int) -> Iterator[Mutant]:
    """Half of them with other bytes, half of them with what is odd in files of this shape."""
    yield from byte_mutants(content, draw, count if shape == "bytes" else count // 2)
    if shape == "cells":
        yield from cell_mutants(content, draw, count - count // 2, separator=separator)
    elif shape == "parquet":
        yield from parquet_mutants(draw, count - count // 2)
    elif shape != "bytes":
        yield from json_mutants(content, draw, count - count // 2, lines=shape == "lines")


def parquet_mutants(draw: random.Random, count: int) -> Iterator[Mutant]:
    """Parquet files whose columns hold what is neither a text nor a label, or have odd names."""
    import pyarrow
    from pyarrow import parquet

    rows = 6
    columns = {
        "texts": pyarrow.array(["The old king", "a fox", None, "", " ", "x\ny"]),
        "words": pyarrow.array(["slow", "quick"] * 3),
        "whole": pyarrow.array(range(rows)),
        "large": pyarrow.array([2**63 - 1] * rows),
        "floats": pyarrow.array([0.5, float("nan"), float("inf"), None, -0.0, 1e300]),
        "flags": pyarrow.array([True, False, None] * 2),
        "lists": pyarrow.array([["a"], [], None, ["a", "b"], ["b"], [None]]),
        "nested lists": pyarrow.array([[["a"]]] * rows),
        "objects": pyarrow.array([{"a": 1}] * rows),
        "bytes": pyarrow.array([b"\xff\xfe"] * rows),
        "false UTF-8": pyarrow.array([b"\xff\xfe"] * rows).view(pyarrow.string()),
        "times": pyarrow.array([2**62] * rows).cast(pyarrow.timestamp("ms")),
        "no times": pyarrow.array([10**9] * rows).cast(pyarrow.timestamp("s", tz="Nowhere/Never")),
        "decimals": pyarrow.array(range(rows)).cast(pyarrow.decimal128(30, 4)),
        "nothing": pyarrow.nulls(rows),
        "categories": pyarrow.array(["slow", "quick"] * 3).dictionary_encode(),
        "pairs": pyarrow.array([[("a", 1)]] * rows, pyarrow.map_(pyarrow.string(), pyarrow.int64())),
    }
    names = ("text", "label", "id", "sentence1", "sentence2", "", "\n", "x" * 2000)
    for number in range(count):
        picked = draw.choices(sorted(columns), k=draw.choice((1, 2, 2, 3)))
        named = list(names[: len(picked)]) if number % 3 else draw.choices(names, k=len(picked))
        table = pyarrow.Table.from_arrays([columns[one] for one in picked], names=named)
        stream = io.BytesIO()
        parquet.write_table(table.slice(0, draw.choice((0, 1, rows, rows))), stream)
        yield f"{picked} as {[name[:20] for name in named]}", stream.getvalue()


def _change_value(tree: Any, draw: random.Random) -> str:
    """Puts something odd at one place of a tree."""
    places = list(_places(tree, ()))
    if not places:
        return "nothing is left"
    path = draw.choice(places)
    holder = tree
    for key in path[:-1]:
        holder = holder[key]
    key = path[-1]
    kind = draw.choice(("replace", "replace", "replace", "delete", "rename", "repeat", "wrap"))
    if kind == "delete":
        del holder[key]
    elif kind == "rename" and isinstance(holder, dict):
        holder[draw.choice(("text", "label", "id", "start", "", "TEXT"))] = holder.pop(key)
    elif kind == "repeat" and isinstance(holder, list):
        holder.extend([copy.deepcopy(holder[key])] * 3)
    elif kind == "wrap":
        holder[key] = draw.choice(([holder[key]], {"text": holder[key]}))
    else:
        kind = "replace"
        holder[key] = copy.deepcopy(draw.choice(ODD_VALUES))
    return f"{kind} {'.'.join(map(str, path))}" + (f" by {str(holder[key])[:40]!r}" if kind == "replace" else "")


def _places(tree: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _places(value, (*path, key))
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from _places(value, (*path, number))


def _slice(content: bytes, draw: random.Random) -> tuple[int, int]:
    start = draw.randrange(len(content))
    return start, min(start + draw.choice((1, 3, 30, 300)), len(content))


def _flip(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.choice((1, 2, 8, 40))):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


def _delete(content: bytes, draw: random.Random) -> bytes:
    start, end = _slice(content, draw)
    return content[:start] + content[end:]


def _duplicate(content: bytes, draw: random.Random) -> bytes:
    start, end = _slice(content, draw)
    return content[:end] + content[start:end] * draw.choice((1, 2, 50)) + content[end:]


def _insert(content: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(content) + 1)
    return content[:place] + draw.choice(ODD_BYTES) + content[place:]


def _without_line(content: bytes, draw: random.Random) -> bytes:
    lines = content.split(b"\n")
    del lines[draw.randrange(len(lines))]
    return b"\n".join(lines)


def _shuffled(content: bytes, draw: random.Random) -> bytes:
    lines = content.split(b"\n")
    draw.shuffle(lines)
    return b"\n".join(lines)


_OF_BYTES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "flipped bytes": _flip,
    "a slice deleted": _delete,
    "a slice repeated": _duplicate,
    "odd bytes inserted": _insert,
    "cut off": lambda content, draw: content[: draw.randrange(len(content))],
    "begins late": lambda content, draw: content[draw.randrange(len(content)) :],
    "a line lost": _without_line,
    "lines shuffled": _shuffled,
    "UTF-8 BOM": lambda content, draw: b"\xef\xbb\xbf" * draw.choice((1, 2)) + content,
    "UTF-16": lambda content, draw: content.decode("utf-8", "replace").encode("utf-16"),
    "UTF-16 without BOM": lambda content, draw: content.decode("utf-8", "replace").encode("utf-16-le"),
    "CRLF": lambda content, draw: content.replace(b"\n", b"\r\n"),
    "CR": lambda content, draw: content.replace(b"\n", b"\r"),
    "mixed line ends": lambda content, draw: content.replace(b"\n", b"\r\n", 3),
    "blank lines between": lambda content, draw: content.replace(b"\n", b"\n\n"),
    "one line": lambda content, draw: content.replace(b"\n", b" "),
    "empty": lambda content, draw: b"",
    "only blank lines": lambda content, draw: b"\n \n\t\n\r\n" * 5,
    "one NUL": lambda content, draw: b"\0",
    "a very long line": lambda content, draw: content + b"word " * 1000 + b"\n",
    "one long word": lambda content, draw: content + b"w" * 5000 + b"\n",
    "twice": lambda content, draw: content + content,
    "digits": lambda content, draw: content + b"\n" + b"9" * 5000 + b"\n",
}


def _odd_cell(rows: list[list[str]], draw: random.Random) -> tuple[str, list[list[str]]]:
    row = draw.choice(rows)
    place = draw.randrange(len(row))
    row[place] = draw.choice(ODD_TEXTS)
    return f"{place}: {row[place][:20]!r}", rows


def _odd_column(rows: list[list[str]], draw: random.Random) -> tuple[str, list[list[str]]]:
    place, text = draw.randrange(max(map(len, rows))), draw.choice(ODD_TEXTS)
    for row in rows:
        if len(row) > place and row != [""]:
            row[place] = text
    return f"{place}: {text[:20]!r}", rows


def _odd_tags(rows: list[list[str]], draw: random.Random) -> tuple[str, list[list[str]]]:
    """A column of a few odd texts, one a line."""
    place, texts = draw.randrange(max(map(len, rows))), draw.choices(ODD_TEXTS, k=3)
    for row in rows:
        if len(row) > place and row != [""]:
            row[place] = draw.choice(texts)
    return f"{place}: {[text[:20] for text in texts]}", rows


def _swapped(rows: list[list[str]], draw: random.Random) -> tuple[str, list[list[str]]]:
    one, two = draw.randrange(max(map(len, rows))), draw.randrange(max(map(len, rows)))
    for row in rows:
        if len(row) > max(one, two):
            row[one], row[two] = row[two], row[one]
    return f"{one} and {two}", rows


def _cell_more(rows: list[list[str]], draw: random.Random) -> tuple[str, list[list[str]]]:
    number = draw.randrange(len(rows))
    rows[number].insert(draw.randrange(len(rows[number]) + 1), draw.choice(ODD_TEXTS))
    return f"in line {number + 1}", rows


def _cell_less(rows: list[list[str]], draw: random.Random) -> tuple[str, list[list[str]]]:
    number = draw.randrange(len(rows))
    rows[number] = rows[number][1:]
    return f"in line {number + 1}", rows


def _column_less(rows: list[list[str]], draw: random.Random) -> tuple[str, list[list[str]]]:
    place = draw.randrange(max(map(len, rows)))
    return f"{place}", [row[:place] + row[place + 1 :] for row in rows]


def _column_twice(rows: list[list[str]], draw: random.Random) -> tuple[str, list[list[str]]]:
    place = draw.randrange(max(map(len, rows)))
    return f"{place}", [row[: place + 1] + row[place:] for row in rows]


_OF_CELLS: dict[str, Callable[[list[list[str]], random.Random], tuple[str, list[list[str]]]]] = {
    "odd cell": _odd_cell,
    "odd column": _odd_column,
    "odd cells in a column": _odd_tags,
    "swapped columns": _swapped,
    "a cell more": _cell_more,
    "a cell less": _cell_less,
    "a column less": _column_less,
    "a column twice": _column_twice,
}
