"""All kinds of tasks. To add one, write its folder and add its spec here; nothing else names a kind."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from spanbert.core.errors import InputError, nearest
from spanbert.core.texts import require_text
from spanbert.tasks.classify.spec import CLASSIFY
from spanbert.tasks.coref.spec import COREF
from spanbert.tasks.qa.spec import QA
from spanbert.tasks.relation.spec import RELATION
from spanbert.tasks.spec import TaskSpec
from spanbert.tasks.tag.spec import NESTED, TAG
from spanbert.tasks.translate.spec import TRANSLATE

if TYPE_CHECKING:
    from spanbert.core.types import Facts

REGISTRY: tuple[TaskSpec, ...] = (CLASSIFY, TAG, NESTED, QA, COREF, RELATION, TRANSLATE)


def specs() -> tuple[TaskSpec, ...]:
    """The specs of all kinds and variants."""
    return REGISTRY


def kinds() -> list[str]:
    """The names of all kinds, in the registry's order."""
    return list(dict.fromkeys(spec.kind for spec in specs()))


class KindMeant(NamedTuple):
    """A kind of task that somebody named, by its own name or by another.

    Attributes:
        kind: Its name.
        settings: Settings of the kind that the other name asks for.
    """

    kind: str
    settings: Facts


def kind_meant(name: str, *, others: Sequence[str] = (), where: str | None = None) -> KindMeant:
    """The kind of task that is called so, here or elsewhere (`ner`, `sentiment`, `squad`).

    Args:
        name: What somebody typed.
        others: What could have stood there too, for the message.
        where: Where it stood, for the message.

    Raises:
        InputError: There is none.
    """
    require_text(name, where or "kind")
    plain = name.lower().replace("_", "-")
    if plain in kinds():
        return KindMeant(plain, {})
    aliases = {alias: KindMeant(spec.kind, settings) for spec in specs() for alias, settings in spec.aliases.items()}
    if plain in aliases:
        return aliases[plain]
    choices = [*kinds(), *others]
    close = difflib.get_close_matches(plain, [*choices, *aliases], n=1, cutoff=0.6)
    meant = aliases[close[0]].kind if close and close[0] in aliases else None
    hint = f"did you mean {close[0]!r} (the kind {meant})?" if meant else nearest(plain, choices)
    raise InputError(f"no kind of task {name!r}; {hint}", where=where)


def spec_of(kind: str, facts: Facts | None = None) -> TaskSpec:
    """The spec of a kind, or of the variant that some facts ask for.

    Args:
        kind: The kind.
        facts: Settings of the kind, or an entry of a manifest; None: the plain kind.

    Raises:
        InputError: No such kind.
    """
    found = [spec for spec in specs() if spec.kind == kind]
    if not found:
        raise InputError(f"no kind of task {kind!r}; {nearest(kind, kinds())}")
    meant = [spec for spec in found if facts is not None and spec.is_meant_by(facts)]
    return next(iter(meant), None) or next(spec for spec in found if spec.variant is None)


def spec_of_slug(slug: str) -> TaskSpec:
    """The spec whose heads Hugging Face has names for under a slug."""
    return next(spec for spec in specs() if spec.slug == slug)


def spec_of_result(result: object) -> TaskSpec:
    """The spec of the first kind that predicts results of this type."""
    name = f"{type(result).__module__}:{type(result).__qualname__}"
    return next(spec for spec in specs() if spec.result == name)
