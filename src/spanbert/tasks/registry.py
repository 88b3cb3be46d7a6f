"""All kinds of tasks. To add one, write its folder and add its spec here; nothing else names a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spanbert.core.errors import InputError, nearest
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
        raise InputError(f"unknown task {kind!r}; {nearest(kind, kinds())}")
    meant = [spec for spec in found if facts is not None and spec.is_meant_by(facts)]
    return next(iter(meant), None) or next(spec for spec in found if spec.variant is None)


def spec_of_slug(slug: str) -> TaskSpec:
    """The spec whose heads Hugging Face has names for under a slug."""
    return next(spec for spec in specs() if spec.slug == slug)


def spec_of_result(result: object) -> TaskSpec:
    """The spec of the first kind that predicts results of this type."""
    name = f"{type(result).__module__}:{type(result).__qualname__}"
    return next(spec for spec in specs() if spec.result == name)
