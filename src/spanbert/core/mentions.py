"""Which mention of a cluster says most, and a text with pronouns replaced by it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from spanbert.core.capitals import (
    DETERMINERS,
    PERSONAL_PRONOUNS,
    PLURAL_PRONOUNS,
    PLURALS,
    PREPOSITIONS,
    begins_sentence,
    is_common,
    looks_plural,
    with_capital,
)
from spanbert.core.pronouns import is_possessive, is_pronoun, is_replaceable, word_set
from spanbert.core.types import Span

_FIRST_WORD = re.compile(r"\W*(?:(?:the|a|an|this|that|these|those)\s+)?(.)", re.IGNORECASE | re.DOTALL)
_OWNS = re.compile(r"\s?['\u2019]s\b")
_OWNING = re.compile(r"\s?['\u2019]s$|(?<=s)\s?['\u2019]$")
_SHORTENED = re.compile(r"\s?['\u2019](s|re|ve|ll|d|m)\b", re.IGNORECASE)
_INDEFINITE = re.compile(r"(a|an)\s+", re.IGNORECASE)

# Where the name of a mention, with one blank between words, ends and what is said about it begins.
_CLAUSE = re.compile(
    r" (?:who|whom|whose|which|that|where|he|she|it|they|we|I|you) "  # the man who, the woman she met
    r"|(?<=[a-z]) \w+ing (?:in|on|at|by|with|from|to|of|for|a|an|the|his|her|its|their|under|over|near|behind) "
    r"| ?[(\[;:\u2013\u2014]| -+ "
)
_APPOSITION = re.compile(r" ?,(?! ?(?:Jr|Sr|Inc|Ltd|PhD|MD|Esq)\b)")
_LIST = re.compile(r", ?([^,]*?)( ?, ?| )(?:and|or|&) (\S*)")  # its second thing, and how its last one begins
_ONE = PERSONAL_PRONOUNS | word_set("it its")
_CLAUSE_WORDS = word_set("who whom which whose that where")
_BEFORE_A_NOUN = DETERMINERS | PREPOSITIONS | word_set("and or but nor as than like")
_PAST = word_set(
    "was were is has had built bought made wrote saw found gave sold left lost knew met told said took brought drew",
    "grew kept held sent won drove chose ate read sang taught did went came wore threw stole spoke led hid broke",
    "began felt",
)
_PLURAL_VERB = re.compile(r"\s+(?:are|were|have|do|don't|aren't|weren't|haven't)\b|\s?['\u2019](?:re|ve)\b")
_PARTICIPLE = re.compile(  # `she's worked`, but `she's tired`
    r"\s+(?:(?:never|always|just|already|ever|only|also)\s+)?(?:been|got|gotten|had|made|seen|taken|given|come|gone|become"
    r"|left|lost|found|told|said|known|written|begun|fallen|grown|worked|lived|tried|asked|decided|started|moved|wanted"
    r"|needed|learned|helped|promised|happened|agreed|arrived|stayed|waited|joined|received|published|turned|changed)\b"
)
_LONG_FORMS = {"re": "are", "ve": "have", "ll": "will", "m": "am"}


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


def without_determiner(text: str, start: int, end: int) -> tuple[int, int]:
    """Where a mention is without the article or the like before it: `the Eiffel Tower` is `Eiffel Tower`."""
    begin = _FIRST_WORD.match(text, start, end)
    return (start, end) if begin is None else (begin.start(1), end)


def resolve(text: str, clusters: Iterable[Sequence[Span]]) -> str:
    """The text with pronouns of the third person replaced by the name of their cluster's head mention.

    The name is the head without the clauses and appositions after it and without line breaks, with `the` in place of
    `a`, and with a capital where a sentence begins. A possessive pronoun gets it with `'s`, or `'` after a plural
    (`her` where its neighbours say so); `she's` becomes `Ann is` or `Ann has`.

    What stays: clusters of pronouns alone; `I` and `you`; `herself`; a pronoun within the head, or inside of one that
    was replaced; `she'd`; `they` before a plural verb, where the name is one person's.

    Args:
        text: The text.
        clusters: Mentions of each thing.
    """
    replaced: list[tuple[int, int, str]] = []
    for cluster in clusters:
        if not cluster:
            continue
        head = head_mention(text, cluster)
        pronouns = {
            one.lower() for one in (text[mention.start : mention.end] for mention in cluster) if is_pronoun(one)
        }
        name = _name_of(text, head, pronouns)
        if not name or is_pronoun(name):
            continue
        for mention in cluster:
            if is_replaceable(text[mention.start : mention.end]) and not head.start <= mention.start < head.end:
                found = _in_place(text, mention, name)
                if found is not None:
                    replaced.append(found)
    made, last = [], 0
    for start, end, words in sorted(replaced):
        if start >= last:
            made += [text[last:start], words]
            last = end
    return "".join([*made, text[last:]])


def _in_place(text: str, mention: Span, name: str) -> tuple[int, int, str] | None:
    """What stands in a pronoun's place, from where to where; None: the pronoun stays."""
    end = mention.end
    pronoun = text[mention.start : end]
    words = _possessive(name) if is_possessive(text, mention) else name
    if pronoun.lower() == "they" and not _is_plural(name) and _PLURAL_VERB.match(text, end):
        return None
    short = _SHORTENED.match(text, end)
    if short is not None and words == name:
        verb = _long_form(text, short)
        if verb is None:
            return None
        words, end = f"{name} {verb}", short.end()
    if begins_sentence(text, mention.start) and pronoun[:1].isupper():
        words = with_capital(words)
    return mention.start, end, words


