"""Lists of words and tags, an object or row a text, as token classification has them on the Hugging Face hub.

    {"id": "0", "tokens": ["Ann", "left", "Rome", "."], "ner_tags": ["B-PER", "O", "B-LOC", "O"]}

Tags are names, or numbers whose names the file's Parquet schema states, `dataset_info.json` or `README.md` beside it,
or the user.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.files import file_written_whole
from spanbert.core.types import TAGS, Document
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.families import ANNOTATED
from spanbert.corpus.formats.format import Format, ReadSettings, WriteSettings
from spanbert.corpus.formats.label_names import class_label_metadata, names_beside, names_in_schema
from spanbert.corpus.formats.span_records import other_fields
from spanbert.corpus.formats.tagged_words import (
    TaggedOrigin,
    document_of_tags,
    scheme_of,
    text_is_lost,
    words_and_tags,
)
from spanbert.corpus.formats.token_columns import KNOWN_TAGS, WORDS, TokenColumns, choose_columns
from spanbert.corpus.io.files import ByteCounter, OnBroken, SourceFile, raise_broken, readable, write_lines
from spanbert.corpus.io.tables import is_parquet, json_objects, parquet_records, parquet_schema

_EXPECTED = '{"tokens": ["Ann", "left"], "ner_tags": ["B-PER", "O"]}'
_SAMPLE = 1000
_OF_SPANS, _ONE_A_WORD = "ner_tags", "tags"  # columns that are written
_OTHERS = ("spans", "entities", "entity_list", "tokenized_text", "clusters", "subj_start")  # of other formats


def _records(file: SourceFile, on_broken: OnBroken) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The place, a name and the fields of each text."""
    if is_parquet(file.path):
        for number, record in parquet_records(file, lambda schema: list(schema.names), ByteCounter()):
            yield f"{file.path}:{number}", f"{file.name}:{number}", record
    else:
        yield from json_objects(file, _EXPECTED, on_broken)


def guess_token_lists(file: SourceFile, settings: ReadSettings) -> TokenColumns:
    """Which fields hold words and tags, in which scheme, and what numbers stand for.

    Args:
        file: JSON lines, a JSON list or Parquet; its first 1,000 texts are looked at.
        settings: What the user says of the columns and the names of labels.

    Raises:
        InputError: No such fields, or numbers that nothing names.
    """
    where = str(file.path)
    broken: list[InputError] = []
    sample = [record for _, _, record in islice(_records(file, broken.append), _SAMPLE)]
    if not sample:
        raise broken[0] if broken else InputError("no texts", where=where, expected=_EXPECTED)
    names = list(dict.fromkeys(name for record in sample for name in record))
    words, tags = choose_columns(names, settings.layer, settings.text_column, settings.label_column, where)
    values = [record[tags] for record in sample if isinstance(record.get(tags), list)]
    labels = settings.label_names
    if any(type(value) is int for tagged in values for value in tagged):
        labels = labels or _stated_names(file, tags)
        if labels is None:
            raise InputError(
                f"numbers in {tags!r}, and nothing that says what they stand for",
                where=where,
                got=str(next(tagged for tagged in values if tagged)[:8]),
                remedy="Pass --label-names O,B-PER,I-PER,... in the order of the numbers, or lay the data set's "
                "README.md or dataset_info.json beside the file",
            )
    else:
        labels = None
    draft = TokenColumns(words=words, tags=tags, scheme=None, labels=labels)
    said = [names for tagged in values for names in readable(partial(_names, tagged, draft, where), broken.append)]
    return replace(draft, scheme=scheme_of(said) if labels is None or scheme_of([labels]) is not None else None)


def _stated_names(file: SourceFile, column: str) -> tuple[str, ...] | None:
    found = names_in_schema(parquet_schema(file), column) if is_parquet(file.path) else None
    return found or names_beside(file.path, column)


def _names(tags: Sequence[object], columns: TokenColumns, where: str) -> list[str]:
    return [_name(tag, columns, where) for tag in tags]


def _name(value: object, columns: TokenColumns, where: str) -> str:
    """The name of a tag."""
    if isinstance(value, str):
        return value
    labels = columns.labels
    if type(value) is not int or labels is None or not 0 <= value < len(labels):
        expected = "names" if labels is None else f"names, or numbers from 0 to {len(labels) - 1}"
        raise InputError(f"not a tag in {columns.tags!r}", where=where, got=repr(value)[:40], expected=expected)
    return labels[value]


