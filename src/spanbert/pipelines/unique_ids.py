"""Documents and questions with ids that no other has, so that results can be matched with what was asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from spanbert.core.seeding import keyed_seed
from spanbert.core.types import Document


def with_unique_ids(documents: Iterable[Document]) -> Iterator[Document]:
    """The same documents; an id that came before gets `#2`, `#3` and so on, and so does one of a question.

    Memory: some 60 bytes an id, since a hash of each is kept.

    Args:
        documents: Read as they are needed.
    """
    ids = _Ids()
    for document in documents:
        if document.questions is None:
            name = ids.unique(document.id)
            yield document if name == document.id else replace(document, id=name)
            continue
        named = tuple(replace(one, id=ids.unique(one.id)) for one in document.questions)
        yield replace(document, questions=named)


class _Ids:
    """The ids that were given, and how often each that came again was."""

    def __init__(self) -> None:
        self._given: set[int] = set()
        self._times: dict[str, int] = {}

    def unique(self, name: str) -> str:
        found = name
        while (key := keyed_seed("id", found)) in self._given:
            self._times[name] = self._times.get(name, 1) + 1
            found = f"{name}#{self._times[name]}"
        self._given.add(key)
        return found