def _long_form(text: str, short: re.Match[str]) -> str | None:
    """The verb of `'s` or `'ll` after a pronoun; None for `'d`, which is one of two."""
    letters = short[1].lower()
    if letters == "s":
        return "has" if _PARTICIPLE.match(text, short.end()) else "is"
    return _LONG_FORMS.get(letters)


def _name_of(text: str, head: Span, pronouns: Collection[str]) -> str:
    """What a head mention is called: within a sentence, without `'s`; `pronouns` stand for it."""
    words = " ".join(text[head.start : head.end].split())
    clause = _CLAUSE.search(words)
    name = _before_clause(words if clause is None else words[: clause.start()])
    if not _is_list(name, pronouns):
        name = _APPOSITION.split(name, maxsplit=1)[0]
    name = _without_rest(name)
    name = _OWNING.sub("", name)
    name = _INDEFINITE.sub("the ", name, count=1) if _INDEFINITE.match(name) else name
    if begins_sentence(text, head.start) and is_common(text, name, pronouns):
        name = name[:1].lower() + name[1:]
    return name


def _before_clause(name: str) -> str:
    """A name without a clause after it that no word introduces: `the house my father built`, `the book Ann wrote`."""
    words = name.split(" ")
    for place in range(1, len(words) - 1):
        before, word, verb = words[place - 1], words[place], words[place + 1]
        if word in DETERMINERS:
            verb = words[place + 2] if place + 2 < len(words) else ""
        elif not (word[:1].isupper() and before[:1].islower()):
            continue
        if before.isalpha() and before.lower() not in _BEFORE_A_NOUN and _is_past(verb):
            return " ".join(words[:place])
    return name


def _is_past(word: str) -> bool:
    return word in _PAST or (len(word) > 4 and word.isalpha() and word.endswith("ed"))


def _is_list(name: str, pronouns: Collection[str]) -> bool:
    """Whether a name with commas is several things, and not one with what it is: `Ann Lee, mayor and author`."""
    found = _LIST.search(name)
    if found is None or not _ONE.isdisjoint(pronouns):
        return False
    second, *more = found[1].split(" ")
    if second in _CLAUSE_WORDS:
        return False
    is_plural = not PLURAL_PRONOUNS.isdisjoint(pronouns)
    if second in DETERMINERS:
        return is_plural and (found[3] in DETERMINERS or found[2] != " ")
    first = name[: found.start()].split(" ")
    is_full_name = len(first) > 1 and all(one[:1].isupper() and one.lower() not in DETERMINERS for one in first)
    if is_full_name and not PREPOSITIONS.isdisjoint(more):
        return False
    items = [second[:1].isupper(), second in PLURALS, looks_plural([second, *more][-1])]
    return any(items) or (is_plural and not is_full_name)


def _without_rest(name: str) -> str:
    """A name without the prepositions and commas that led to what was cut off."""
    first, *more = name.rstrip(", ").split(" ")
    while more and more[-1] in PREPOSITIONS:
        more.pop()
    return " ".join([first, *more])


def _is_plural(name: str) -> bool:
    last = name.split()[-1].lower()
    return " and " in name or last in PLURALS or (looks_plural(last) and not _is_one_name(name))


def _is_one_name(name: str) -> bool:
    """`James`, `Mr. Jones`; but `the Smiths`, `the boys`."""
    return name.split()[-1][:1].isupper() and name.split()[0].lower() not in DETERMINERS


def _possessive(name: str) -> str:
    return f"{name}'" if looks_plural(name) and not _is_one_name(name) else f"{name}'s"


def possessive_end(text: str, place: int) -> int | None:
    """Where the `'s` ends that follows a name, with or without a blank before it; None where none does."""
    match = _OWNS.match(text, place)
    return None if match is None else match.end()
