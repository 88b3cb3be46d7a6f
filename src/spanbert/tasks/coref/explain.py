"""Why a mention was linked to an earlier one.

Shapes: N copies of a window, D hidden size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor
from typing_extensions import override

from spanbert.core.errors import InputError
from spanbert.core.predictions import Coreference
from spanbert.core.types import IntArray, Span
from spanbert.tasks.coref.head import CorefHead
from spanbert.tasks.coref.links import buckets_of, span_hashes, word_hashes
from spanbert.tasks.coref.speakers import NOBODY
from spanbert.tasks.coref.targets import window_parts, words_of_window
from spanbert.tasks.coref.task import CorefTask
from spanbert.tasks.explain import Outputs, ScoredOutput, TaskExplainer, Wish, quoted, same_place, words_at
from spanbert.tasks.protocol import WindowedDocument

_LINK = "link"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Mention:
    """A mention in the window that answers for its first word.

    Attributes:
        place: Its characters.
        first: Its first word.
        last: Its last one.
        window: The number of the window.
        rows: Of its first piece and of its last one, (2,).
    """

    place: Span
    first: int
    last: int
    window: int
    rows: IntArray


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """What is known of a pair without the encoder: its distance, whether both are the same words, who says them.

    Attributes:
        bucket: Of the distance in words.
        same_words: Whether they are the same.
        other_speaker: Whether it is another one; None: one of them is not known, or they are not looked at.
    """

    bucket: int
    same_words: bool
    other_speaker: bool | None


class CorefExplainer(TaskExplainer[CorefTask, Coreference]):
    """The score of a pair: how much both are mentions, and how well they fit; 0 is no antecedent."""

    @property
    @override
    def score_is(self) -> str:
        return "log odds of the link against no antecedent"

    @property
    @override
    def score_is_zh(self) -> str:
        return "该指代（相对于没有先行语）的对数几率"

    @override
    def scores(
        self, windowed: WindowedDocument, result: Coreference, wish: Wish, outputs: Outputs
    ) -> list[ScoredOutput]:
        """The links of all mentions, of one, or between two that may not be linked."""
        text = windowed.document.text
        if wish.label not in (None, _LINK):
            raise InputError(f"no label {wish.label!r}", where=f"task {self.task.name}", expected=repr(_LINK))
        if wish.of is not None and wish.other is not None:
            pairs = [(wish.of, wish.other)]
        else:
            pairs = [
                (one.mention, one.antecedent)
                for one in result.links
                if (wish.of is None or same_place(one.mention, wish.of))
                and (wish.other is None or same_place(one.antecedent, wish.other))
            ]
        if not pairs:
            found = (f"{quoted(text, one.mention)} to {quoted(text, one.antecedent)}" for one in result.links)
            remedy = "Name two places to ask what speaks for a link: of='she', other='Ann' (--of she --other Ann)"
            self.nothing("no such link", found, remedy)
        words = self.task.words(windowed.document)
        return [self._scored(windowed, words, mention, antecedent) for mention, antecedent in pairs]

    def _scored(
        self, windowed: WindowedDocument, words: Sequence[Span], mention: Span, antecedent: Span
    ) -> ScoredOutput:
        later, earlier = (self._mention(windowed, words, one) for one in (mention, antecedent))
        if (earlier.first, earlier.last) >= (later.first, later.last):
            raise InputError(
                "an antecedent that does not come before",
                where=quoted(windowed.document.text, later.place),
                got=quoted(windowed.document.text, earlier.place),
            )
        known = self._known(windowed, words, later, earlier)
        places = (later.place, earlier.place)
        windows: tuple[int, ...] = (later.window, earlier.window)
        rows: tuple[IntArray, ...] = (later.rows, earlier.rows)
        if later.window == earlier.window:
            windows, rows = (later.window,), (np.concatenate(rows),)

        def score(head: CorefHead, hidden: Sequence[Tensor]) -> Tensor:
            if len(hidden) == 1:
                hidden = (hidden[0][:, :2], hidden[0][:, 2:])
            return _pair_scores(head, hidden[0], hidden[1], known)

        return ScoredOutput(label=_LINK, places=places, windows=windows, rows=rows, score=score)

    def _mention(self, windowed: WindowedDocument, words: Sequence[Span], place: Span) -> _Mention:
        """A place, widened to whole words, as a mention."""
        where = quoted(windowed.document.text, place)
        first, end = words_at(windowed.document.text, words, place)
        if end - first > self.task.config.longest_mention:
            longest = f"at most {self.task.config.longest_mention}"
            raise InputError("more words than a mention may have", where=where, got=str(end - first), expected=longest)
        pieces = self.task.pieces_of(windowed, words)
        for number, (window, part) in enumerate(window_parts(windowed)):
            low, high, own = words_of_window(window, part, pieces)
            if low <= first < own and end <= high:
                rows = np.array([pieces.first_W[first], pieces.last_W[end - 1]]) - window[0] + 1
                whole = Span(start=words[first].start, end=words[end - 1].end)
                return _Mention(place=whole, first=first, last=end - 1, window=number, rows=rows)
        raise InputError("a place that lies in no window whole", where=where)

    def _known(self, windowed: WindowedDocument, words: Sequence[Span], later: _Mention, earlier: _Mention) -> _Known:
        document = windowed.document
        hashes = word_hashes([document.text[word.start : word.end] for word in words])
        first_M, last_M = np.array([later.first, earlier.first]), np.array([later.last, earlier.last])
        said, heard = span_hashes(hashes, first_M, last_M).tolist()
        speakers = self.task.speakers_of(document, words)[first_M].tolist()
        return _Known(
            bucket=int(buckets_of(np.array([later.first - earlier.first]))[0]),
            same_words=said == heard,
            other_speaker=speakers[0] != speakers[1] if NOBODY not in speakers else None,
        )


def _pair_scores(head: CorefHead, later_N2D: Tensor, earlier_N2D: Tensor, known: _Known) -> Tensor:
    """The scores of a pair (`links.Mentions`), (N,), from the first and the last piece of its two mentions."""
    mentions = []
    for ends_N2D in (later_N2D, earlier_N2D):
        mentions.append(head.mention_scores(ends_N2D[:, 0], ends_N2D[:, 1])[:, 0])  # each as a word of its own
    asking, offered = (head.vectors(one_N2D[:, 0], one_N2D[:, 1]) for one_N2D in (later_N2D, earlier_N2D))
    scores_N = mentions[0] + mentions[1] + (asking.query_Kd * offered.key_Kd).sum(1) + asking.near_KB[:, known.bucket]
    if asking.same_K is not None and known.same_words:
        scores_N = scores_N + asking.same_K
    if asking.spoken_K2 is not None and known.other_speaker is not None:
        scores_N = scores_N + asking.spoken_K2[:, int(known.other_speaker)]
    return scores_N.float()
