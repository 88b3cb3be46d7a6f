"""The peer of the fine-tuning benchmark learns, and its two ways to predict agree."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.bench.finetune_sides import peer as peer_tasks
from benchmarks.bench.finetune_sides import peer_qa as peer_qa
from benchmarks.bench.finetune_sides import peer_tags as peer_tags
from spanbert.core.types import Document, Question, Span
from tests.conftest import save_hugging_face_bert

RECIPE: dict[str, Any] = {"epochs": 40, "lr": 3e-3, "batch": 4, "seed": 3, "attention_dropout": 0.0}
ONCE = {**RECIPE, "epochs": 1}

TEXTS = ["the quick fox runs", "a fox jumps over the old stone", "fox", "the child sees a red fox near the river",
         "the slow dog sleeps", "a dog eats under the new tree", "dog", "the teacher finds a brown dog in the city"]  # fmt: skip
LABELS = ["yes"] * 4 + ["no"] * 4
SENTENCES = [text.split() for text in TEXTS]
TAGS = [[{"fox": "B-FOX", "dog": "B-DOG"}.get(word, "O") for word in words] for words in SENTENCES]
TAG_LIST = ["O", "B-DOG", "I-DOG", "B-FOX", "I-FOX"]
NAMES = ["fox", "dog", "bird", "cat"]
EXAMPLES = [
    peer_qa.SquadExample(question=f"{who}?", context=text, start=text.index("red"), end=text.index("red") + 3)
    for who in NAMES
    for text in (f"the {who} sees red bread .", f"a red {who} sleeps near the old river and the new road .")
]


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory, vocabulary_file: Path) -> Path:
    return save_hugging_face_bert(tmp_path_factory.mktemp("peer"), vocabulary_file, initializer_range=0.05)


@pytest.fixture(scope="module")
def classifier(model_dir: Path) -> peer_tasks.TrainedPeer:
    return peer_tasks.train_classifier(model_dir, TEXTS, LABELS, **RECIPE)


@pytest.fixture(scope="module")
def tagger(model_dir: Path) -> peer_tasks.TrainedPeer:
    return peer_tags.train_tagger(model_dir, SENTENCES, TAGS, TAG_LIST, **RECIPE)


@pytest.fixture(scope="module")
def reader(model_dir: Path) -> peer_tasks.TrainedPeer:
    return peer_qa.train_reader(model_dir, EXAMPLES, window=24, overlap=6, **RECIPE)


def test_classifier_learns(classifier: peer_tasks.TrainedPeer):
    assert len(classifier.losses) == 80
    assert classifier.losses[0] > 0.4 > 0.1 > classifier.losses[-1]
    assert classifier.seconds > 0
    assert peer_tasks.batched_predict_labels(classifier, TEXTS).answers == LABELS


def test_labels_by_pipeline_and_by_batches_agree(classifier: peer_tasks.TrainedPeer):
    texts = [*TEXTS, "a bird", "the king carries the letter to the dog and the fox", "water"]
    one_by_one = peer_tasks.pipeline_predict_labels(classifier, texts)
    assert peer_tasks.batched_predict_labels(classifier, texts, batch=3).answers == one_by_one.answers
    assert one_by_one.answers[:8] == LABELS


def test_recipe_reaches_the_model(model_dir: Path):
    for dropout in (0.0, 0.1):
        trained = peer_tasks.train_classifier(model_dir, TEXTS, LABELS, **{**ONCE, "attention_dropout": dropout})
        config = trained.model.config
        assert (config.attention_probs_dropout_prob, config.hidden_dropout_prob) == (dropout, 0.1)
        assert config._attn_implementation == "sdpa"
        assert trained.model.dtype == torch.float32
        assert config.id2label == {0: "no", 1: "yes"}


def test_a_seed_decides_all(model_dir: Path):
    losses = [
        peer_tasks.train_classifier(model_dir, TEXTS, LABELS, **{**ONCE, "seed": seed}).losses for seed in (3, 3, 4)
    ]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_tagger_learns_the_first_piece_of_each_word(tagger: peer_tasks.TrainedPeer):
    assert tagger.losses[-1] < 0.05 < tagger.losses[0]
    assert peer_tags.tag_words(tagger, SENTENCES, batch=3).answers == TAGS


def test_words_of_several_pieces_and_words_past_the_end(tagger: peer_tasks.TrainedPeer):
    """`foxing` is two pieces; the tokenizer's longest input of 5 pieces leaves three words."""
    sentence = ["the", "sleeping", "fox", "unbelievable", "dog"]
    assert [len(tags) for tags in peer_tags.tag_words(tagger, [sentence, ["fox"], []]).answers] == [5, 1, 0]
    tokenizer = tagger.tokenizer.__class__.from_pretrained(tagger.tokenizer.name_or_path, model_max_length=5)
    cut = dataclasses.replace(tagger, tokenizer=tokenizer)
    assert peer_tags.tag_words(cut, [["the", "fox", "and", "dog", "dog"]]).answers == [["O", "B-FOX", "O", "O", "O"]]


