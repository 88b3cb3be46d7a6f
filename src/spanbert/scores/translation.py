"""Scores of translations by sacreBLEU (Post 2018): BLEU, chrF++, on request TER; and perplexity.

BLEU, chrF++ and TER are on sacreBLEU's scale of 0 to 100, as everybody quotes them. sacreBLEU reads all translations at
once, so that memory grows with them; nothing else of the texts is kept.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spanbert import __version__
from spanbert.core.errors import InputError
from spanbert.core.types import FloatArray
from spanbert.scores.bootstrap import RESAMPLES, Bootstrap, Statistic

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric

_COUNTS = 12  # BLEU: system and reference length, 4 counts, 4 totals; then log probability and pieces
_ORDERS = 4


def metrics(tokenizer: str, *, ter: bool = False) -> dict[str, Metric]:
    """sacreBLEU's metrics by the names of the scores.

    Args:
        tokenizer: How BLEU divides words.
        ter: TER too.

    Raises:
        InputError: The tokenizer needs a library that is not installed.
    """
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


def bleu_of_sums(sums_K: FloatArray) -> float:
    """BLEU from sums of the counts of sentences, as sacreBLEU computes it."""
    from sacrebleu.metrics.bleu import BLEU

    counts, totals = sums_K[2 : 2 + _ORDERS], sums_K[2 + _ORDERS : 2 + 2 * _ORDERS]
    found = BLEU.compute_bleu(
        correct=[int(one) for one in counts],
        total=[int(one) for one in totals],
        sys_len=int(sums_K[0]),
        ref_len=int(sums_K[1]),
        smooth_method="exp",
    )
    return float(found.score)


def _bleus(sums_NK: FloatArray) -> FloatArray:
    return np.array([bleu_of_sums(one) for one in sums_NK.reshape(-1, sums_NK.shape[-1])]).reshape(sums_NK.shape[:-1])


def _perplexities(sums_NK: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        found: FloatArray = np.exp(-sums_NK[..., -2] / sums_NK[..., -1])
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
        from sacrebleu.metrics.bleu import BLEU

        self.metrics = metrics(tokenizer, ter=ter)
        self._sentence = BLEU(tokenize=tokenizer, effective_order=True)  # the same counts, without a warning
        self.translations: list[str] = []
        self.references: list[str] = []
        self._bootstrap = Bootstrap(_COUNTS, seed=seed)

    def take(self, translation: str, reference: str, likelihood: tuple[float, int] | None) -> None:
        """Takes in one translation.

        Args:
            translation: What was written.
            reference: What should have been.
            likelihood: Log probability in nats and pieces of the reference, where it is known.
        """
        self.translations.append(translation)
        self.references.append(reference)
        one = self._sentence.sentence_score(translation, [reference])
        counts = [one.sys_len, one.ref_len, *one.counts, *one.totals, *(likelihood or (0.0, 0))]
        self._bootstrap.add([counts])

    def scores(self) -> dict[str, Any]:
        """`bleu`, `chrf`, `ppl`, perhaps `ter`; `interval`, `signature` and `signatures` of each metric."""
        found: dict[str, Any] = {}
        interval: dict[str, list[float]] = {}
        signatures: dict[str, str] = {}
        for name, metric in self.metrics.items():
            if not self.translations:
                found[name] = 0.0
                interval[name] = [0.0, 0.0]
                continue
            found[name] = float(metric.corpus_score(self.translations, [self.references]).score)
            signatures[name] = str(metric.get_signature())
        if self.translations:
            interval["bleu"] = self._bootstrap.interval(_bleus).bounds
            for name in self.metrics.keys() - {"bleu"}:
                interval[name] = self._resampled(name)
        perplexity = self._bootstrap.interval(_perplexities)
        if math.isfinite(perplexity.value):
            found["ppl"] = perplexity.value
            interval["ppl"] = perplexity.bounds
        return {
            **found,
            "sentences": len(self.translations),
            "interval": interval,
            "signature": "  ".join(
                [f"{_NAMES[name]}|{one}" for name, one in signatures.items()] + [f"spanbert:{__version__}"]
            ),
            "signatures": signatures,
        }

    def _resampled(self, name: str) -> list[float]:
        """sacreBLEU's own bootstrap interval."""
        metric = metrics(self.tokenizer, ter=True)[name]
        found: Any = metric.corpus_score(self.translations, [self.references], n_bootstrap=RESAMPLES)
        said = json.loads(found.format(signature=str(metric.get_signature()), is_json=True, width=6))
        return [said["confidence_mean"] - said["confidence_var"], said["confidence_mean"] + said["confidence_var"]]

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The counts of BLEU."""
        return self._bootstrap, _bleus

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
