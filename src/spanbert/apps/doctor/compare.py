"""Training data against dev data: labels that only one of them has, texts that both have."""

from __future__ import annotations

from typing import Any

from spanbert.core.findings import SHOWN, Rule, excerpt
from spanbert.tasks.survey import Survey

_FEWEST = 5
_FEW = Rule(
    severity="warning",
    name="rare_labels",
    what=f"labels with fewer than {_FEWEST} examples",
    remedy="Label more, or merge them with others",
)
_SPELLINGS = Rule(
    severity="warning",
    name="spellings",
    what="labels that differ from another in case or blanks alone",
    remedy="They are learned as different labels; spell them the same way",
)
_ONLY_DEV = Rule(
    severity="error",
    name="only_in_dev",
    what="labels that occur in the dev data, but never in the training data",
    remedy="They cannot be learned; split the data again, or leave them out",
)
_MISSING_IN_DEV = Rule(
    severity="note",
    name="missing_in_dev",
    what="labels that never occur in the dev data",
    remedy="The scores will not show how well they are learned",
)


def tell_labels(train: Survey[Any], dev: Survey[Any] | None) -> None:
    """Records the findings from the counts of labels."""
    by_spelling: dict[str, list[str]] = {}
    for label, count in sorted(train.labels.items()):
        by_spelling.setdefault("".join(label.lower().split()), []).append(label)
        if count < _FEWEST:
            train.ledger.add(_FEW, f"{label!r}, {count} times")
    for alike in by_spelling.values():
        if len(alike) > 1:
            train.ledger.add(_SPELLINGS, ", ".join(f"{one!r} {train.labels[one]:,} times" for one in alike))
    if dev is None:
        return
    for label in sorted(dev.labels.keys() - train.labels.keys()):
        dev.ledger.add(_ONLY_DEV, f"{label!r}, {dev.labels[label]:,} times")
    for label in sorted(train.labels.keys() - dev.labels.keys()):
        dev.ledger.add(_MISSING_IN_DEV, f"{label!r}, {train.labels[label]:,} times in {train.name}")


def tell_leakage(train: Survey[Any], dev: Survey[Any]) -> None:
    """Records which texts of the dev data are also in the training data."""
    seen_N = dev.whole_texts.seen_in(train.whole_texts)
    count = int(seen_N.sum())
    if not count:
        return
    rule = Rule(
        severity="warning",
        name="leakage",
        what=f"dev texts that are also in {train.name}: {count / len(seen_N):.1%} of {len(seen_N):,}",
        remedy="Scores on them say nothing about new texts; leave them out of one of the two",
    )
    wanted = {int(place) for place in seen_N.nonzero()[0][:SHOWN]}
    for item in dev.found_again(wanted, dev.texts_of).values():
        dev.ledger.add(rule, f"{item.where} {excerpt(item.text)}")
    dev.ledger.add(rule, times=count - len(wanted))
