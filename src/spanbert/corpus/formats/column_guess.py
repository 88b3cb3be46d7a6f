"""Which column of a table holds the text, the second text and the label: by name, else by content."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from spanbert.core.characters import HAN

_PAIRS = (
    ("sentence1", "sentence2"),
    ("sentence_1", "sentence_2"),
    ("question1", "question2"),
    ("premise", "hypothesis"),
    ("#1 string", "#2 string"),
    ("text_a", "text_b"),
    ("text1", "text2"),
    ("text", "pair"),
    ("question", "sentence"),
    ("question", "passage"),
    ("query", "passage"),
)
_TEXTS = (
    *("text", "sentence", "review", "content", "body", "question", "query", "utterance", "comment", "message", "tweet"),
    *(first for first, _ in _PAIRS),
    *("title", "文本", "句子", "内容", "评论"),
)
_SECONDS = ("pair", "sentence2", "question2", "hypothesis", "#2 string", "text_b", "text2", "text_pair")
_LABELS = (
    *("label", "labels", "category", "class", "target", "score", "rating", "sentiment", "polarity", "quality"),
    *("gold_label", "intent", "topic", "stars", "emotion", "is_duplicate", "similarity", "标签", "类别"),
    *("label_desc", "label_text"),
)
_NAME = re.compile(r"[^\W\d][\w-]{0,39}")
KNOWN_NAMES = frozenset((*_TEXTS, *_SECONDS, *_LABELS, "id", "idx", "guid"))
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_WRITTEN = re.compile(rf"\s|[{HAN}]")
_MANY = 20  # rows from which it is significant whether values repeat
_LONGEST_LABEL = 30


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The names of the columns that hold what; None where there is none, or none known yet."""

    text: str | None = None
    pair: str | None = None
    label: str | None = None

    def names(self) -> list[str]:
        """Those that are known."""
        return [name for name in (self.text, self.pair, self.label) if name is not None]


def roles_of_names(names: Sequence[str], given: Roles) -> Roles:
    """Fills in roles by the names of columns, whatever their case; given roles stay.

    Args:
        names: The columns.
        given: What the user named; a named text column of a known pair also selects its partner.
    """
    free = {name.strip().lower(): name for name in reversed(names) if name not in given.names()}
    known = {name: name.strip().lower() for name in given.names()}
    text, pair = given.text, given.pair
    for first, second in _PAIRS:
        fits_text = first in free if text is None else known[text] == first
        fits_pair = second in free if pair is None else known[pair] == second
        if fits_text and fits_pair:
            text, pair = text or free[first], pair or free[second]
            break
    if text is None:
        text = next((free[name] for name in _TEXTS if name in free), None)
        if text is not None and pair is None:
            pair = next((free[name] for name in _SECONDS if name in free and free[name] != text), None)
    label = given.label
    if label is None:
        label = next((free[name] for name in _LABELS if name in free and free[name] not in (text, pair)), None)
    return Roles(text=text, pair=pair, label=label)


def are_numbers(cells: Sequence[str]) -> bool:
    """Whether some cells hold anything, and all of those a number."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    return bool(filled) and all(_NUMBER.fullmatch(cell) for cell in filled)


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """What a sample says about one column.

    Attributes:
        length: Characters of a cell on average.
        numeric: All cells that are not empty are numbers.
        whole: They are whole numbers.
        repeats: At most half of the cells hold a value of their own.
        written: Half of the cells hold blanks or Han characters, as texts do.
        sparse: Half of the cells are empty.
        rows: Cells of the sample.
    """

    length: float
    numeric: bool
    whole: bool
    repeats: bool
    written: bool
    sparse: bool
    rows: int

    @classmethod
    def of(cls, cells: Sequence[str]) -> _Facts:
        filled = [cell.strip() for cell in cells if cell.strip()]
        numeric = are_numbers(filled)
        return cls(
            length=sum(map(len, filled)) / len(cells),
            numeric=numeric,
            whole=numeric and all(re.fullmatch(r"[+-]?\d+", cell) for cell in filled),
            repeats=2 * len(set(filled)) <= len(filled),
            written=2 * sum(bool(_WRITTEN.search(cell)) for cell in filled) >= len(cells),
            sparse=2 * len(filled) < len(cells),
            rows=len(cells),
        )

    @property
    def may_be_text(self) -> bool:
        return self.length > 0 and not self.numeric and not (self.repeats and self.rows >= _MANY)

    @property
    def may_be_label(self) -> bool:
        if self.length == 0 or self.length > _LONGEST_LABEL:
            return False
        if self.numeric:
            return self.repeats or not self.whole or self.rows < _MANY  # whole numbers that never repeat are ids
        return self.repeats or self.rows < _MANY


def roles_of_content(names: Sequence[str], rows: Sequence[Sequence[str]], given: Roles) -> Roles | None:
    """Fills in roles by the content of the columns; given roles stay.

    The longest column on average is the text, another with blanks or Han characters and at least half its length the
    second text; the label is the one column of numbers, else the one of few or short values.

    Args:
        names: The columns.
        rows: Cells of a sample, as many as columns.
        given: What is known already.

    Returns:
        The roles, the label None where no column can be one; None where nothing decides.
    """
    facts = {name: _Facts.of([row[place] for row in rows]) for place, name in enumerate(names)}
    free = [name for name in names if name not in given.names()]
    roles = given
    if given.text is None:
        texts = sorted((name for name in free if facts[name].may_be_text), key=lambda name: -facts[name].length)
        if not texts:
            return None
        long = [name for name in texts[1:] if facts[name].written and 2 * facts[name].length >= facts[texts[0]].length]
        chosen = [texts[0]] if given.pair is not None else [texts[0], *long]
        if len(chosen) > 2:
            return None
        chosen.sort(key=list(names).index)
        roles = replace(roles, text=chosen[0], pair=given.pair if len(chosen) == 1 else chosen[1])
    if given.label is None:
        free = [name for name in free if name not in roles.names() and facts[name].may_be_label]
        groups = (
            [name for name in free if facts[name].numeric],
            [name for name in free if not facts[name].sparse],
            free,
        )
        labels: list[str] = next((group for group in groups if group), [])
        if len(labels) > 1:
            return None
        roles = replace(roles, label=labels[0] if labels else None)
    return roles


def names_columns(line: str) -> bool:
    """Whether a line that could be any text is the first one of a table: names without blanks, one of them known.

    Args:
        line: Without its end.
    """
    cells = line.split(next((one for one in "\t,;" if one in line), ","))
    names = [cell.strip('"') for cell in cells]
    return len(names) > 1 and all(map(_NAME.fullmatch, names)) and any(name.lower() in KNOWN_NAMES for name in names)
