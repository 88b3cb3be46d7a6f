"""Clusters of mentions: mentions in two clusters, mentions that are too long or end inside a word."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from typing_extensions import override

from spanbert.core.findings import Rule, excerpt
from spanbert.core.hashes import Repeats
from spanbert.core.types import Document
from spanbert.corpus.formats.clusters import crossing_mentions, in_first_cluster, repeated_mentions
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.text.sentences import sentence_numbers
from spanbert.tasks.coref.config import CorefConfig
from spanbert.tasks.coref.task import CorefTask
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tasks.survey import Item, Survey
from spanbert.tokens.pieces import rows_of_words
from spanbert.tokens.tokenizer import TokenizerAdapter

REPEATED = Rule(
    severity="warning",
    name="two_clusters",
    what="mentions that are in two clusters",
    remedy="They are learned and scored in the first alone; decide which is right, or --fix leaves them there",
)
_INSIDE = Rule(
    severity="warning",
    name="inside_word",
    what="mentions that begin or end inside a word",
    remedy="They are widened to whole words, and never found as they are",
)
_ACROSS = Rule(
    severity="warning",
    name="across_sentences",
    what="mentions that cross the end of a sentence",
    remedy="They are left out of training, and never found",
)
_CROSSING = Rule(
    severity="warning",
    name="crossing",
    what="mentions that cross one another: one begins inside another and ends after it",
    remedy="Phrases either nest or are separate; check whether both are right",
)
_UNLABELLED = Rule(
    severity="warning", name="unlabelled", what="texts without clusters", remedy="They are left out of training"
)
_CONFLICTS = Rule(
    severity="warning",
    name="conflicts",
    what="texts that occur twice, with different clusters",
    remedy="Decide which is right",
)


class CorefSurvey(Survey[CorefTask]):
    """A file of texts with clusters."""

    conflicts = _CONFLICTS

    def __init__(
        self, data: DataFile, config: CorefConfig, tokenizer: TokenizerAdapter, task: CorefTask | None, *, name: str
    ) -> None:
        super().__init__(data, config, tokenizer, task, name=name)
        self.mentions = self.clusters = self.singletons = 0

    @override
    def items_of(self, document: Document) -> Iterator[Item]:
        """The whole text."""
        clusters = sorted(sorted((one.start, one.end) for one in cluster) for cluster in document.clusters or ())
        yield Item(self.place(document), document.text, str(clusters))

    @override
    def look(self, document: Document) -> Document:
        """Every mention stays in its first cluster."""
        if document.clusters is None:
            self.ledger.add(_UNLABELLED, self.shown(document))
        repeated = repeated_mentions(document)
        for one in repeated:
            where = one.where.removeprefix(f"{self.path.parent}/")
            said = excerpt(document.text[one.mention.start : one.mention.end])
            self.ledger.add(REPEATED, f"{where} {said} in {one.clusters[0]} and {one.clusters[1]}")
        for pair in crossing_mentions(document):
            said = " and ".join(excerpt(document.text[mention.start : mention.end]) for mention in pair)
            self.ledger.add(_CROSSING, f"{self.place(document)} {said}")
        self.clusters += len(document.clusters or ())
        self.mentions += sum(len(cluster) for cluster in document.clusters or ())
        self.singletons += sum(len(cluster) == 1 for cluster in document.clusters or ())
        return replace(document, clusters=in_first_cluster(document)) if repeated else document

    @override
    def counts(self) -> dict[str, int]:
        return {"clusters": self.clusters, "mentions": self.mentions, "singletons": self.singletons}

    @override
    def fact_lines(self) -> list[tuple[str, str]]:
        clusters = f"{self.clusters:,}, of which one mention alone: {self.singletons:,}"
        return [("clusters", clusters), ("mentions", f"{self.mentions:,}")]

    @override
    def examine(self, windowed: WindowedDocument, task: CorefTask) -> None:
        document, most = windowed.document, task.config.longest_mention
        words = task.words(document)
        starts, ends = {word.start for word in words}, {word.end for word in words}
        sentences = sentence_numbers(document, words)
        begins = [word.start for word in words]
        too_long = Rule(
            severity="warning",
            name="too_long",
            what=f"mentions of more than {most} pieces, which are never found",
            remedy="Raise coref.longest_mention, or shorten them",
        )
        for mention in (one for cluster in document.clusters or () for one in cluster):
            if mention.start not in starts or mention.end not in ends:
                self.ledger.add(_INSIDE, self.shown(document, mention))
            elif sentences[bisect_left(begins, mention.start)] != sentences[bisect_left(begins, mention.end) - 1]:
                self.ledger.add(_ACROSS, self.shown(document, mention))
            elif len(windowed.pieces.ids):
                first, last, _ = rows_of_words(windowed.pieces, [mention])
                pieces = int(last[0] - first[0]) + 1
                if pieces > most:
                    self.ledger.add(too_long, f"{self.shown(document, mention)}, {pieces} pieces")

    @override
    def repair(self, repeats: Repeats, target: Path) -> Mapping[str, int]:
        """Texts that cannot be read are left out; a mention in two clusters stays in the first."""
        done = self.left_out()

        def repaired() -> Iterator[Document]:
            for document in self.read():
                repeated = repeated_mentions(document)
                done["mentions in two clusters left in the first"] += len(repeated)
                yield replace(document, clusters=in_first_cluster(document)) if repeated else document

        self.data.copy(repaired(), target)
        return done
