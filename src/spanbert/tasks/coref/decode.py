"""What the head says of each window, in order, to the clusters of a document; the vectors of few windows are held."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spanbert.core.mentions import head_mention
from spanbert.core.predictions import Coreference, MentionLink
from spanbert.core.pronouns import is_pronoun
from spanbert.core.types import BoolArray, IntArray, OutputArray, Span
from spanbert.tasks.coref.config import CorefConfig
from spanbert.tasks.coref.links import (
    BUCKETS,
    FACTS,
    Linker,
    Mentions,
    Scores,
    clusters_of,
    probability,
    span_hashes,
    without_crossing,
    word_hashes,
)


class ClusterDecoder:
    """The clusters of one document.

    Args:
        text: The document's text.
        words: Its words.
        first_words: The first word that each window answers for.
        config: How mentions are linked.
        singletons: Whether a mention that is linked to no other is a cluster.
        speakers_W: The speaker of each word, see `speakers.speaker_numbers`; None: they are not looked at.
    """

    def __init__(
        self,
        text: str,
        words: Sequence[Span],
        *,
        first_words: Sequence[int],
        config: CorefConfig,
        singletons: bool,
        speakers_W: IntArray | None = None,
    ) -> None:
        self._text, self._words, self._config, self._singletons = text, words, config, singletons
        self._speakers_W = speakers_W
        self._first_words = iter(first_words)
        self._hashes = word_hashes([text[word.start : word.end] for word in words])
        self._linker = Linker(config.depth)
        self._firsts: list[IntArray] = []
        self._lasts: list[IntArray] = []
        self._scores: list[Scores] = []

    def add(self, output: OutputArray) -> None:
        """Takes in the rows of the next window (`CorefHead.outputs`); windows answer for words one after another."""
        low = next(self._first_words)
        if not len(output):
            return
        first_M = output[:, 0].astype(np.int64) + low
        last_M = output[:, 1].astype(np.int64) + low
        score_M = output[:, 2].copy()
        size = 2 * self._config.size
        bounds = np.cumsum([size, size, BUCKETS, int(self._config.same_words)])
        key, query, near, same, spoken = np.split(output[:, FACTS:], bounds, axis=1)
        self._firsts.append(first_M)
        self._lasts.append(last_M)
        self._scores.append(score_M)
        self._linker.add(
            Mentions(
                first_M=first_M,
                words_M=span_hashes(self._hashes, first_M, last_M),
                lasting_M=self._lasting(first_M, last_M, score_M),
                mention_M=score_M,
                key_Md=key,
                query_Md=query,
                near_MB=near,
                same_M=same[:, 0] if self._config.same_words else None,
                spoken_M2=None if self._speakers_W is None else spoken,
                speaker_M=None if self._speakers_W is None else self._speakers_W[first_M],
            )
        )

    def _lasting(self, first_M: IntArray, last_M: IntArray, score_M: Scores) -> BoolArray:
        """Mentions, more likely than not, that are no pronouns."""
        lasting_M = score_M > 0
        for place in np.flatnonzero(lasting_M & (last_M == first_M)).tolist():
            word = self._words[int(first_M[place])]
            lasting_M[place] = not is_pronoun(self._text[word.start : word.end])
        return lasting_M

    def finish(self) -> Coreference:
        """Clusters, heads and links of the whole document."""
        links = self._linker.finish()
        first_M, last_M, score_M = _joined(self._firsts), _joined(self._lasts), np.concatenate([_NONE, *self._scores])
        spans = [
            Span(start=self._words[first].start, end=self._words[last].end, score=probability(score))
            for first, last, score in zip(first_M.tolist(), last_M.tolist(), score_M.tolist(), strict=True)
        ]
        groups = [without_crossing(group, first_M, last_M, score_M) for group in clusters_of(len(spans), links)]
        stay = {place for group in groups for place in group}
        clusters = tuple(
            tuple(spans[place] for place in group)
            for group in groups
            if len(group) > 1 or (self._singletons and score_M[group[0]] > 0)
        )
        return Coreference(
            words=tuple(self._words),
            clusters=clusters,
            heads=tuple(head_mention(self._text, cluster) for cluster in clusters),
            links=tuple(
                MentionLink(mention=spans[one.mention], antecedent=spans[one.antecedent], score=probability(one.score))
                for one in links
                if {one.mention, one.antecedent} <= stay
            ),
        )


_NONE = np.zeros(0, dtype=np.float32)


def _joined(parts: Sequence[IntArray]) -> IntArray:
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts])
