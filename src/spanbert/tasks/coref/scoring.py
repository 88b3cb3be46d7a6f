"""Documents and their coreference to the scorers of `scores`."""

from __future__ import annotations

from spanbert.core.mentions import possessive_end
from spanbert.core.predictions import Coreference
from spanbert.core.types import Document, Record, Span
from spanbert.corpus.formats.clusters import Clusters, in_first_cluster, in_two_clusters, repeated_mentions
from spanbert.corpus.formats.corefud_heads import MentionHeads, has_heads
from spanbert.corpus.formats.gap import is_gap
from spanbert.scores.bootstrap import Bootstrap, Statistic
from spanbert.scores.coreference import CoreferenceScorer, Singletons
from spanbert.scores.gap import GapScorer, Gender
from spanbert.scores.mention_matching import HeadedMention, matched_by_head
from spanbert.scores.signature import signature

_MASCULINE, _FEMININE = {"he", "him", "his"}, {"she", "her", "hers"}
_SHOWN = 5  # warnings


class CorefDocumentScorer:
    """Clusters, or on GAP's rows which of two names a pronoun refers to.

    A gold mention in two clusters counts in the first, and is among the `warnings` of the scores. Where the gold states
    the head word of each mention, as CorefUD does, figures `head_...` count mentions with the same head as the same.

    Args:
        singletons: Whether clusters of one mention count.
        seed: Seed of the bootstrap.
    """

    def __init__(self, *, singletons: Singletons, seed: int = 0) -> None:
        self._singletons = singletons
        self._clusters = CoreferenceScorer(singletons=singletons, seed=seed)
        self._by_head = CoreferenceScorer(singletons=singletons, seed=seed)
        self._gap = GapScorer(seed=seed)
        self._is_gap = False
        self._warnings: list[str] = []
        self._repeated = 0

    @property
    def main_metric(self) -> str:
        """`gap_f1` on GAP's rows, else `conll_f1`."""
        return self._gap.main_metric if self._is_gap else self._clusters.main_metric

    def add(self, document: Document, prediction: Coreference) -> None:
        """Counts what was predicted for a document against its gold."""
        if document.clusters is None:
            return
        predicted = [[(one.start, one.end) for one in cluster] for cluster in prediction.clusters]
        if is_gap(document):
            self._is_gap = True
            pronoun, *names = document.spans or ()
            gold = {(one.start, one.end) for cluster in document.clusters for one in cluster}
            for_names = [
                ((name.start, name.end) in gold, _stands_for(document.text, pronoun, name, predicted)) for name in names
            ]
            self._gap.add(_gender(document.text[pronoun.start : pronoun.end]), for_names)
            return
        repeated = in_two_clusters(document)
        self._repeated += len(repeated)
        stated = {(one.mention.start, one.mention.end): one.where for one in repeated_mentions(document)}
        for mention in repeated[: _SHOWN - len(self._warnings)]:
            where = stated.get((mention.start, mention.end), document.place)
            said = document.text[mention.start : mention.end]
            self._warnings.append(f"{where}: {said!r} is in two clusters, and counts in the first alone")
        clusters = in_first_cluster(document) if repeated else document.clusters
        self._clusters.add([[(one.start, one.end) for one in cluster] for cluster in clusters], predicted)
        if has_heads(document):
            self._add_by_head(document, clusters, prediction)

    def _add_by_head(self, document: Document, gold: Clusters, prediction: Coreference) -> None:
        heads, counted = MentionHeads(document), self._by_head.counted
        of_gold = [[HeadedMention(*heads.stated(one)) for one in cluster] for cluster in gold]
        predicted = [[HeadedMention(*heads.highest(one)) for one in cluster] for cluster in prediction.clusters]
        self._by_head.add(*matched_by_head(counted(of_gold), counted(predicted)))

    def scores(self) -> Record:
        """Figures as fractions, `interval` and `signature` among them."""
        if self._is_gap:
            return {**self._gap.scores(), "signature": signature(task="coref", data="gap", match="contains")}
        facts = signature(task="coref", mentions="exact", singletons=self._singletons, twinless="reference-scorer-8")
        more = self._repeated - len(self._warnings)
        warnings = [*self._warnings, *([f"{more:,} more mentions are in two clusters"] if more else [])]
        scores = self._clusters.scores()
        if self._by_head.bootstrap.units:
            by_head = self._by_head.scores()
            intervals = {f"head_{name}": one for name, one in by_head.pop("interval").items()}
            of_heads = by_head.pop("documents")
            scores |= {f"head_{name}": figure for name, figure in by_head.items()}
            scores |= {"interval": scores["interval"] | intervals, "documents_with_heads": of_heads}
        return {**scores, **({"warnings": warnings} if warnings else {}), "signature": facts}

    def paired(self) -> tuple[Bootstrap, Statistic]:
        """The counts behind the main figure, for a paired bootstrap test."""
        return self._gap.paired() if self._is_gap else self._clusters.paired()


def _stands_for(text: str, pronoun: Span, name: Span, clusters: list[list[tuple[int, int]]]) -> bool:
    """Whether the pronoun's cluster has the name, `Ann's` (not `Ann's dog`), or what else ends or begins with it."""
    own = next((cluster for cluster in clusters if (pronoun.start, pronoun.end) in cluster), [])
    possessive = possessive_end(text, name.end)
    return any(
        start <= name.start
        and name.end <= end
        and (end in (name.end, possessive) or (start == name.start and possessive is None))
        for start, end in own
    )


def _gender(pronoun: str) -> Gender:
    word = pronoun.lower()
    if word in _MASCULINE:
        return "masculine"
    return "feminine" if word in _FEMININE else "other"
