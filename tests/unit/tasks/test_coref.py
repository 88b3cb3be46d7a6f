"""Coreference: candidates, gold, loss and links against slow references; windows; what a tiny model learns."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import spanbert
from spanbert.batches.examples import pack_windows, rows_of_batch
from spanbert.core.errors import InputError
from spanbert.core.predictions import Coreference, MentionLink
from spanbert.core.types import Document, Span
from spanbert.corpus.formats.gap import GapOrigin
from spanbert.encoder.config import EncoderConfig
from spanbert.tasks.base import WindowConfig
from spanbert.tasks.coref import links
from spanbert.tasks.coref.config import CorefConfig
from spanbert.tasks.coref.head import CorefHead
from spanbert.tasks.coref.links import (
    BUCKETS,
    Link,
    Linker,
    Mentions,
    buckets_of,
    clusters_of,
    span_hashes,
    without_crossing,
    word_hashes,
)
from spanbert.tasks.coref.scoring import CorefDocumentScorer
from spanbert.tasks.coref.task import CorefTask
from spanbert.tasks.tag.config import TagConfig
from spanbert.tasks.tag.task import TagTask
from tests.conftest import WORDS
from tests.formats import read_coref
from tests.labelled import coref_file, tiny
from tests.stubs import TableHead, layout_of, predicted, predictor_of, read_windows

HIDDEN = 16
CONFIG = EncoderConfig(vocab_size=50, hidden_size=HIDDEN, layers=1, heads=2, feed_forward_size=16, positions=64)


def coref_task(tokenizer, *, length: int = 64, overlap: int = 0, **options) -> CorefTask:
    made = CorefConfig(**{"size": 8, "dropout": 0.0, "longest_mention": 4, **options})
    return CorefTask("t", tokenizer, (length, overlap), config=made, has_singletons=False)


def document_of(words: list[str], *clusters: list[tuple[int, int]]) -> Document:
    """Words with blanks between, and clusters of (first, last) words."""
    starts = [sum(len(word) + 1 for word in words[:place]) for place in range(len(words))]
    spans = [Span(start=start, end=start + len(word)) for start, word in zip(starts, words, strict=True)]
    made = tuple(
        tuple(Span(start=spans[first].start, end=spans[last].end) for first, last in cluster) for cluster in clusters
    )
    return Document(id="d", text=" ".join(words), words=tuple(spans), clusters=made)


def random_mentions(draw: np.random.Generator, count: int, *, same: bool = True, spoken: bool = False) -> Mentions:
    size = 4
    return Mentions(
        first_M=np.sort(draw.integers(0, 60, count)),
        words_M=draw.integers(0, 3, count).astype(np.uint64),
        lasting_M=draw.integers(0, 2, count).astype(bool),
        mention_M=draw.normal(size=count).astype(np.float32),
        key_Md=draw.normal(size=(count, size)).astype(np.float32),
        query_Md=draw.normal(size=(count, size)).astype(np.float32),
        near_MB=draw.normal(size=(count, BUCKETS)).astype(np.float32),
        same_M=draw.normal(size=count).astype(np.float32) if same else None,
        spoken_M2=draw.normal(size=(count, 2)).astype(np.float32) if spoken else None,
        speaker_M=draw.integers(0, 3, count) if spoken else None,
    )


def linked(mentions: Mentions, depth: int, *, parts: int = 10**6) -> list[Link]:
    """Links of mentions that come some at a time."""
    linker = Linker(depth)
    for start in range(0, len(mentions), parts):
        linker.add(mentions.at(slice(start, start + parts)))
    return linker.finish()


def pair_score(mentions: Mentions, query: int, key: int) -> float:
    distance = int(mentions.first_M[query] - mentions.first_M[key])
    score = mentions.mention_M[query] + mentions.mention_M[key]
    score += mentions.near_MB[query, min(math.ceil(math.log2(distance + 1)), BUCKETS - 1)]
    score += float(mentions.key_Md[key] @ mentions.query_Md[query])
    if mentions.same_M is not None and mentions.words_M[query] == mentions.words_M[key]:
        score += mentions.same_M[query]
    if mentions.spoken_M2 is not None:
        said, heard = mentions.speaker_M[query], mentions.speaker_M[key]
        score += mentions.spoken_M2[query, int(said != heard)] if said and heard else 0
    return float(score)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6), count=st.integers(0, 24), depth=st.integers(1, 24),
    block=st.integers(1, 24), remembered=st.integers(1, 6), same=st.booleans(),
    spoken=st.booleans(),
)  # fmt: skip
def test_links_are_those_of_a_loop_over_pairs(
    seed: int, count: int, depth: int, block: int, remembered: int, same: bool, spoken: bool
):
    """Near ones all; further back, the latest in each wording of each cluster, linked clusters first, then later ones."""
    mentions = random_mentions(np.random.default_rng(seed), count, same=same, spoken=spoken)
    expected: dict[int, tuple[int, float]] = {}
    owner = list(range(count))
    far: list[int] = []
    for start in range(0, count, block):
        near = range(max(0, start - depth), count)
        for query in range(start, min(start + block, count)):
            keys = [*far, *(key for key in near if key < query and (query - key <= depth or mentions.lasting_M[key]))]
            scores = {key: pair_score(mentions, query, key) for key in keys}
            if scores and max(scores.values()) > 0:
                best = max(scores, key=lambda key: scores[key])
                expected[query] = (best, scores[best])
                owner[query] = owner[best]
        done = min(start + block, count)
        passed = [key for key in range(max(0, start - depth), max(0, done - depth)) if mentions.lasting_M[key]]
        latest = {(owner[key], int(mentions.words_M[key])): key for key in [*far, *passed]}
        order = sorted(latest.values(), key=lambda key: (owner[:done].count(owner[key]) > 1, key))
        far = sorted(order[-remembered:]) if passed else far
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spanbert.tasks.coref.links._BLOCK", block)
        patch.setattr("spanbert.tasks.coref.links._REMEMBERED", remembered)
        found = linked(mentions, depth)
    assert {link.mention: link.antecedent for link in found} == {query: best for query, (best, _) in expected.items()}
    assert [link.score for link in found] == pytest.approx([expected[link.mention][1] for link in found], abs=1e-4)


@pytest.mark.parametrize("depth", [1, 7, 300, 1000])
def test_how_many_come_at_a_time_changes_nothing(depth: int):
    mentions = random_mentions(np.random.default_rng(0), 700)
    assert linked(mentions, depth) == linked(mentions, depth, parts=37)


def test_a_book_is_linked_in_flat_memory(monkeypatch: pytest.MonkeyPatch):
    """However many mentions there are: no block is compared with more than the near, the remembered and itself."""
    monkeypatch.setattr("spanbert.tasks.coref.links._REMEMBERED", 50)
    compared = []
    best = links._best
    monkeypatch.setattr(
        "spanbert.tasks.coref.links._best", lambda *given: compared.append(len(given[1].first_N)) or best(*given)
    )
    draw = np.random.default_rng(0)
    mentions = replace(random_mentions(draw, 5000), words_M=np.arange(5000, dtype=np.uint64))
    linked(mentions, 100, parts=333)
    assert len(compared) == math.ceil(5000 / 256)
    assert max(compared) <= 50 + 100 + 256


def test_a_name_is_found_again_after_any_distance_and_a_pronoun_is_not():
    count = 3000
    nothing = np.zeros((count, 1), dtype=np.float32)
    words = np.arange(count, dtype=np.uint64)
    words[-1] = words[5]  # the name
    words[-2] = words[6]  # the pronoun
    mentions = Mentions(
        first_M=np.arange(count),
        words_M=words,
        lasting_M=np.arange(count) % 2 == 1,
        mention_M=np.full(count, -1, dtype=np.float32),
        key_Md=nothing,
        query_Md=nothing,
        near_MB=np.zeros((count, BUCKETS), dtype=np.float32),
        same_M=np.full(count, 3, dtype=np.float32),
    )
    assert [(one.mention, one.antecedent) for one in linked(mentions, 100)] == [(count - 1, 5)]


def test_buckets_hashes_and_clusters():
    assert buckets_of(np.array([0, 1, 2, 3, 4, 7, 8, 1023, 1024, 10**6])).tolist() == [0, 1, 2, 2, 3, 3, 4, 10, 11, 11]
    words = word_hashes(["The", "fox", "saw", "the", "Fox", "fox", "the"])
    first, last = np.array([0, 3, 5, 1, 4, 0]), np.array([1, 4, 6, 1, 4, 2])
    same = span_hashes(words, first, last).tolist()
    assert same[0] == same[1], "the fox, The fox"
    assert same[3] == same[4]
    assert len({same[0], same[2], same[3], same[5]}) == 4
    links = [Link(mention=2, antecedent=0, score=1.0), Link(mention=3, antecedent=2, score=1.0)]
    assert clusters_of(5, links) == [[0, 2, 3], [1], [4]]


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 12))
def test_of_mentions_that_cross_the_surer_stay(seed: int, count: int):
    draw = np.random.default_rng(seed)
    first = np.sort(draw.integers(0, 10, count))
    last, sure = first + draw.integers(0, 4, count), draw.normal(size=count).astype(np.float32)

    def cross(one: int, other: int) -> bool:
        return any(first[a] < first[b] <= last[a] < last[b] for a, b in ((one, other), (other, one)))

    kept = without_crossing(range(count), first, last, sure)
    assert kept == sorted(kept)
    assert not any(cross(one, other) for one in kept for other in kept)
    assert int(sure.argmax()) in kept
    assert all(any(cross(one, other) for other in range(count)) for one in set(range(count)) - set(kept))


def reference_loss(head: CorefHead, hidden_RD: torch.Tensor, gold) -> torch.Tensor:
    """The loss span by span and pair by pair, of one window whose candidates are all kept."""
    [window] = gold.windows
    words, widest = window.allowed_wW.shape
    starts, ends = hidden_RD[:words], hidden_RD[words:]
    spans, loss = [], torch.zeros(())
    for first in range(words):
        for more in range(widest):
            if not window.allowed_wW[first, more]:
                continue
            last = first + more
            start, end = head.mention_start(starts[first : first + 1])[0], head.mention_end(ends[last : last + 1])[0]
            score = head.start_score(start)[0] + head.end_score(end)[0]
            score = score + head.inside(start) @ end / math.sqrt(len(start))
            cluster = int(window.cluster_wW[first, more])
            loss = loss - torch.log(torch.sigmoid(score if cluster else -score))
            spans.append((first, last, score, cluster))
    for place, (first, last, score, cluster) in enumerate(spans):
        query = torch.cat([head.start(starts[first : first + 1]), head.end(ends[last : last + 1])], dim=1)[0]
        scores, right = [torch.zeros(())], []
        for number, (earlier, earlier_last, other_score, other) in enumerate(spans[:place], start=1):
            key = torch.cat(
                [head.start(starts[earlier : earlier + 1]), head.end(ends[earlier_last : earlier_last + 1])], 1
            )
            bucket = min(math.ceil(math.log2(first - earlier + 1)), BUCKETS - 1)
            pair = score + other_score + key[0] @ head.pair(query) / math.sqrt(len(query)) + head.near(query)[bucket]
            texts = [gold.words[one : two + 1].tolist() for one, two in ((first, last), (earlier, earlier_last))]
            if texts[0] == texts[1]:
                pair = pair + head.same(query)[0]
            scores.append(pair)
            if cluster and other == cluster:
                right.append(number)
        stacked = torch.stack(scores)
        loss = loss + stacked.logsumexp(0) - stacked[right or [0]].logsumexp(0)
    return loss


def test_the_loss_is_that_of_a_loop_over_spans_and_pairs(tokenizer):
    task = coref_task(tokenizer, kept=2.0, longest_mention=2)
    document = document_of(["the", "fox", "sees", "a", "dog", "the", "fox"], [(0, 1), (5, 6)], [(4, 4), (2, 2)])
    [windowed] = task.tokenize([document])
    [example] = task.examples(windowed)
    torch.manual_seed(0)
    head = CorefHead(CONFIG, task.config).double()
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    hidden_RD = torch.randn(len(example.asked.rows), HIDDEN, dtype=torch.float64)
    head.train()
    ours = head.loss(hidden_RD, layout_of(len(example.asked.rows)), [example.target.gold])
    assert ours.item() == pytest.approx(reference_loss(head, hidden_RD, example.target.gold).item(), rel=1e-6)
    assert example.target.units == 4


def test_no_candidate_reaches_over_the_end_of_a_sentence(tokenizer):
    task = coref_task(tokenizer, longest_mention=3)
    stated = replace(document_of(["a", "fox", "sees", "dog"]), clusters=None, sentences=((0, 1), (1, 4)))
    raw = Document(id="r", text="A fox. The dog runs")
    for document, expected in (
        (stated, [(0, 0), (1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3)]),
        (raw, [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2), (3, 3), (3, 4), (3, 5), (4, 4), (4, 5), (5, 5)]),
    ):
        [(_, asked)] = read_windows(task, task.tokenize([document])[0])
        assert [(first, first + more) for first, more in np.argwhere(asked.candidates).tolist()] == expected


def test_several_documents_and_windows_are_summed(tokenizer):
    """Two windows without overlap in one example: mentions of both are candidates of one another."""
    words = ["the", "fox", "sees", "a", "dog", "."] * 8
    task = coref_task(tokenizer, length=32, kept=2.0, longest_mention=1)
    document = document_of(words, [(1, 1), (7, 7), (43, 43)], [(4, 4), (10, 10)])
    [windowed] = task.tokenize([document])
    assert len(windowed.windows) > 1
    [example] = task.examples(windowed)
    assert len(example.window.cuts) == len(windowed.windows) - 1
    assert sum(len(window.allowed_wW) for window in example.target.gold.windows) == len(words)
    batch = pack_windows([example.window])
    assert np.diff(batch.cu_seqlens).tolist() == [end - start + 2 for start, end in windowed.windows]
    ids = batch.ids_T[rows_of_batch([example.window], [example.asked])]
    pieces = task.tokenizer.ids_batch([" ".join(words)])[0]
    firsts = np.concatenate([half[: len(half) // 2] for half in _by_window(ids, example)])
    assert firsts.tolist() == pieces.tolist(), "one piece a word, in order"
    head = CorefHead(CONFIG, task.config)
    hidden_RD = torch.randn(len(example.asked.rows), HIDDEN)
    one = head.loss(hidden_RD, layout_of(len(example.asked.rows)), [example.target.gold])
    both = head.loss(
        torch.cat([hidden_RD, hidden_RD]), layout_of(*[len(example.asked.rows)] * 2), [example.target.gold] * 2
    )
    assert both.item() == pytest.approx(2 * one.item(), rel=1e-5)


def _by_window(ids: np.ndarray, example) -> list[np.ndarray]:
    return np.split(ids, np.cumsum([2 * len(window.allowed_wW) for window in example.target.gold.windows])[:-1])


class TellingHead(torch.nn.Module):
    """Keeps the spans of one word that a set names, and links each to the last before it with the same piece."""

    def __init__(self, ids: set[int], options: CorefConfig) -> None:
        super().__init__()
        self.ids, self.options = ids, options

    def outputs(self, hidden_RD: torch.Tensor, layout):
        found = []
        width = 3 + 4 * self.options.size + BUCKETS + 1
        for rows, allowed_wW in zip(torch.split(hidden_RD[:, 0], list(layout.sizes)), layout.candidates, strict=True):
            ids = rows.numpy().astype(np.int64)
            kept = [word for word in np.flatnonzero(allowed_wW[:, 0]).tolist() if int(ids[word]) in self.ids]
            made = np.zeros((len(kept), width), dtype=np.float32)
            for row, word in zip(made, kept, strict=True):
                row[:3] = word, word, -1.0
                row[-1] = 3.0  # the same words: 3 - 1 - 1 > 0
            made[:, 3 + 4 * self.options.size : -1] = -np.arange(BUCKETS) / 100  # nearer is better
            found.append(made)
        return found


@settings(max_examples=40, deadline=None)
@given(
    words=st.lists(st.sampled_from(WORDS[:12]), min_size=1, max_size=60),
    length=st.integers(16, 40), overlap=st.integers(0, 10),
)  # fmt: skip
def test_windows_change_nothing_where_vectors_do_not_depend_on_them(
    tokenizer, words: list[str], length: int, overlap: int
):
    task = coref_task(tokenizer, length=length, overlap=overlap)
    wanted = set(WORDS[:6])
    head = TellingHead({tokenizer.backend.token_to_id(word) for word in wanted}, task.config)
    document = replace(document_of(words), clusters=None)
    [found] = predicted(task, head, [document])
    assert isinstance(found, Coreference)
    assert found.words == document.words
    places = [place for place, word in enumerate(words) if word in wanted]
    groups: dict[str, list[int]] = {}
    for place in places:
        groups.setdefault(words[place], []).append(place)
    expected = [[document.words[place].start for place in group] for group in groups.values() if len(group) > 1]
    assert [[one.start for one in cluster] for cluster in found.clusters] == sorted(expected)
    assert [document.text[one.start : one.end] for one in found.heads] == [
        document.text[cluster[0].start : cluster[0].end] for cluster in found.clusters
    ]
    assert len(found.links) == sum(len(cluster) - 1 for cluster in found.clusters)


def test_entities_and_clusters_share_one_pass(tokenizer):
    """Each says what it says alone, and the encoder runs as often as for one of them."""
    window = (32, 8)
    tags = TagTask("ner", tokenizer, window, config=TagConfig(), joined=False, tags=("O", "B-X", "I-X"), scheme="BIO")
    task = coref_task(tokenizer, length=window[0], overlap=window[1])
    telling = TellingHead({tokenizer.backend.token_to_id(word) for word in WORDS[:6]}, task.config)
    tasks, heads = {"ner": tags, "coref": task}, {"ner": TableHead(3), "coref": telling}
    documents = [replace(document_of(WORDS[:12] * count), clusters=None) for count in (1, 5, 2)]
    both, encoder = predictor_of(tasks, heads)
    together = [found for _, found in both.predict(documents)]
    for name in tasks:
        alone, own = predictor_of({name: tasks[name]}, {name: heads[name]})
        assert [found[name] for found in together] == [found[name] for _, found in alone.predict(documents)]
        assert encoder.calls == own.calls


def test_nothing_to_read(tokenizer):
    task = coref_task(tokenizer)
    found = predicted(task, TellingHead(set(), task.config), [Document(id="a", text=""), Document(id="b", text=" ")])
    assert [one.clusters for one in found] == [(), ()]
    assert task.examples(task.tokenize([Document(id="a", text="", clusters=())])[0]) == []


def test_too_long_or_cut_mentions_are_no_gold(tokenizer):
    task = coref_task(tokenizer, longest_mention=2)
    document = document_of(["the", "old", "fox", "unbelievable", "dog"], [(0, 2), (4, 4)], [(3, 3)])
    [example] = task.examples(task.tokenize([document])[0])
    [window] = example.target.gold.windows
    assert np.argwhere(window.cluster_wW).tolist() == [[4, 0]], "three words are too long, and so are the pieces of one"
    inside = replace(document, clusters=((Span(start=1, end=3), Span(start=5, end=6)),))
    [example] = task.examples(task.tokenize([inside])[0])
    assert np.argwhere(example.target.gold.windows[0].cluster_wW).tolist() == [[0, 0], [1, 0]], "widened to whole words"


def test_from_training(tokenizer, tmp_path: Path):
    def made(*documents: Document, **options) -> CorefTask:
        return CorefTask.from_training(
            "t", documents, config=CorefConfig(**options), window=WindowConfig(), tokenizer=tokenizer, positions=512
        )

    linked, alone = document_of(["a", "b", "a"], [(0, 0), (2, 2)]), document_of(["a", "b"], [(0, 0)])
    assert not made(linked).singletons
    assert made(linked, alone).singletons
    assert made(*[linked] * 9, alone).singletons
    assert not made(*[linked] * 10, alone).singletons, "one in eleven clusters is taken for a mistake"
    assert not made(linked, alone, singletons="drop").singletons
    assert made(linked, longest_mention=40).window[1] == 128
    assert made(linked, longest_mention=100).window[1] == 200, "a mention fits into an overlap"
    with pytest.raises(InputError, match="no clusters to learn from; got 1 mentions"):
        made(alone)
    gap = replace(linked, where="gap.tsv:2", origin=GapOrigin(cells=("x",)))
    with pytest.raises(InputError, match=r"gap.tsv:2: task t: GAP annotates only two names"):
        made(gap)
    with pytest.raises(InputError, match=r"gap.tsv:2: GAP cannot choose weights"):
        made(linked).check(gap)
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "abc", "clusters": [[[0, 1]], [[0, 1], [1, 2]]]}\n')
    [twice] = CorefTask.open(CorefConfig(), path).documents()
    assert "t: a mention in two clusters; learned in the first" in next(made(linked, twice).remarks([]))
    assert not list(made(linked).remarks([]))
    scorer = CorefDocumentScorer(singletons="keep")
    scorer.add(twice, Coreference(words=(), clusters=twice.clusters[:1], heads=(), links=()))
    assert scorer.scores()["warnings"] == [f"{path}:1: 'a' is in two clusters, and counts in the first alone"]


def gap_document(truth: tuple[bool, bool], pronoun: str = "she") -> Document:
    text = f"Ann saw Mary and {pronoun} ran"
    start = text.index(pronoun)
    spans = [Span(start=start, end=start + len(pronoun), label="pronoun"), Span(start=0, end=3, label="A"),
             Span(start=8, end=12, label="B")]  # fmt: skip
    clusters = tuple((name, spans[0]) for name, true in zip(spans[1:], truth, strict=True) if true)
    return Document(id="g", text=text, spans=tuple(spans), clusters=clusters, origin=GapOrigin(cells=()))


def test_gap_is_scored_by_gender():
    scorer = CorefDocumentScorer(singletons="keep")

    def said(document: Document, *names: str) -> Coreference:
        spans = [Span(start=document.text.index(name), end=document.text.index(name) + len(name)) for name in names]
        return Coreference(words=(), clusters=(tuple(spans),), heads=(spans[0],), links=())

    right, wrong, none = gap_document((True, False)), gap_document((False, True), "he"), gap_document((False, False))
    scorer.add(right, said(right, "Ann", "she"))
    scorer.add(wrong, said(wrong, "Ann", "he"))
    scorer.add(none, said(none, "Ann", "ran"))
    scores = scorer.scores()
    assert scorer.main_metric == "gap_f1"
    assert (scores["precision"], scores["recall"], scores["gap_f1"]) == (0.5, 0.5, 0.5)
    assert (scores["masculine_f1"], scores["feminine_f1"], scores["bias"], scores["pronouns"]) == (0, 1, 0, 3)


def test_the_name_with_what_it_owns_is_not_the_name():
    scorer = CorefDocumentScorer(singletons="keep")
    text = "Ann's dog saw Mary and she ran"
    she, name = Span(start=23, end=26, label="pronoun"), Span(start=0, end=3, label="A")
    document = Document(
        id="g", text=text, spans=(she, name, Span(start=14, end=18, label="B")), clusters=(), origin=GapOrigin(cells=())
    )
    scorer.add(document, Coreference(words=(), clusters=((Span(start=0, end=9), she),), heads=(), links=()))
    assert scorer.scores()["precision"] == 0
    assert scorer.paired()[0].sums_K.sum() == 0, "nothing predicted, nothing gold"
    for end in (3, 5):  # `Ann` and `Ann's` are
        other = CorefDocumentScorer(singletons="keep")
        other.add(document, Coreference(words=(), clusters=((Span(start=0, end=end), she),), heads=(), links=()))
        assert other.paired()[0].sums_K.sum() > 0


def test_every_name_of_gap_is_a_candidate(tokenizer, real_data: Path):
    task = coref_task(tokenizer)
    for document in read_coref(real_data / "coref" / "gap" / "gap-validation.tsv"):
        words = task.words(document)
        starts, ends = {word.start for word in words}, {word.end for word in words}
        assert all(one.start in starts and one.end in ends for one in document.spans), document.id


def test_prediction_keeps_the_candidates_that_training_keeps(tokenizer):
    """Of the best spans the same are kept, though windows overlap and some words have no piece of their own."""
    task = coref_task(tokenizer, length=24, overlap=10, kept=0.3, train_windows=100)
    words = ["the", "fox", "\u200b", "unbelievable", "dog", "sees", "it"] * 9
    document = document_of(words, [(1, 1), (8, 8)])
    [windowed] = task.tokenize([document])
    asked = task.rows(windowed)
    [learned] = task.examples(windowed)
    assert len(asked) == len(learned.target.gold.windows) > 2
    for one, window in zip(asked, learned.target.gold.windows, strict=True):
        assert (one.candidates == window.allowed_wW).all()
    begins = np.concatenate([np.flatnonzero(w.allowed_wW.any(1)) + w.first for w in learned.target.gold.windows])
    assert len(begins) == len(set(begins.tolist())), "every word begins candidates of one window"


def test_mistakes_name_the_wrong_link(tokenizer):
    document = document_of(["the", "fox", "sees", "it"], [(0, 1), (3, 3)])
    it, sees, fox = Span(start=13, end=15), Span(start=8, end=12), Span(start=0, end=7)
    links = (MentionLink(mention=it, antecedent=fox, score=0.9), MentionLink(mention=it, antecedent=sees, score=0.7))
    [mistake] = coref_task(tokenizer).mistakes(document, Coreference(words=(), clusters=(), heads=(), links=links))
    assert (mistake.predicted, mistake.severity) == ("it -> sees", 0.7)
    assert mistake.gold == "its antecedent is no mention"


@pytest.fixture(scope="module")
def learned(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory):
    return tiny("coref", hugging_face_model, tmp_path_factory.getbasetemp())


def test_a_tiny_model_learns_who_is_who(learned, tmp_path: Path):
    result, _ = learned
    assert result.scores["coref"]["conll_f1"] > 0.8
    unseen = coref_file(tmp_path / "test.jsonl", 20, 3)
    scores = spanbert.evaluate(result.path, unseen)
    assert scores["conll_f1"] > 0.8
    assert set(scores) >= {"muc_f1", "b_cubed_f1", "ceaf_f1", "lea_f1", "mention_f1"}
    assert "singletons:drop" in scores["signature"]
    nlp = spanbert.load(result.path)
    document = next(iter(read_coref(unseen)))
    found = nlp(document.text)
    assert found.clusters
    assert found["coref"].links[0].score > 0.5
    again = spanbert.load(result.path)(document.text)
    assert again.clusters == found.clusters


def test_a_long_document_is_read_whole(learned):
    """A cluster whose mentions are thousands of words apart."""
    result, data = learned
    nlp = spanbert.load(result.path)
    document = next(iter(read_coref(Path(data["coref"].train))))
    filler = " ".join(["the road runs near a house ."] * 300)
    text = f"{document.text} {filler} {document.text}"
    found = nlp(text)
    assert any(cluster[-1].start - cluster[0].start > len(filler) for cluster in found.clusters)
