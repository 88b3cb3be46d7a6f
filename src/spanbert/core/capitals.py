"""Whether words that begin a sentence have their capital from there alone: `Children`, but `London` and `The Hague`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from spanbert.core.pronouns import word_set

DETERMINERS = word_set(
    "the a an this that these those my your his her its our their some any many most several few all both each every",
    "no another other one two three four five six seven eight nine ten",
)
PREPOSITIONS = word_set("in on at by with from to of for about under over")
PLURALS = word_set("people children men women police parents staff crowd")
PLURAL_PRONOUNS = word_set("they them their theirs")
PERSONAL_PRONOUNS = word_set("he him his she her hers")
_SINGULAR_ENDS = ("ss", "us", "is")
_WORD_LETTER = re.compile(r"\w")
_SENTENCE_END = re.compile(r"[.!?:\u2026]['\"\u201d\u2019)\]]*$|['\"\u201c\u2018(\[]$")
_REACH = 40  # characters before a place in which a sentence's end is looked for
_ALWAYS_THE = word_set("Hague Gambia")
# Words that may follow a name within its mention: `Ann and her sister`, `Ann herself`.
_AFTER_NAMES = PREPOSITIONS | word_set("and or et himself herself itself themselves alone today too then")
_PEOPLES = word_set(
    "english british scottish welsh irish french dutch german danish swedish finnish norwegian polish spanish turkish",
    "jewish greek czech slovak swiss thai iraqi israeli saudi muslim hindu catholic protestant christian american",
    "germans americans mexicans africans romans texans puritans anglicans lutherans koreans europeans moroccans",
    "sudanese britons scots danes swedes finns poles spaniards turks greeks czechs slovaks serbs croats slavs arabs",
    "jews thais iraqis israelis pakistanis afghans kurds tibetans muslims hindus sikhs catholics protestants",
    "christians buddhist buddhists methodists baptists mormons quakers democrats republicans tories liberals",
    "conservatives nazis mexican african roman texan korean european moroccan cuban cubans republican democrat",
    "democratic victorian latin mondays tuesdays wednesdays thursdays fridays saturdays sundays christmas easter",
    "monday tuesday wednesday thursday friday saturday sunday january february march april june july august september",
    "october november december",
)
_PEOPLE_ENDS = ("ian", "ians", "ese", "american", "americans")
_CALLINGS = word_set(  # that end so all the same
    "librarian librarians guardian guardians civilian civilians comedian comedians vegetarian vegetarians historian",
    "historians pedestrian pedestrians custodian custodians amphibian amphibians veterinarian veterinarians",
    "humanitarian humanitarians lesbian lesbians cheese obese",
)
_CALLING_ENDS = ("ician", "icians")
_MASSES = word_set(
    "water air fire earth ice snow rain wind light sunlight darkness heat food bread rice meat fish fruit cheese",
    "butter milk coffee tea wine beer sugar salt oil petrol gas coal wood wool cotton silk paper glass steel iron",
    "gold silver copper plastic concrete money cash time work life death love hate hope fear anger joy music art",
    "literature poetry history science physics chemistry biology mathematics law justice peace war freedom nature",
    "beauty truth knowledge wisdom advice news information research software hardware furniture luggage traffic",
    "energy power electricity language speech silence sleep pain health medicine sport football tennis chess beauty",
    "blood sand dust smoke steam",
)
_MASS_ENDS = ("ness", "ment", "tion", "sion", "ity", "ology")
_NAMED_SO = word_set("scientology trinity felicity chastity charity unity vanity")


def is_common(text: str, name: str, pronouns: Collection[str]) -> bool:
    """Whether the first word of a name that begins a sentence has its capital from there alone.

    It has where it is a determiner, where it stands in lower case elsewhere, and where it is a plural, a substance or
    an idea, or is followed by words in lower case alone, and stands nowhere else with a capital; but peoples and
    weekdays have theirs everywhere.

    Args:
        text: The text.
        name: The name, which stands at the beginning of a sentence.
        pronouns: Those that stand for it, in lower case.
    """
    first, *others = name.split() or [""]
    if first.lower() in DETERMINERS:
        return not (others and others[0][:1].isupper() and _is_written_so(text, first, others[0]))
    if not first[1:].islower() or not first.isalpha() or _is_of_people(first.lower()):
        return False
    if not others and PERSONAL_PRONOUNS.intersection(pronouns):
        return False  # `Will`, `Mom`
    if any(True for _ in _places(text, first.lower())):
        return True
    if not _is_common_noun(first.lower(), others, pronouns):
        return False
    return all(begins_sentence(text, place) for place in _places(text, first))


def _is_written_so(text: str, article: str, word: str) -> bool:
    """Whether an article before a name has its capital within sentences too: `The Hague`."""
    within = (place for place in _places(text, f"{article} {word}") if not begins_sentence(text, place))
    return (article == "The" and word in _ALWAYS_THE) or next(within, None) is not None


def _is_of_people(word: str) -> bool:
    if word in _PEOPLES:
        return True
    return word.endswith(_PEOPLE_ENDS) and word not in _CALLINGS and not word.endswith(_CALLING_ENDS)


def _is_common_noun(first: str, others: list[str], pronouns: Collection[str]) -> bool:
    """Whether a word of which nothing else is known begins the name of a kind of things."""
    if others and others[0] not in _AFTER_NAMES:
        return all(one.isalpha() and one.islower() for one in others)
    if others[:1] and others[0] not in PREPOSITIONS:
        return False
    if PLURAL_PRONOUNS.intersection(pronouns):
        return first in PLURALS or looks_plural(first)
    return first in _MASSES or (first.endswith(_MASS_ENDS) and first not in _NAMED_SO)


def looks_plural(word: str) -> bool:
    """Whether a word ends as a plural does."""
    return word.endswith("s") and not word.endswith(_SINGULAR_ENDS)


def begins_sentence(text: str, place: int) -> bool:
    """Whether what stands here begins a sentence, or what is quoted."""
    before = text[max(0, place - _REACH) : place]
    words = before.rstrip()
    return not words or "\n" in before[len(words) :] or _SENTENCE_END.search(words) is not None


def with_capital(words: str) -> str:
    """Words with a capital at the beginning, unless their first word has one within: `iPhone`."""
    first = words.split(" ", 1)[0]
    return words if any(one.isupper() for one in first) else words[:1].upper() + words[1:]


def _places(text: str, words: str) -> Iterator[int]:
    """Where words stand in a text by themselves; in time that is linear in the text."""
    place = text.find(words)
    while place >= 0:
        end = place + len(words)
        if not (_WORD_LETTER.match(text, place - 1) if place else None) and not _WORD_LETTER.match(text, end):
            yield place
        place = text.find(words, end)
