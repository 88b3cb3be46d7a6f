"""Scores of translations are sacreBLEU's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF, TER

from spanbert.core.errors import InputError
from spanbert.scores.bootstrap import compare
from spanbert.scores.translation import TranslationScorer, metrics, sentence_chrf

REFERENCES = ["Ein Mann mit einem orangen Hut.", "Zwei Hunde laufen über die Wiese.", "Das ist alles."] * 10
SYSTEM = ["Ein Mann mit einem Hut.", "Zwei Hunde rennen über die Wiese.", "Das ist alles."] * 10
WORSE = ["Ein Hut.", "Hunde laufen Wiese.", "Das alles."] * 10


def scored(translations: list[str], tokenizer: str = "13a", *, ter: bool = False) -> TranslationScorer:
    scorer = TranslationScorer(tokenizer, ter=ter)
    for number, (one, reference) in enumerate(zip(translations, REFERENCES, strict=True)):
        scorer.take(one, reference, (-2.0 - number % 3, 5))
    return scorer


def test_equal_to_sacrebleu():
    found = scored(SYSTEM, ter=True).scores()
    assert found["bleu"] == pytest.approx(BLEU().corpus_score(SYSTEM, [REFERENCES]).score)
    assert found["chrf"] == pytest.approx(CHRF(word_order=2).corpus_score(SYSTEM, [REFERENCES]).score)
    assert found["ter"] == pytest.approx(TER().corpus_score(SYSTEM, [REFERENCES]).score)
    assert found["ppl"] == pytest.approx(math.exp(3.0 / 5))
    assert found["sentences"] == 30
    for name in ("bleu", "chrf", "ter", "ppl"):
        low, high = found["interval"][name]
        assert low <= found[name] <= high
    assert found["signature"].startswith("BLEU|nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    assert "chrF++|nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|version:" in found["signature"]


def test_a_published_score():
    """The system and the first references of sacreBLEU's readme, as its own command scores them."""
    reference = [["The dog bit the man.", "It was not unexpected.", "The man bit him first."]]
    system = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
    scorer = TranslationScorer("13a")
    for one, right in zip(system, reference[0], strict=True):
        scorer.take(one, right, None)
    found = scorer.scores()
    assert found["bleu"] == pytest.approx(45.0675, abs=1e-3)
    assert "ppl" not in found


def test_sums_of_sentences_give_the_score_of_all():
    scorer = scored(SYSTEM)
    bootstrap, statistic = scorer.paired()
    assert statistic(bootstrap.sums_K) == pytest.approx(scorer.scores()["bleu"])
    assert bootstrap.units == 30
    assert statistic(np.stack([bootstrap.sums_K] * 2)).shape == (2,)


def test_comparison():
    good, bad = scored(SYSTEM), scored(WORSE)
    found = good.compared(bad)
    assert found.keys() == {"bleu", "chrf"}
    assert found["bleu"]["difference"] == pytest.approx(good.scores()["bleu"] - bad.scores()["bleu"])
    assert found["bleu"]["p_value"] < 0.05
    assert "bs:1000" in found["bleu"]["signature"]
    assert good.compared(scored(SYSTEM))["bleu"]["p_value"] == 1.0
    (one, statistic), (other, _) = good.paired(), bad.paired()
    assert compare(one, other, statistic).difference.low > 0


def test_chinese_is_counted_by_characters():
    scorer = TranslationScorer("zh")
    scorer.take("今天下雨。", "今天下雨了。", None)
    assert "tok:zh" in scorer.scores()["signature"]


def test_one_sentence():
    scorer = TranslationScorer("13a", ter=True)
    scorer.take("a b", "a c", None)
    found = scorer.scores()
    assert found["bleu"] == pytest.approx(BLEU().corpus_score(["a b"], [["a c"]]).score)
    assert found["chrf"] == pytest.approx(CHRF(word_order=2).corpus_score(["a b"], [["a c"]]).score)


def test_nothing_scored_and_sentences():
    assert TranslationScorer("13a").scores()["bleu"] == 0.0
    assert sentence_chrf("a b c", "a b c") == pytest.approx(100)
    assert sentence_chrf("x", "a b c") < 5


def test_a_tokenizer_that_is_not_installed():
    with pytest.raises(InputError, match=r"pip install 'sacrebleu\[ja\]'"):
        metrics("ja-mecab")
