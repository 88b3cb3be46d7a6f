"""How the columns of a file of labelled words are read: which hold what, in which scheme, and which lines are words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from spanbert.core.errors import InputError
from spanbert.core.tagging import Scheme, guess_scheme
from spanbert.core.types import TAGS
from spanbert.corpus.io.files import SourceFile, text_lines

MISC = 9
CONLLU_COLUMNS = 10
TAG = re.compile(r"O|[BIESMLU]-\S+")
_INDEX = re.compile(r"\d+([-.]\d+)?")
_SKIPPED_INDEX = re.compile(r"\d+[-.]\d+")  # multi-word tokens and empty nodes of CoNLL-U
DOCUMENT_START = "-DOCSTART-"
_SAMPLE = 2000
_MOST_OF_A_WORD = 4  # columns, as of CoNLL-2003, by which one row is known
_FEW_WRONG = 0.1  # share of the cells in a column of tags
_MOST_COLUMNS = 14
_UNIVERSAL = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB"
_PENN = (
    "CC CD DT EX FW IN JJ JJR JJS LS MD NN NNS NNP NNPS PDT POS PRP PRP$ RB RBR RBS RP TO UH VB VBD VBG VBN VBP VBZ "
    "WDT WP WP$ WRB -LRB- -RRB- HYPH NFP"
)
_PARTS_OF_SPEECH = frozenset((*_UNIVERSAL.split(" "), *_PENN.split(" ")))
_FEW_ROWS = 5


@dataclass(frozen=True, kw_only=True)
class ColumnFormat:
    """How the columns of a file are read; guessed from its first sentences unless said.

    Attributes:
        word: Column of the words, from 0.
        tag: Column of the tags.
        layers: Further columns of tags, whose spans are added: spans may nest.
        scheme: How spans are written; None where tags are one a word (parts of speech).
        misc_key: The tags are the values of this key in CoNLL-U's MISC column.
        tabs: Cells end at tabs, else at blanks.
    """

    word: int
    tag: int
    scheme: Scheme | None
    misc_key: str | None = None
    tabs: bool = True
    layers: tuple[int, ...] = ()

    @property
    def tag_columns(self) -> tuple[int, ...]:
        """The columns of tags, outer spans first."""
        return (self.tag, *self.layers)

    @property
    def tag_names(self) -> tuple[str, ...]:
        """What a Document calls these columns."""
        return (TAGS, *(f"{TAGS}{number}" for number in range(2, len(self.tag_columns) + 1)))

    @property
    def indexed(self) -> bool:
        """Whether words are numbered, so that lines numbered `1-2` and `1.1` are not words."""
        return self.word > 0

    def cells(self, line: str) -> list[str]:
        """The cells of a line."""
        return line.split("\t") if self.tabs else line.split()

    def tags(self, cells: Sequence[str]) -> tuple[str, ...]:
        """The tags of a word, one a layer, from its cells."""
        if self.misc_key is None:
            return tuple(cells[place] for place in self.tag_columns)
        values = dict(part.partition("=")[::2] for part in cells[MISC].split("|"))
        return (values.get(self.misc_key, "O"),)

    def with_tags(self, line: str, tags: Sequence[str]) -> str:
        """The line with other tags, one a layer; everything else as it was."""
        if self.misc_key is not None:
            cells = line.split("\t")
            kept = [part for part in cells[MISC].split("|") if part not in ("", "_")]
            kept = [part for part in kept if part.partition("=")[0] != self.misc_key]
            kept += [f"{self.misc_key}={tags[0]}"] if tags[0] != "O" else []
            return "\t".join([*cells[:MISC], "|".join(kept) or "_"])
        parts = re.split("(\t)" if self.tabs else r"(\s+)", line)  # cells, and between them what separates them
        first = 2 if not self.tabs and line[:1].isspace() else 0
        for place, tag in zip(self.tag_columns, tags, strict=True):
            parts[first + 2 * place] = tag
        return "".join(parts)

    def __str__(self) -> str:
        if self.misc_key is not None:
            return f"words in column {self.word + 1}, spans as {self.misc_key}= in column {self.tag + 1}"
        places = ", ".join(str(place + 1) for place in self.tag_columns)
        scheme = "a tag a word" if self.scheme is None else f"scheme {self.scheme}, guessed from the tags"
        return f"words in column {self.word + 1}, tags in {places} ({scheme})"


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """Raw lines of one sentence, the blank ones after it included.

    Attributes:
        first: Number of the first line in its file.
        lines: Without line ends.
    """

    first: int
    lines: tuple[str, ...]

    def words(self, *, indexed: bool) -> list[int]:
        """Which of the lines hold a word; `indexed`: see `ColumnFormat.indexed`."""
        return [
            place
            for place, line in enumerate(self.lines)
            if _is_row(line) and not (indexed and _SKIPPED_INDEX.fullmatch(line.split(maxsplit=1)[0]))
        ]


def _is_row(line: str) -> bool:
    if not line.strip() or line.startswith(DOCUMENT_START):
        return False
    cells = line.split()
    if not line.startswith("#") or "\t" in line:
        return True
    is_word = len(cells) > 1 and "=" not in cells and bool(TAG.fullmatch(cells[-1]))  # `# O` is one
    return is_word or not (line.startswith("# ") or len(cells) < 2)


def begins_text(line: str) -> bool:
    """Whether a raw line says that a text begins: `-DOCSTART-`, or CoNLL-U's `# newdoc`."""
    return line.startswith((DOCUMENT_START, "# newdoc"))


