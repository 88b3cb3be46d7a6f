"""Which mentions are pronouns, English and Chinese, and what their neighbours say of them."""

from __future__ import annotations

import re

from spanbert.core.types import Span


def word_set(*lines: str) -> frozenset[str]:
    """The words of some lines."""
    return frozenset(" ".join(lines).split())


_FIRST_AND_SECOND = word_set("i you we me us my your our mine yours ours")
_OBJECTS = word_set("he she it they him them")
_OWNERS = word_set("his its their hers theirs")
_REFLEXIVES = word_set("myself yourself himself herself itself ourselves yourselves themselves oneself")
_POINTING = word_set("this that these those one who whom whose which")  # and words that begin clauses
_CHINESE_OTHERS = word_set("他 她 它 他们 她们 它们 其")
_CHINESE = _CHINESE_OTHERS | word_set("我 你 您 我们 你们 自己 他自己 她自己 咱们 大家 这 那 这个 那个")
_THIRD = _OBJECTS | _OWNERS | {"her"} | _CHINESE_OTHERS
PRONOUNS = _FIRST_AND_SECOND | _THIRD | _REFLEXIVES | _POINTING | _CHINESE

# What follows `her` where it is an object: no word of these begins a noun phrase that somebody owns.
_NO_NOUN = word_set(
    "and or but nor to for in on at by with from of off as than that if when while because so since until unless",
    "though although who which what where why how whether is was are were be been being has had have having will",
    "would can could should may might must shall do did does not n't the a an this these those some any there",
    "here every another up down out away back again about into onto over under then now today tomorrow yesterday",
    "tonight before after behind beside between through toward towards along across around against without within",
    "upon during near inside outside too also either alone anyway instead once twice soon everywhere somewhere",
    "anywhere sometimes always never ever just even still already yet very quite rather enough please whatever",
    "however together apart aside like prior right several no everything nothing something anything everyone",
)
_PEOPLE = word_set(
    "mother father sister brother daughter son husband wife parents parent children child baby family friend",
    "friends mom mum dad mama papa aunt uncle cousin niece nephew grandmother grandfather grandma grandpa boss",
    "teacher sister-in-law boyfriend girlfriend partner colleague colleagues neighbour neighbor maid servant",
    "lover master mistress dog cat",
)
# What is owned and given or made all the same: `gave her hand`, `made her way`.
_OWNED = _PEOPLE | word_set(
    "own name life hand hands heart mind head eyes face arm arms body word consent approval opinion best all",
    "address age number money love permission regards reasons support blessing attention way bed debut home",
    "living point case escape decision choice appearance entrance career fortune peace mark wishes views feelings",
    "position presence work speech first last second third testimony account evidence side reputation opinions",
    "plans excuses exit",
)
_GIVING = word_set("give gives gave given giving")
_MAKING = word_set("make makes made making")
_LETTING = word_set("let lets letting")
_HELPING = word_set("help helps helped helping")
# Verbs with two objects: what follows `her` is the other one where it needs no article: `sent her flowers`.
_TELLING = word_set("ask asks asked asking tell tells told telling")
_SENDING = _TELLING | word_set(
    "send sends sent sending offer offers offered offering show shows showed shown showing write writes wrote written",
    "writing teach teaches taught teaching lend lends lent lending buy buys bought buying bring brings brought",
    "bringing promise promises promised promising owe owes owed owing hand hands handed handing feed feeds fed",
    "feeding",
)
_PAYING = word_set("pay pays paid paying")
_CALLING = word_set("call calls called calling name names named naming nickname nicknames nicknamed")
_JUDGING = _CALLING | word_set(
    "consider considers considered considering find finds found finding think thinks thought thinking believe believes",
    "believed believing deem deems deemed keep keeps kept keeping leave leaves left leaving drive drives drove driven",
    "driving get gets got getting make makes made making render renders rendered declare declares declared pronounce",
    "pronounces pronounced judge judges judged",
)
_ADJECTIVES = word_set(
    "clever smart intelligent wise stupid foolish silly dumb crazy mad insane beautiful pretty ugly attractive",
    "charming kind cruel rude polite selfish lazy boring interesting funny weird strange odd brave strong weak guilty",
    "innocent honest responsible dead alive asleep awake naked sick ill unwell well tired happy unhappy sad angry",
    "upset nervous afraid scared sleepy hungry thirsty drunk pregnant unconscious pale free safe busy ready sure",
    "aware able unable worthy uneasy furious difficult impossible unfit rich brilliant talented more less better",
    "worse",
)
_ADJECTIVE_ENDS = ("ful", "less", "ous", "able", "ible")
_MASSES = word_set(
    "money help advice information proof news comfort hope kindness mercy respect water food tea coffee wine milk",
    "bread cake soup medicine chocolate candy lunch dinner breakfast english french german spanish chinese latin math",
    "maths music chess",
)
_ACQUAINTANCES = word_set(
    "students pupils classmates roommates teachers doctors lawyers fans followers readers listeners viewers guests",
    "sons daughters brothers sisters aunts uncles cousins nieces nephews grandparents grandchildren husbands lovers",
    "neighbours neighbors bosses employees workers staff subjects soldiers troops servants maids parents clients",
    "patients supporters voters enemies companions partners kids boys girls babies dogs cats",
)
_KEPT = word_set(  # of plurals that follow such verbs: what somebody has or made, and is not sent to her
    "teeth feet legs eyes fingers lips breasts tears wounds bruises scars clothes belongings possessions things",
    "savings services thanks condolences congratulations apologies compliments thoughts prayers memoirs novels books",
    "poems songs plays essays works skills talents colors colours emotions intentions credentials respects beads",
)
_SAID = word_set("questions stories lies jokes secrets tales truths things")
_PAID = word_set("compliments damages visits dollars pounds euros millions thousands hundreds extra")
_SEEING = word_set("have has had having see sees saw seen watch watched hear heard feel felt")
_NOTICING = word_set(
    "see sees saw seen seeing hear hears heard hearing watch watches watched watching find finds found catch",
    "caught keep keeps kept leave leaves left start starts started get gets got notice noticed feel felt set send",
    "sent imagine spot spotted remember remembers picture photograph stop stopped have had",
)
_LEADING = word_set(
    "take takes took taken taking send sends sent bring brings brought drive drove driven walk walked get got",
)
_BARE_VERBS = word_set(
    "go come get sleep see know feel say speak stand sit leave stay live die find make take understand become be",
    "do think show learn eat cry laugh sing dance run walk fall write read work move grow wait try open close",
    "enter choose decide realize remember forget carry lift pick put keep pay play cope recover escape survive",
    "prepare achieve finish begin",
)
_LY_NAMES = word_set(
    "only early elderly family daily lovely friendly ugly lonely deadly belly reply ally assembly curly weekly",
    "monthly yearly jelly bully silly holy hourly worldly lively likely sickly homely costly orderly heavenly",
    "melancholy",
)
_ING_NAMES = word_set("calling feelings meaning wedding clothing training being upbringing painting earring ceiling")
_NUMBERED = word_set("first last next second third later")
_WORD = re.compile(r"\s+([^\W_]+(?:['\u2019-][^\W_]+)*)")
_QUOTED_NOUN = re.compile(r"\s+[\"'\u201c\u2018]\s?\w")
_DIGIT = re.compile(r"\s+\d")
_REACH = 60  # characters before a pronoun in which its two words are


