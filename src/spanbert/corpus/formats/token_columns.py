"""Which columns of a table, or fields of an object, hold the words of a text and a tag for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spanbert.core.errors import InputError, nearest
from spanbert.core.tagging import Scheme
from spanbert.core.types import TAGS
from spanbert.corpus.io.tables import NAME_COLUMNS, require_one_column

WORDS = ("tokens", "words", "word", "token", "form")
_ENTITIES = ("ner_tags", "ner_tag", "ner", "ner_labels", "entity_tags", "tags", TAGS, "labels", "label", "iob", "bio")
_UNIVERSAL = ("upos", "upos_tags", "pos_tags", "pos_tag", "pos", "upos_tag")
_OWN = ("xpos", "xpos_tags", "pos_tags", "pos_tag", "pos")
TAGS_OF_LAYER = {
    "auto": (*_ENTITIES, *_UNIVERSAL),
    "ner": (*_ENTITIES, *_UNIVERSAL),
    "nested": (*_ENTITIES, *_UNIVERSAL),
    "upos": (*_UNIVERSAL, "tags", TAGS),
    "xpos": (*_OWN, "tags", TAGS),
}
KNOWN_TAGS = frozenset((*_ENTITIES, *_UNIVERSAL, *_OWN))


@dataclass(frozen=True, kw_only=True)
class TokenColumns:
    """What holds what.

    Attributes:
        words: The words.
        tags: Their tags.
        scheme: How spans are written; None where tags are one a word (parts of speech).
        labels: What the numbers stand for, where tags are numbers; None where they are names.
        sentence: Of a table, the column that says which sentence a word is in; None: blank rows end sentences.
        filled: Of a table, whether the sentence is said once, at its first word, and empty at the others.
        delimiter: What is between two cells of a table; None where there are lists.
        header: Of a table, whether it has one; else its columns are named "1", "2", ... from the left.
    """

    words: str
    tags: str
    scheme: Scheme | None
    labels: tuple[str, ...] | None = None
    sentence: str | None = None
    filled: bool = False
    delimiter: str | None = None
    header: bool = True

    def __str__(self) -> str:
        parts = [f"words: {self.words!r}", f"tags: {self.tags!r}"]
        parts += [] if self.sentence is None else [f"sentences: {self.sentence!r}"]
        remarks = ["a tag a word" if self.scheme is None else f"scheme {self.scheme}, guessed from the tags"]
        remarks += [] if self.labels is None else [f"{len(self.labels)} names of labels"]
        return f"{', '.join(parts)} ({', '.join(remarks)})"


def choose_columns(
    names: Sequence[str], layer: str, words: str | None, tags: str | None, where: str
) -> tuple[str, str]:
    """The columns of the words and of the tags: those that the user named, else by their names.

    Args:
        names: All columns.
        layer: Which tags are wanted: see `ReadSettings.layer`.
        words: The user's name for the column of the words.
        tags: For that of the tags.
        where: The file.

    Raises:
        InputError: No such column, or none of a known name; names those that there are.
    """
    got = f"columns {', '.join(names)}"
    for given in (words, tags):
        if given is not None:
            require_one_column(given, names, where=where, got=got, remedy=nearest(given, names))
    by_name = {name.strip().lower(): name for name in reversed(names)}
    words = words or next((by_name[one] for one in WORDS if one in by_name and by_name[one] != tags), None)
    tags = tags or next(
        (by_name[one] for one in TAGS_OF_LAYER[layer] if one in by_name and by_name[one] != words), None
    )
    if words is None or tags is None:
        raise InputError(
            "cannot tell which columns hold the words and their tags", where=where, got=got, remedy=NAME_COLUMNS
        )
    return words, tags
