"""What Python programs hand to a loaded bundle, as Documents: a text, a document, or many of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import zip_longest
from typing import TypeGuard

from spanbert.core.errors import InputError
from spanbert.core.texts import described, require_many, require_text
from spanbert.core.types import Document

_MISSING = object()


def is_one(value: object) -> TypeGuard[str | Document]:
    """Whether a value is one text or document, and not many."""
    return isinstance(value, str | Document)


def one_document(text: object, pair: object = None, *, identity: str = "text", where: str = "text") -> Document:
    """A text, with its second text where there is one, as a document; a document as it is.

    Args:
        text: A string or a Document.
        pair: The second text; None: there is none.
        identity: The id of the document that is made.
        where: The place of the text, for messages.

    Raises:
        InputError: Something else, or a document that has no one result.
    """
    if pair is not None:
        require_text(pair, f"pair of {where}")
    if not isinstance(text, Document):
        if not isinstance(text, str):
            raise InputError("not a text", where=where, got=described(text), expected="a str or a Document")
        require_text(text, where)
        return Document(id=identity, text=str(text), pair=None if pair is None else str(pair), where=where)
    if text.questions is not None and len(text.questions) != 1:
        raise InputError(
            "a document with no one result",
            where=where,
            got=f"{len(text.questions)} questions",
            remedy="nlp.predict([document]) gives a result for each question",
        )
    return text if pair is None else replace(text, pair=str(pair))


def many_documents(texts: object, pairs: object = None, *, or_one: str | None = None) -> Iterator[Document]:
    """Texts and documents as documents, read as they are needed; ids of texts are their numbers from 1.

    Args:
        texts: Strings and Documents, in a list, a Series, an array or any other sequence or stream.
        pairs: The second text of each; None: there are none.
        or_one: What the caller takes too, for messages.

    Raises:
        InputError: One text in place of many, no sequence, or something in it that is no text; or not as many pairs.
    """
    if is_one(texts):
        what = "one text in place of many"
        raise InputError(what, got=described(texts), remedy="Pass a list, or call nlp(text)")
    require_many(texts, "texts", or_one=or_one)
    assert isinstance(texts, Iterable)
    if pairs is None:
        return _documents(texts)
    require_many(pairs, "pair")
    assert isinstance(pairs, Iterable)
    return _documents_of_pairs(texts, pairs)


def _documents(texts: Iterable[object]) -> Iterator[Document]:
    for number, text in enumerate(texts):
        yield one_document(text, identity=str(number + 1), where=f"texts[{number}]")


def _documents_of_pairs(texts: Iterable[object], pairs: Iterable[object]) -> Iterator[Document]:
    for number, (text, pair) in enumerate(zip_longest(texts, pairs, fillvalue=_MISSING)):
        if text is _MISSING or pair is _MISSING:
            what = "more second texts than texts" if text is _MISSING else "fewer second texts than texts"
            raise InputError(what, where="pair", got=f"{number} that belong together", expected="one for each text")
        require_text(pair, f"pair[{number}]")
        yield one_document(text, pair, identity=str(number + 1), where=f"texts[{number}]")


def checked_documents(documents: object) -> Iterator[Document]:
    """Documents as they are.

    Raises:
        InputError: Something that is no sequence of them, or something else in it.
    """
    if is_one(documents):
        what = "one document in place of many" if isinstance(documents, Document) else "a text in place of documents"
        raise InputError(what, where="documents", remedy="Pass a list of Documents, or call nlp(text)")
    require_many(documents, "documents", things="Documents")
    assert isinstance(documents, Iterable)
    for number, document in enumerate(documents):
        if not isinstance(document, Document):
            raise InputError(
                "not a Document",
                where=f"documents[{number}]",
                got=described(document),
                remedy="For texts call nlp(texts) or nlp.pipe(texts)",
            )
        yield document