def is_pronoun(mention: str) -> bool:
    """Whether a mention is a pronoun, English or Chinese; `US` in capitals is none."""
    return _is_among(mention, PRONOUNS)


def is_replaceable(mention: str) -> bool:
    """Whether a name can stand in a pronoun's place: he, her, their, but not I, you, herself or who.

    First and second persons belong to who speaks, with their verbs; `Ann hurt Ann` is not what `herself` says.
    """
    return _is_among(mention, _THIRD)


def _is_among(mention: str, pronouns: frozenset[str]) -> bool:
    return mention.lower() in pronouns and not (len(mention) > 1 and mention.isupper())


def is_possessive(text: str, mention: Span) -> bool:
    """Whether a pronoun of a text owns something; of `her`, its neighbours say it.

    Measured on the parts of speech of OntoGUM: see docs/LOG.md.
    """
    word = text[mention.start : mention.end].lower()
    if word != "her":
        return word in _OWNERS
    following = _WORD.match(text, mention.end)
    if following is None:
        return bool(_DIGIT.match(text, mention.end) or _QUOTED_NOUN.match(text, mention.end))
    return not _is_object(_two_before(text, mention.start), following[1].lower(), text, following.end())


def _two_before(text: str, place: int) -> tuple[str, str]:
    """The two words before a place, in lower case; empty where there is a mark or nothing."""
    stretch = text[max(0, place - _REACH) : place]
    words = stretch.split()
    if not words or not stretch[-1].isspace():
        return "", ""
    last = _letters_at_end(words[-1])
    earlier = _letters_at_end(words[-2]) if len(words) > 1 and last == words[-1] else ""
    return (earlier.lower(), last.lower()) if last else ("", "")