def read_token_lists(file: SourceFile, columns: TokenColumns, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The texts of a file, streaming but for a JSON list.

    Args:
        file: The file.
        columns: What is where; see `guess_token_lists`.
        on_broken: Called with the error of each text that cannot be used, which is then left out; None: it is raised.

    Yields:
        A document a text, with words, `columns["tag"]`, and spans where the tags are of a scheme.

    Raises:
        InputError: No JSON object, words that are no texts, not a tag for each word, or a number without a name; names
            file and line.
    """
    for where, name, record in _records(file, on_broken or raise_broken):
        yield from readable(partial(_document, record, columns, name, where), on_broken)


def _document(record: Mapping[str, Any], columns: TokenColumns, name: str, where: str) -> Document:
    words, tags = record.get(columns.words), record.get(columns.tags)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise InputError(f"no list of words in {columns.words!r}", where=where, expected=_EXPECTED)
    if tags is not None and not isinstance(tags, list):
        raise InputError(f"no list of tags in {columns.tags!r}", where=where, got=type(tags).__name__)
    named = None if tags is None else _names(tags, columns, where)
    stated = record.get("id")
    identity = str(stated) if isinstance(stated, str | int) and stated != "" else name
    return document_of_tags(record, words, named, columns, name=identity, where=where)


def records_of(documents: Iterable[Document], settings: WriteSettings) -> Iterator[tuple[dict[str, Any], str, str]]:
    """The object of each document with names as tags, and its fields of words and of tags.

    Raises:
        InputError: Spans that overlap, or begin or end inside a word; or tags that are of spans in some texts and one
            a word in others.
    """
    column, documents = _column_for(documents)
    for document in documents:
        document, words, tags = words_and_tags(document, settings.scheme)
        origin = document.origin
        if isinstance(origin, TaggedOrigin) and origin.columns.delimiter is None:
            fields = origin.columns.words, origin.columns.tags
            yield {**origin.record, fields[0]: words, fields[1]: tags}, *fields
            continue
        if tags is not None and (document.spans is None) != (column == _ONE_A_WORD):
            raise InputError("a text with spans among texts with a tag a word, or vice versa", where=document.place)
        record = {"id": document.id, "tokens": words, column: tags}
        record |= {name: value for name, value in other_fields(document).items() if name not in record}
        record |= {"text": document.text} if text_is_lost(document, words) else {}
        yield record, "tokens", column


def _column_for(documents: Iterable[Document]) -> tuple[str, Iterable[Document]]:
    """The column for the tags of documents that come from elsewhere, by the first annotated one; and all documents."""
    rest, looked_at = iter(documents), list[Document]()
    for document in rest:
        looked_at.append(document)
        if document.spans is not None or TAGS in document.columns:
            break
    is_one_a_word = bool(looked_at) and looked_at[-1].spans is None and TAGS in looked_at[-1].columns
    return _ONE_A_WORD if is_one_a_word else _OF_SPANS, chain(looked_at, rest)


def write_token_lists(documents: Iterable[Document], target: Path, settings: WriteSettings) -> None:
    """Writes JSON lines with names as tags, or Parquet with numbers and their names; whole or not at all.

    Args:
        documents: With words, or texts that are split into words; those of such a file keep their other fields.
        target: The file; `.parquet` is Parquet, which is put together in memory.
        settings: The scheme of the tags.

    Raises:
        InputError: See `records_of`.
    """
    if target.suffix.lower() == ".parquet":
        _write_parquet(list(records_of(documents, settings)), target)
        return
    records = (record for record, _, _ in records_of(documents, settings))
    write_lines(target, (json.dumps(record, ensure_ascii=False) for record in records))


def _write_parquet(records: Sequence[tuple[dict[str, Any], str, str]], target: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    if not records:
        raise InputError("no texts to write", where=str(target))
    columns = {(words, tags) for _, words, tags in records}
    if len(columns) > 1:
        got = " and ".join(" with ".join(pair) for pair in sorted(columns))
        raise InputError("texts whose words and tags are in different columns", where=str(target), got=got)
    [(_, column)] = columns
    names = _in_order({tag for record, _, _ in records for tag in record.get(column) or ()})
    number = {name: place for place, name in enumerate(names)}
    rows = [
        {**record, column: None if record.get(column) is None else [number[tag] for tag in record[column]]}
        for record, _, _ in records
    ]
    fields = dict.fromkeys(name for row in rows for name in row)  # else pyarrow takes those of the first row alone
    try:
        table = pyarrow.Table.from_pylist([{name: row.get(name) for name in fields} for row in rows])
    except pyarrow.ArrowException as error:
        got = str(error).partition("\n")[0]
        raise InputError("fields that a column of Parquet cannot hold", where=str(target), got=got) from None
    table = table.replace_schema_metadata(class_label_metadata(table.schema, column, names))
    with file_written_whole(target) as stream:
        parquet.write_table(table, stream.buffer)


def _in_order(tags: set[str]) -> tuple[str, ...]:
    """O first, then by label, B- before I-."""
    return tuple(sorted(tags, key=lambda tag: (tag != "O", tag.partition("-")[2], tag)))


def _detect(beginning: Beginning) -> bool:
    if beginning.is_parquet:
        return True
    record = beginning.record
    if record is None or not record.keys().isdisjoint(_OTHERS):
        return False
    lists = {name: value for name, value in record.items() if isinstance(value, list)}
    for name, words in lists.items():
        if (name in WORDS or not isinstance(record.get("text"), str)) and all(isinstance(one, str) for one in words):
            if name in WORDS and any(record[other] is None for other in KNOWN_TAGS & record.keys()):
                return True
            # empty lists are told by their names alone: a task of Label Studio has empty drafts and predictions
            others = lists if words else lists.keys() & KNOWN_TAGS if name in WORDS else ()
            tags = (lists[other] for other in others if other != name and len(lists[other]) == len(words))
            if any(all(isinstance(tag, str) or type(tag) is int for tag in one) for one in tags):
                return True
    return False


def _marks(beginning: Beginning) -> bool:
    """Lists in Parquet, or in a JSON list; a line of JSON with tokens is input as it is."""
    if beginning.is_parquet:
        names = parquet_schema(beginning.file).names
        return not {*WORDS}.isdisjoint(names) and not KNOWN_TAGS.isdisjoint(names)
    return beginning.is_list and _detect(beginning)


FORMAT = Format(
    name="hf-tokens",
    title="Hugging Face's lists of tokens and tags",
    family=ANNOTATED,
    holds=frozenset({"spans", "columns"}),
    detect=_detect,
    resolve=lambda file, settings: replace(settings, columns=guess_token_lists(file, settings)),
    read=lambda file, settings, on_broken: read_token_lists(file, settings.columns_as(TokenColumns), on_broken),
    describe=lambda file, settings: f"lists of tokens and tags; {settings.columns_as(TokenColumns)}",
    write=write_token_lists,
    marks=_marks,
    writes_tags=True,
)
