"""Which mention of a cluster says most, which are pronouns, and a text with pronouns replaced."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from spanbert.core.types import Span

_PERSONAL = "i you he she it we they me him us them"
_POSSESSIVES = "my your his its our their"
_ABSOLUTE = "mine yours hers ours theirs"
_REFLEXIVES = "myself yourself himself herself itself ourselves yourselves themselves oneself"
_POINTING = "this that these those one who whom whose which"  # and words that begin clauses: never replaced
_CHINESE = "我 你 您 他 她 它 我们 你们 他们 她们 它们 自己 其 他自己 她自己 咱们"
_CHINESE_POINTING = "大家 这 那 这个 那个"
_POSSESSIVE = frozenset(f"{_POSSESSIVES} {_ABSOLUTE}".split())
_REPLACED = frozenset(f"{_PERSONAL} her {_POSSESSIVES} {_ABSOLUTE} {_REFLEXIVES} {_CHINESE}".split())
PRONOUNS = _REPLACED | frozenset(f"{_POINTING} {_CHINESE_POINTING}".split())
_FIRST_WORD = re.compile(r"\W*(?:(?:the|a|an|this|that|these|those)\s+)?(.)", re.IGNORECASE | re.DOTALL)
_OWNS = re.compile(r"\s?['\u2019]s\b")
_OWNING = re.compile(r"\s?['\u2019]s$|(?<=s)\s?['\u2019]$")
_NEXT_WORD = re.compile(r"\s+([^\W\d_]+)")
_NO_NOUNS = (
    "and or but to for in on at by with from of as than that if when while because so who which is was are were be",
    "been has had have will would can could should may might must do did does not the a an this these those there",
    "here up down out off away back again about into over then now today yesterday tomorrow",
)
_NO_NOUN = frozenset(" ".join(_NO_NOUNS).split())


def is_pronoun(mention: str) -> bool:
    """Whether a mention is a pronoun, English or Chinese; `US` in capitals is none."""
    return _is_among(mention, PRONOUNS)


def _is_among(mention: str, pronouns: frozenset[str]) -> bool:
    return mention.lower() in pronouns and not (len(mention) > 1 and mention.isupper())


def head_mention(text: str, cluster: Sequence[Span]) -> Span:
    """The mention of a cluster that says most: a name before a description before a pronoun, then the first.

    A name is what begins with a capital letter, after an article if there is one.

    Args:
        text: The text.
        cluster: Mentions in text order, at least one.
    """

    def rank(mention: Span) -> tuple[bool, bool, int]:
        words = text[mention.start : mention.end]
        begin = _FIRST_WORD.match(words)
        return is_pronoun(words), not (begin and begin[1].isupper()), mention.start

    return min(cluster, key=rank)


def resolve(text: str, clusters: Iterable[Sequence[Span]]) -> str:
    """The text with every personal pronoun replaced by the head mention of its cluster.

    A head like `Ann's` stands for `Ann`; a possessive pronoun gets it with `'s`, or `'` after `s` (`her` where a noun
    follows). Clusters of pronouns alone stay, and so does a pronoun within the head, or one inside a pronoun
    that was replaced.

    Args:
        text: The text.
        clusters: Mentions of each thing.
    """
    replaced: list[tuple[Span, str]] = []
    for cluster in clusters:
        if not cluster:
            continue
        head = head_mention(text, cluster)
        name = _OWNING.sub("", text[head.start : head.end])
        if is_pronoun(name):
            continue
        replaced += [
            (mention, _possessive(name) if _is_possessive(text, mention) else name)
            for mention in cluster
            if _is_among(text[mention.start : mention.end], _REPLACED) and not (head.start <= mention.start < head.end)
        ]
    made, last = [], 0
    for mention, name in sorted(replaced, key=lambda one: one[0].start):
        if mention.start >= last:
            made += [text[last : mention.start], name]
            last = mention.end
    return "".join([*made, text[last:]])


def _is_possessive(text: str, mention: Span) -> bool:
    word = text[mention.start : mention.end].lower()
    if word != "her":
        return word in _POSSESSIVE
    following = _NEXT_WORD.match(text, mention.end)
    return following is not None and following[1].lower() not in _NO_NOUN | PRONOUNS


def _possessive(name: str) -> str:
    plural = name.endswith("s") and name.split()[-1].islower()  # the boys', but James's
    return f"{name}'" if plural else f"{name}'s"


def possessive_end(text: str, place: int) -> int | None:
    """Where the `'s` ends that follows a name, with or without a blank before it; None where none does."""
    match = _OWNS.match(text, place)
    return None if match is None else match.end()
