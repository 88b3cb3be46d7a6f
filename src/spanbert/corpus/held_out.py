"""A share of labelled data held out: the same whatever its order, whole documents, no text on both sides.

    documents --units--> equal texts are one unit; where the file marks texts of several documents, each of these is one
    units --by label, by hash--> the held-out ones: of each label about the share, the units with the lowest hashes

Shapes: N documents in the order of the data, U units.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from spanbert.core.errors import InputError
from spanbert.core.seeding import keyed_seed
from spanbert.core.types import BoolArray, Document
from spanbert.corpus.data import Source, documents_of, name_of
from spanbert.corpus.formats.data_file import DataFile, Part

_SHARE = re.compile(r"\d+(\.\d+)?%|0?\.\d+")
_Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Dev data that is a share of the training data.

    Attributes:
        share: Between 0 and 1.
    """

    share: float

    @classmethod
    def parse(cls, given: object, *, where: str) -> HeldOut | None:
        """Reads `10%`, `0.1` or 0.1; None where it is something else, such as the path of a file.

        Raises:
            InputError: A share that leaves nothing on one of the sides.
        """
        is_share = isinstance(given, str | Path) and _SHARE.fullmatch(str(given)) and not Path(given).exists()
        if not is_share and (isinstance(given, bool) or not isinstance(given, int | float)):
            return None
        text = str(given)
        share = float(text.removesuffix("%")) / 100 if text.endswith("%") else float(text)
        if not 0 < share < 1:
            raise InputError("not a share to hold out", where=where, got=str(given), expected="e.g. 10%")
        return cls(share=share)

    def __str__(self) -> str:
        return f"{self.share:.4g}" if self.share < 0.0001 else f"{100 * self.share:.4g}%"


@dataclass(frozen=True, kw_only=True)
class Split:
    """Data in two parts.

    Attributes:
        train: What stays.
        dev: What is held out.
        line: What was done, for people.
    """

    train: Source
    dev: Source
    line: str


def hold_out(source: Source, wanted: HeldOut) -> Split:
    """Holds a share of some data out.

    The choice depends on the texts alone, neither on their order nor on the name of the file. Equal texts lie on one
    side. Where the file marks longer texts (`-DOCSTART-`, `# newdoc`, SQuAD's articles, parts of a document), these are
    held out whole, and what training texts repeat is left out of the dev data. Memory: 20 bytes a document.

    Args:
        source: A file, or documents.
        wanted: How much.

    Raises:
        InputError: Fewer than two different texts, or a source that cannot be read.
    """
    begins = source.format.begins if isinstance(source, DataFile) else None
    texts, numbers, labels = array("Q"), array("q"), array("q")
    by_label: dict[str, int] = {}
    number = -1
    for document in documents_of(source):
        number += begins is None or begins(document) or number < 0
        texts.append(keyed_seed("held out", document.text.strip()))
        numbers.append(number)
        labels.append(by_label.setdefault(_label(document), len(by_label)))
    texts_N: _Hashes = np.array(texts, dtype=np.uint64)
    labels_N = np.array(labels, dtype=np.int64)
    whole = begins is not None and 0 < number < len(texts) - 1
    if whole:
        unit_N = np.array(numbers, dtype=np.int64)
        hash_U = np.zeros(number + 1, dtype=np.uint64)
        np.bitwise_xor.at(hash_U, unit_N, texts_N)
        label_U = np.zeros(number + 1, dtype=np.int64)
    else:
        hash_U, first_U, unit_N = np.unique(texts_N, return_index=True, return_inverse=True)
        label_U = labels_N[first_U]
    if len(hash_U) < 2:
        raise InputError("too few texts to hold some out", where=name_of(source), got=f"{len(hash_U)} different")
    dev_N: BoolArray = _chosen(hash_U, label_U, wanted.share)[unit_N]
    repeated_N: BoolArray = dev_N & np.isin(texts_N, texts_N[~dev_N])
    train_N, dev_N = ~dev_N, dev_N & ~repeated_N
    if not dev_N.any():
        raise InputError("nothing to hold out that training texts do not repeat", where=name_of(source))
    said = f"{int(dev_N.sum()):,} of {len(texts_N):,} documents"
    how = "whole texts, as the file marks them" if whole else "by the hash of their texts"
    how += ", about as many of each label" if not whole and len(by_label) > 1 else ""
    left_out = int(repeated_N.sum())
    how += f"; {left_out:,} more left out, as training texts repeat them" if left_out else ""
    return Split(
        train=_part(source, train_N, f"without {wanted} held out"),
        dev=_part(source, dev_N, f"{wanted} held out: {said}"),
        line=f"dev: {said} of {name_of(source)} held out ({wanted}), {how}",
    )


def _chosen(hash_U: _Hashes, label_U: npt.NDArray[np.int64], share: float) -> BoolArray:
    """Which units are held out: of each label the share, rounded so that the whole comes out right, never all of it.

    Labels of one unit alone are taken together, as numbers are that are to be predicted.
    """
    counts = np.bincount(label_U)
    pooled_U = np.where(counts[label_U] < 2, -1, label_U)
    order_U = np.lexsort((hash_U, pooled_U))
    chosen_U = np.zeros(len(hash_U), dtype=bool)
    owed = 0.0
    groups = np.split(order_U, np.flatnonzero(np.diff(pooled_U[order_U])) + 1)
    for group in sorted(groups, key=lambda one: (-len(one), int(hash_U[one[0]]))):
        owed += share * len(group)
        taken = min(round(owed), len(group) - 1)
        owed -= taken
        chosen_U[group[:taken]] = True
    if not chosen_U.any():
        largest = max(groups, key=len)
        chosen_U[largest[0] if len(largest) > 1 else order_U[np.argmin(hash_U[order_U])]] = True
    return chosen_U


def _label(document: Document) -> str:
    """What of a document's gold the parts should have about equally often; empty where there is nothing of the kind."""
    found: Iterable[str | None] = document.labels or ()
    if document.relations:
        found = (one.label for one in document.relations)
    elif document.spans:
        found = (span.label for span in document.spans)
    elif document.questions:
        found = ("answerable" if any(one.answerable for one in document.questions) else "impossible",)
    return "\t".join(sorted({one or "" for one in found}))


def _part(source: Source, kept_N: BoolArray, name: str) -> Source:
    if isinstance(source, DataFile):
        return replace(source, part=Part(name=name, kept_N=kept_N))
    return tuple(document for document, kept in zip(source, kept_N.tolist(), strict=True) if kept)
