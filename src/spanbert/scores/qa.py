"""Exact match and F1 of answers as the official scorers of SQuAD 1.1 and 2.0 and of CMRC 2018 count them.

SQuAD (Rajpurkar et al. 2016, 2018): answers are lower-cased, without punctuation and the articles a, an, the, and with
single spaces; F1 is over words; the best over the gold answers counts. A question without answer has the gold answer
"".
CMRC 2018 (Cui et al. 2019): Chinese is compared by characters, other script by words; F1 by longest common substring.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = frozenset(string.punctuation)
_HAN = re.compile(r"[\u4e00-\u9fff]")


def normalise_answer(text: str) -> str:
    """Lower case, no punctuation, no articles, single spaces (SQuAD's official scorer)."""
    text = "".join(character for character in text.lower() if character not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", text).split())


def exact_match(answer: str, gold: str, language: Language = "en") -> float:
    """1.0 where two answers are equal after normalisation."""
    if language == "zh":
        return float(_chinese_units(answer) == _chinese_units(gold))
    return float(normalise_answer(answer) == normalise_answer(gold))


def answer_f1(answer: str, gold: str, language: Language = "en") -> float:
    """F1 of two answers: over words, or of the longest common run of Chinese units."""
    if language == "zh":
        a, b = _chinese_units(answer), _chinese_units(gold)
        common = _longest_common_run(a, b)
    else:
        a, b = normalise_answer(answer).split(), normalise_answer(gold).split()
        common = sum((Counter(a) & Counter(b)).values())
    if not a or not b:
        return float(a == b)
    return 2 * common / (len(a) + len(b))


def best_over_gold(
    measure: Callable[[str, str, Language], float], answer: str, gold: Sequence[str], language: Language
) -> float:
    """The best figure over the gold answers; no gold answer means that the question has none."""
    return max(measure(answer, one, language) for one in (gold or [""]))


def _chinese_units(text: str) -> list[str]:
    """Han characters one by one, runs of other letters and digits as words; punctuation is dropped."""
    units: list[str] = []
    word = ""
    for character in text.lower().strip():
        dropped = unicodedata.category(character)[0] in "PSZ" or character.isspace()
        if _HAN.match(character) or dropped:
            units += [word] if word else []
            word = ""
            units += [] if dropped else [character]
        else:
            word += character
    return units + ([word] if word else [])


def _longest_common_run(a: Sequence[str], b: Sequence[str]) -> int:
    longest, row = 0, [0] * (len(b) + 1)
    for unit in a:
        before = row
        row = [0] * (len(b) + 1)
        for place, other in enumerate(b, start=1):
            if unit == other:
                row[place] = before[place - 1] + 1
                longest = max(longest, row[place])
    return longest


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """From which null score on a question counts as unanswerable, and what that gives."""

    value: float
    score: float


def best_threshold(scored: Mapping[str, tuple[float, float, bool]]) -> Threshold:
    """The threshold of the no-answer score that gives the best mean figure (SQuAD 2.0's official search).

    Args:
        scored: For each question its no-answer score (higher: rather no answer), the figure of its best span, and
            whether it has an answer.

    Returns:
        A threshold t: answer nothing where the no-answer score is above t. Ties go to the lowest.
    """
    if not scored:
        return Threshold(value=0.0, score=0.0)
    current = float(sum(not answerable for _, _, answerable in scored.values()))  # nothing is answered
    ranked = sorted(scored.values(), key=lambda one: one[0])
    best, threshold = current, ranked[0][0] - 1.0
    for place, (null, figure, answerable) in enumerate(ranked):
        current += figure if answerable else -1.0
        last_of_ties = place + 1 == len(ranked) or ranked[place + 1][0] > null
        if last_of_ties and current > best:
            best, threshold = current, null
    return Threshold(value=threshold, score=best / len(scored))
