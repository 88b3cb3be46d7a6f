"""Exact match and F1 of answers as the official scorers of SQuAD 1.1 and 2.0 and of CMRC 2018 count them.

SQuAD (Rajpurkar et al. 2016, 2018): answers are lower-cased, without punctuation and the articles a, an, the, and with
single spaces; F1 is over words; the best over the gold answers counts. A question without answer has the gold answer
"". Where the two versions differ (gold answers of nothing but articles and punctuation) we follow 2.0.
CMRC 2018 (Cui et al. 2019): Chinese is compared by characters, other script by words; F1 by longest common substring.
We differ in that spaces never count (the official exact match keeps them), and that nothing matches nothing, as a
question without answer requires; other script is divided by a rule in place of NLTK's tokenizer.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = frozenset(string.punctuation)
_CMRC_MARKS = frozenset(
    "-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』"
)  # the official list, odd as it is: not all there are
_WORD = r"[^\W\u4e00-\u9fff]+"
_UNIT = re.compile(rf"[\u4e00-\u9fff]|{_WORD}(?:(?:\.|,(?=\d)){_WORD})*|[^\w\s]")


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
    """The best figure over the gold answers; no gold answer means that the question has none.

    English answers that are empty after normalising do not count as gold, as in SQuAD 2.0's scorer.
    """
    if language == "en":
        gold = [one for one in gold if normalise_answer(one)]
    return max(measure(answer, one, language) for one in (gold or [""]))


def _chinese_units(text: str) -> list[str]:
    """Single Han characters and punctuation marks; numbers and runs of other letters as words.

    CMRC's marks are dropped first: words that they join become one.
    """
    return _UNIT.findall("".join(character for character in text.lower() if character not in _CMRC_MARKS))


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
        scored: For each question its no-answer score (higher: rather no answer; infinite where there is no span), the
            figure of its best span, and whether it has an answer. The figure of a question without answer is not read:
            answering it is wrong.

    Returns:
        A threshold t: answer nothing where the no-answer score is above t. Ties go to the lowest. Unlike the official
        search, which then says 0, it lies below every score where nothing should be answered, and it never parts
        questions with the same score.
    """
    current = float(sum(not answerable for _, _, answerable in scored.values()))  # nothing is answered
    ranked = sorted((one for one in scored.values() if one[0] < math.inf), key=lambda one: one[0])
    if not ranked:
        return Threshold(value=0.0, score=current / max(len(scored), 1))
    best, threshold = current, ranked[0][0] - 1.0
    for place, (null, figure, answerable) in enumerate(ranked):
        current += figure if answerable else -1.0
        last_of_ties = place + 1 == len(ranked) or ranked[place + 1][0] > null
        if last_of_ties and current > best:
            best, threshold = current, null
    return Threshold(value=threshold, score=best / len(scored))