def test_entities_by_pipeline_and_by_batches_agree(tagger: peer_tasks.TrainedPeer):
    texts = [*TEXTS, "The sleeping fox, a dog-fox; dogs!", "unbelievable FOX ☃ dog", "winter"]
    one_by_one = peer_tags.pipeline_predict_entities(tagger, texts).answers
    assert peer_tags.batched_predict_entities(tagger, texts, batch=3).answers == one_by_one
    assert one_by_one[0] == [Span(start=10, end=13, label="FOX")]
    assert [len(found) for found in one_by_one[:8]] == [1] * 8


class Pieces:
    """The encoding of a sentence of two words, tagged by hand."""

    word_ids = (None, 0, 0, 1, 2, None)

    def word_to_chars(self, word: int) -> tuple[int, int]:
        return [(0, 6), (7, 9), (10, 12)][word]


def test_entities_go_from_their_first_to_their_last_word():
    assert peer_tags._first_pieces(Pieces.word_ids) == {0: 1, 1: 3, 2: 4}
    assert peer_tags._entities(Pieces(), {0: "B-X", 1: "I-X", 2: "B-X"}) == [
        Span(start=0, end=9, label="X"), Span(start=10, end=12, label="X"),
    ]  # fmt: skip


def test_reader_learns(reader: peer_tasks.TrainedPeer):
    assert sum(reader.losses[-4:]) < 0.2 * sum(reader.losses[:4])
    assert peer_qa.batched_predict_answers(reader, EXAMPLES, window=24, overlap=6).answers == ["red"] * 8


def test_answers_one_by_one_and_by_batches_agree(reader: peer_tasks.TrainedPeer):
    long = "the king and the queen sleep in the old house. " * 4 + "red bread on the road " + "and water " * 20
    examples = [*EXAMPLES, peer_qa.SquadExample(question="  bird?", context=long, start=0, end=0)]
    answers = peer_qa.batched_predict_answers(reader, examples, window=24, overlap=6, batch=5).answers
    assert peer_qa.one_by_one_predict_answers(reader, examples, window=24, overlap=6).answers == answers
    assert all(answer and answer in example.context for answer, example in zip(answers, examples, strict=True))


def test_windows_hold_all_of_the_context_and_point_at_the_answer(reader: peer_tasks.TrainedPeer):
    """Question 2 pieces, specials 3: 5 pieces of context a window, 2 of them again in the next."""
    context = "a quick fox runs over the old stone ."
    example = peer_qa.SquadExample(question="fox?", context=context, start=12, end=21)  # "runs over"
    encodings = [encoding for _, _, encoding in peer_qa._windows(reader.tokenizer, [example], 10, 2)]
    words = [encoding.tokens[4:-1] for encoding in encodings]
    assert words == [
        ["a", "quick", "fox", "runs", "over"], ["runs", "over", "the", "old", "stone"], ["old", "stone", "."],
    ]  # fmt: skip
    assert [peer_qa.answer_pieces(encoding, 12, 21) for encoding in encodings] == [(7, 8), (4, 5), (0, 0)]
    assert peer_qa.answer_pieces(encodings[0], 3, 5) == (5, 5)  # within "quick"


def test_best_span_by_hand():
    starts, ends = np.array([0.0, 5.0, 1.0, 4.0]), np.array([6.0, 0.0, 2.0, 1.0])
    assert peer_qa.best_span(starts, ends) == (7.0, 1, 2)  # 5 + 6 would end before it starts
    far = np.full(40, -9.0)
    starts, ends = far.copy(), far.copy()
    starts[2], ends[32], ends[31] = 5.0, 5.0, 3.0  # 31 pieces are too long, 30 are not
    assert peer_qa.best_span(starts, ends) == (8.0, 2, 31)


def test_best_span_equals_a_search_over_all_pairs():
    generator = np.random.default_rng(0)
    for size in (1, 7, 19):
        starts, ends = generator.normal(size=(2, size))
        pairs = [(starts[i] + ends[j], i, j) for i in range(size) for j in range(i, min(size, i + 30))]
        assert peer_qa.best_span(starts, ends) == max(pairs)


def test_no_span_among_the_best():
    """The 20 best ends are all before the 20 best starts."""
    rising = np.arange(40.0)
    assert peer_qa.best_span(rising, -rising)[0] == -np.inf


def test_examples_of_documents():
    document = Document(
        id="1",
        text="red bread",
        questions=(
            Question(id="a", text="what?", answers=(Span(start=4, end=9), Span(start=0, end=9))),
            Question(id="b", text="who?", answerable=False),
        ),
    )
    assert peer_qa.squad_examples([document]) == [
        peer_qa.SquadExample(question="what?", context="red bread", start=4, end=9)
    ]