def sentences(file: SourceFile) -> Iterator[Sentence]:
    """The sentences of a file; lines without words go with the sentence after them, at the end with the last."""
    before: Sentence | None = None
    lines: list[str] = []
    first = 1
    for number, line in text_lines(file):
        if lines and line.strip() and not lines[-1].strip() and any(_is_row(one) for one in lines):
            if before is not None:
                yield before
            before = Sentence(first=first, lines=tuple(lines))
            first, lines = number, []
        lines.append(line)
    if before is not None and not any(_is_row(one) for one in lines):
        yield replace(before, lines=(*before.lines, *lines))
        return
    if before is not None:
        yield before
    if lines:
        yield Sentence(first=first, lines=tuple(lines))


def guess_format(file: SourceFile, *, task: str = "ner") -> ColumnFormat:
    """Finds out how to read a file's columns.

    Args:
        file: Its first 2,000 sentences are looked at.
        task: `ner` takes the last column of BIO-like tags, `nested` all of them; else tags are one a word: the last
            column, and of CoNLL-U the universal tags (`pos`, `upos`) or the treebank's own (`xpos`).

    Raises:
        InputError: No words, or fewer than two columns.
    """
    sample = list(islice(sentences(file), _SAMPLE))
    lines = {
        sentence.first + place: sentence.lines[place] for sentence in sample for place in sentence.words(indexed=False)
    }
    if not lines:
        raise InputError("no labelled words", where=str(file.path), expected="a word and its tag a line")
    tabs = any("\t" in line for line in lines.values())
    numbered = {number: line.split("\t") if tabs else line.split() for number, line in lines.items()}
    width = len(next(iter(numbered.values())))
    if width < 2:
        raise InputError("one column", where=f"{file.path}:{sample[0].first}", expected="a word and its tag a line")
    # a line that differs is an error when it is read
    numbered = {number: row for number, row in numbered.items() if len(row) == width}
    rows = list(numbered.values())
    word = 1 if width > 2 and all(_INDEX.fullmatch(row[0]) for row in rows) else 0
    if width == CONLLU_COLUMNS and word == 1:
        if task in ("ner", "nested"):
            return _guess_in_misc(sample)
        return ColumnFormat(word=1, tag=4 if task == "xpos" else 3, scheme=None)
    if task in ("ner", "nested"):
        _refuse_nearly_tags(file, numbered, word)
    tagged = [place for place in range(width) if place != word and all(TAG.fullmatch(row[place]) for row in rows)]
    if task not in ("ner", "nested") or not tagged:
        return ColumnFormat(word=word, tag=width - 1, scheme=None, tabs=tabs)
    chosen = tagged if task == "nested" else tagged[-1:]
    draft = ColumnFormat(word=word, tag=chosen[0], scheme="BIO", tabs=tabs, layers=tuple(chosen[1:]))
    cells = [[draft.cells(one.lines[place]) for place in one.words(indexed=draft.indexed)] for one in sample]
    tags = [[row[place] for row in sentence if len(row) == width] for sentence in cells for place in chosen]
    return replace(draft, scheme=guess_scheme(tags))


