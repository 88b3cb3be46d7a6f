"""Scores of translations by sacreBLEU (Post 2018): BLEU, chrF++, on request TER; and perplexity.

BLEU, chrF++ and TER are on sacreBLEU's scale of 0 to 100, as everybody quotes them. sacreBLEU reads all translations at
once, so that memory grows with them; nothing else of the texts is kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from spanbert import __version__
from spanbert.core.errors import InputError
from spanbert.core.missing import how_to_get
from spanbert.core.types import FloatArray
from spanbert.scores.bootstrap import RESAMPLES, Bootstrap, Statistic

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric


def metrics(tokenizer: str, *, ter: bool = False) -> dict[str, Metric]:
    """sacreBLEU's metrics by the names of the scores.

    Args:
        tokenizer: How BLEU divides words.
        ter: TER too.

    Raises:
        InputError: sacreBLEU, or a library that the tokenizer needs, is not installed.
    """
    if find_spec("sacrebleu") is None:
        remedy = how_to_get("sacrebleu")
        raise InputError("translations are scored by sacreBLEU, which is not installed", remedy=remedy)
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.metrics.ter import TER

    try:
        bleu = BLEU(tokenize=tokenizer)
    except (ImportError, RuntimeError) as error:
        raise InputError(
            f"sacreBLEU's tokenizer {tokenizer!r} cannot be used",
            got=" ".join(str(error).split())[:120],
            remedy=f"pip install 'sacrebleu[{tokenizer[:2]}]', or --set translate.tokenizer=char",
        ) from None
    found: dict[str, Metric] = {"bleu": bleu, "chrf": CHRF(word_order=2)}
    return {**found, "ter": TER()} if ter else found


def sentence_chrf(translation: str, reference: str) -> float:
    """chrF++ of one sentence, 0 to 100."""
    from sacrebleu.metrics.chrf import CHRF

    return float(CHRF(word_order=2).sentence_score(translation, [reference]).score)


def _statistic(metric: Any) -> Statistic:
    """A metric as a function of the sums of its counts, as sacreBLEU's own tests use it."""

    def score(sums_NK: FloatArray) -> FloatArray:
        flat = sums_NK.reshape(-1, sums_NK.shape[-1])
        found = [float(metric._compute_score_from_stats(one.tolist()).score) for one in flat]
        return np.array(found).reshape(sums_NK.shape[:-1])

    return score


def _perplexities(sums_NK: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        found: FloatArray = np.exp(-sums_NK[..., 0] / sums_NK[..., 1])
    return found


class TranslationScorer:
    """Takes in translations with their references.

    Args:
        tokenizer: How BLEU divides words.
        ter: Score TER too.
        seed: Seed of the bootstrap.
    """

    main_metric = "bleu"

    def __init__(self, tokenizer: str, *, ter: bool = False, seed: int = 0) -> None:
        self.tokenizer = tokenizer
        self.metrics = metrics(tokenizer, ter=ter)
        self.translations: list[str] = []
        self.references: list[str] = []
        self._seed = seed
        self._likelihoods = Bootstrap(2, seed=seed)

    def take(self, translation: str, reference: str, likelihood: tuple[float, int] | None) -> None:
        """Takes in one translation.

        Args:
            translation: What was written.
            reference: What should have been.
            likelihood: Log probability in nats and pieces of the reference, where it is known.
        """
        self.translations.append(translation)
        self.references.append(reference)
        self._likelihoods.add([likelihood or (0.0, 0)])

    def scores(self) -> dict[str, Any]:
        """`bleu`, `chrf`, `ppl`, perhaps `ter`; `interval`, `signature` and `signatures` of each metric."""
        found: dict[str, Any] = {}
        interval: dict[str, list[float]] = {}
        signatures: dict[str, str] = {}
        for name, metric in self.metrics.items():
            if not self.translations:
                found[name], interval[name] = 0.0, [0.0, 0.0]
                continue
            score = self._counts(metric).interval(_statistic(metric))
            found[name], interval[name] = score.value, score.bounds
            signatures[name] = str(metric.get_signature())
        perplexity = self._likelihoods.interval(_perplexities)
        if math.isfinite(perplexity.value):
            found["ppl"], interval["ppl"] = perplexity.value, perplexity.bounds
        stated = [f"{_NAMES[name]}|{one}" for name, one in signatures.items()]
        return {
            **found,
            "sentences": len(self.translations),
            "interval": interval,
            "signature": "  ".join([*stated, f"spanbert:{__version__}"]),
            "signatures": signatures,
        }

    def _counts(self, metric: Any) -> Bootstrap:
        """The counts of every sentence that a metric is computed from."""
        counts_NK = metric._extract_corpus_statistics(self.translations, [self.references])
        bootstrap = Bootstrap(len(counts_NK[0]), seed=self._seed)
        bootstrap.add(counts_NK)
        return bootstrap

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The counts of BLEU."""
        metric = self.metrics["bleu"]
        return self._counts(metric) if self.translations else Bootstrap(1), _statistic(metric)

    def compared(self, other: TranslationScorer) -> dict[str, Any]:
        """sacreBLEU's paired bootstrap test (Koehn 2004) against another system, by the name of the score.

        Args:
            other: Of translations of the same texts.
        """
        from sacrebleu.significance import PairedTest

        own = metrics(self.tokenizer)
        test = PairedTest(
            [("other", other.translations), ("this", self.translations)],
            own,
            references=[self.references],
            test_type="bs",
            n_samples=RESAMPLES,
        )
        signatures, results = test()
        found: dict[str, Any] = {}
        for name, (theirs_called, signature) in zip(own, signatures.items(), strict=True):
            theirs, ours = results[theirs_called]
            assert not isinstance(theirs, str)
            assert not isinstance(ours, str)
            found[name] = {
                "difference": ours.score - theirs.score,
                "p_value": 1.0 if self.translations == other.translations else ours.p_value,
                "signature": str(signature),
            }
        return found


_NAMES: Mapping[str, str] = {"bleu": "BLEU", "chrf": "chrF++", "ter": "TER"}