def _letters_at_end(word: str) -> str:
    begin = len(word)
    while begin and word[begin - 1].isalpha():
        begin -= 1
    return word[begin:]


def _is_object(before: tuple[str, str], word: str, text: str, end: int) -> bool:
    """Whether `her` is an object, by the words before it, the word after it, and what comes after that."""
    earlier, verb = before
    after = _WORD.match(text, end)
    beyond = "" if after is None else after[1].lower()
    if word in _NO_NOUN or word in PRONOUNS:
        return True
    if earlier == "him" and verb in ("or", "and"):
        return True
    if verb in _LETTING:
        return True
    is_last = not beyond or beyond in _NO_NOUN or beyond in PRONOUNS
    is_substance = word in _MASSES and is_last and beyond not in ("to", "away", "back")
    if verb in (_GIVING | _HELPING):
        return word not in _OWNED or (verb in _GIVING and is_substance)
    if is_last and verb in _JUDGING and word not in _OWNED and _is_said_of(verb, word, text[end - len(word) : end]):
        return True
    if is_last and word in _ADJECTIVES and verb not in _NO_NOUN and beyond not in ("and", "or", "but"):
        return True
    if verb in _MAKING:
        return word not in _OWNED and beyond not in _OWNED
    if word in _NUMBERED:
        return not beyond or beyond in ("in", "on", "at", "that", "when")
    if word == "home":
        return verb in _LEADING
    if verb in (_SENDING | _PAYING):
        return is_substance or _is_other_object(verb, word, beyond, is_last=is_last)
    if word in _BARE_VERBS and verb in _SEEING:
        return beyond not in ("was", "is", "of")
    if verb in _NOTICING and word.endswith(("ing", "ed")) and word not in _ING_NAMES:
        return word.endswith("ing") or not beyond or beyond in _NO_NOUN
    return word.endswith("ly") and word not in _LY_NAMES and is_last


def _is_said_of(verb: str, word: str, written: str) -> bool:
    """Whether a word after `her` says how or what she is found or called: `found her clever`, `called her names`."""
    if verb in _CALLING and (word == "names" or written[:1].isupper()):
        return True
    return word in _ADJECTIVES or word.endswith(_ADJECTIVE_ENDS)


def _is_other_object(verb: str, word: str, beyond: str, *, is_last: bool) -> bool:
    """Whether what follows `her` is a second object: `asked her questions`, but `asked her friends`."""
    if verb in _PAYING:
        return word in _PAID
    if verb in _TELLING and beyond in _SAID:
        return True
    is_plural = word.endswith("s") and not word.endswith(("ss", "us", "is"))
    kept = _OWNED | _ACQUAINTANCES | (_KEPT - _SAID if verb in _TELLING else _KEPT)
    return is_plural and word not in kept and (is_last or beyond.endswith(("ing", "ly")))