def _guess_in_misc(sample: Sequence[Sentence]) -> ColumnFormat:
    """Entities in CoNLL-U's MISC column, as `NER=B-PER` or `ner=B-PER`."""
    draft = ColumnFormat(word=1, tag=MISC, scheme="BIO", misc_key="NER")
    rows = [[draft.cells(sentence.lines[place]) for place in sentence.words(indexed=True)] for sentence in sample]
    keys = Counter(
        part.partition("=")[0]
        for sentence in rows
        for cells in sentence
        if len(cells) == CONLLU_COLUMNS
        for part in cells[MISC].split("|")
        if part.partition("=")[0].upper() == "NER"
    )
    draft = replace(draft, misc_key=max(keys, key=lambda key: keys[key], default="NER"))
    tags = [[draft.tags(cells)[0] for cells in sentence if len(cells) == CONLLU_COLUMNS] for sentence in rows]
    return replace(draft, scheme=guess_scheme(tags))


def _refuse_nearly_tags(file: SourceFile, rows: Mapping[int, Sequence[str]], word: int) -> None:
    """Refuses a column of tags in which a cell is not a tag; it would otherwise be read as one tag per word."""
    places = [(line, row) for line, row in rows.items() if not (word and _SKIPPED_INDEX.fullmatch(row[0]))]
    for column in range(len(places[0][1]) if places else 0):
        wrong = [(line, row[column]) for line, row in places if not TAG.fullmatch(row[column])]
        spans = sum("-" in row[column] for _, row in places) - sum("-" in cell for _, cell in wrong)
        if column != word and spans and 0 < len(wrong) <= _FEW_WRONG * len(places):
            line, cell = wrong[0]
            raise InputError(
                "not a tag",
                where=f"{file.path}:{line}",
                got=repr(cell),
                expected="O, or a letter, - and a label, such as B-PER",
                remedy="Correct it, or read the column as one tag a word with --column upos",
            )


def are_columns(lines: Sequence[str]) -> bool:
    """Whether lines that could be any text are words with tags: all but a few have a tag in the same column.

    Args:
        lines: The first lines of a file, all of them whole.
    """
    if any(line.startswith(DOCUMENT_START) for line in lines):
        return True
    rows = [line for line in lines if _is_row(line)]
    tabs = any("\t" in line for line in rows)
    cells = [line.split("\t") if tabs else line.split() for line in rows]
    width = Counter(map(len, cells)).most_common(1)[0][0] if cells else 0
    if not 2 <= width <= _MOST_COLUMNS or len(rows) + tabs < 2:  # a line of a few words is a text
        return False
    if len(rows) == 1 and width > _MOST_OF_A_WORD and width != CONLLU_COLUMNS:  # a header: GAP says B-coref
        return False
    fitting = [row for row in cells if len(row) == width and all(cell.strip() for cell in row)]
    if width == CONLLU_COLUMNS and tabs and all(_INDEX.fullmatch(row[0]) for row in fitting):
        return bool(fitting)
    tagged = [[row[place] for row in fitting if _is_tag(row[place], row[0])] for place in range(1, width)]
    return any(len(tags) >= (1 - _FEW_WRONG) * len(rows) and _say_something(tags) for tags in tagged)


def may_be_tagged(line: str) -> bool:
    """Whether a line may be one of those of `are_columns`: a word and tags, a comment, or blank."""
    word, *cells = line.split() or [""]
    return not word or line.startswith(("#", DOCUMENT_START)) or any(_is_tag(cell, word) for cell in cells)


def _is_tag(cell: str, word: str) -> bool:
    is_mark = not any(map(str.isalnum, cell + word))  # the tag of a comma is a comma
    return is_mark or cell in _PARTS_OF_SPEECH or TAG.fullmatch(cell) is not None


def _say_something(tags: Sequence[str]) -> bool:
    """Whether tags are more than what a few lines of text may end in."""
    kinds = set(tags)
    return len(kinds) > 2 or (len(tags) >= _FEW_ROWS and "O" in kinds) or any(map(TAG.fullmatch, kinds - {"O"}))
