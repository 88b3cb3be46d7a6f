"""Flat tagging: what is learned and read, and that windows neither lose nor double a word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from spanbert.batches.windows import owned_parts
from spanbert.core.errors import InputError
from spanbert.core.predictions import Tagging
from spanbert.core.tagging import SCHEMES, decode_tags, encode_tags
from spanbert.core.types import Document, Span
from spanbert.encoder.config import EncoderConfig
from spanbert.tasks.base import WindowConfig
from spanbert.tasks.tag.config import TagConfig
from spanbert.tasks.tag.decode import Steps, best_legal_tags
from spanbert.tasks.tag.heads import TagHead
from spanbert.tasks.tag.task import TagTask, without_overlaps
from spanbert.tokens.pieces import rows_of_words
from tests.conftest import WORDS, make_text
from tests.labelled import conll_file, nested_file, pos_file, squad_file
from tests.stubs import TableHead, layout_of, predicted, read_windows, table_of


def tag_task(tokenizer, *, length: int = 64, overlap: int = 0, tags: tuple[str, ...] | None = None, scheme="BIO", joined=True) -> TagTask:  # fmt: skip
    tags = tags or ("O", "B-X", "I-X", "B-Y", "I-Y")
    return TagTask(
        "t", tokenizer, (length, overlap), config=TagConfig(), joined=joined, tags=tags, scheme=scheme
    )  # fmt: skip


def document_of(words: list[str], glue: str = " ") -> Document:
    text, spans = "", []
    for word in words:
        text += glue if text else ""
        spans.append(Span(start=len(text), end=len(text) + len(word)))
        text += word
    return Document(id="a", text=text, words=tuple(spans))


LONG_WORDS = st.lists(st.sampled_from([*WORDS[:20], "misunderstanding", "zzzzzzzzzz", "q" * 30]), max_size=60)


@settings(max_examples=60, deadline=None)
@given(words=LONG_WORDS, length=st.integers(16, 40), overlap=st.integers(0, 14), raw=st.booleans())
def test_windows_change_nothing_where_pieces_alone_decide(tokenizer, words, length: int, overlap: int, raw: bool):
    document = document_of(words)
    if raw:
        document = Document(id="a", text=document.text)
    found = [
        predicted(tag_task(tokenizer, length=size, overlap=overlap), TableHead(5), [document])[0]
        for size in (length, 10_000)
    ]
    assert found[0] == found[1]
    assert [(word.start, word.end) for word in found[0].words] == [
        (word.start, word.end) for word in document_of(words).words
    ]


def test_predictions_of_many_long_texts_are_those_of_the_whole_texts(tokenizer):
    """Logits of the first pieces of all words of a text at once, without windows or batches."""
    documents = [Document(id=str(n), text=text) for n, text in enumerate(make_text(40, seed=3))]
    task = tag_task(tokenizer, length=32, overlap=8)
    found = predicted(task, TableHead(5), documents)
    windows = 0
    for document, windowed, tagging in zip(documents, task.tokenize(documents), found, strict=True):
        windows += len(windowed.windows)
        words = task.words(windowed)
        first_W, _, _ = rows_of_words(windowed.pieces, words)
        logits_WL = table_of(windowed.pieces.ids[first_W], 5, 0)
        scores_WL = logits_WL - np.log(np.exp(logits_WL).sum(1, keepdims=True))
        best_W = best_legal_tags(scores_WL, Steps.of(task.tags, "BIO"))
        tags = [task.tags[number] for number in best_W]
        assert [word.label for word in tagging.words] == tags
        assert [word.score for word in tagging.words] == pytest.approx(
            np.exp(scores_WL[np.arange(len(words)), best_W]).tolist(), rel=1e-5
        )
        spans = decode_tags(tags, "BIO")
        assert [(span.start, span.end, span.label) for span in tagging.spans] == [
            (words[start].start, words[end - 1].end, label) for start, end, label in spans
        ]
        for span, (start, end, _) in zip(tagging.spans, spans, strict=True):
            assert span.score == pytest.approx(np.mean([word.score for word in tagging.words[start:end]]))
            assert document.text[span.start : span.end].strip() == document.text[span.start : span.end] != ""
    assert windows > 3 * len(documents)


@settings(max_examples=60, deadline=None)
@given(words=LONG_WORDS, length=st.integers(16, 40), overlap=st.integers(0, 14))
def test_every_word_is_learned_exactly_once(tokenizer, words, length: int, overlap: int):
    document = document_of(words)
    gold = tuple(np.random.default_rng(len(words)).choice(["N", "V", "D"], len(words)).tolist())
    document = Document(id="a", text=document.text, words=document.words, columns={"tag": gold})
    task = tag_task(tokenizer, length=length, overlap=overlap, tags=("D", "N", "V"), scheme=None)
    [windowed] = task.tokenize([document])
    learned, places = [], []
    for (start, _), part, (window, one) in zip(
        windowed.windows, owned_parts(windowed.windows), read_windows(task, windowed), strict=True
    ):  # fmt: skip
        assert len(window.ids) <= length
        pieces = one.rows - 1 + start
        assert all(part[0] <= piece < part[1] for piece in pieces)
        places += pieces.tolist()
    for one in task.examples(windowed):
        assert one.target.units == len(one.asked.rows) == len(one.target.gold) > 0
        learned += [task.tags[number] for number in one.target.gold]
    assert learned == list(gold)
    if words:
        assert places == rows_of_words(windowed.pieces, document.words)[0].tolist()


def test_words_without_a_piece_are_tagged_but_not_learned(tokenizer):
    words = tuple(Span(start=a, end=b) for a, b in [(0, 3), (4, 5), (6, 9)])
    document = Document(id="a", text="fox \u200b dog", words=words, columns={"tag": ("N", "X", "N")})
    task = tag_task(tokenizer, tags=("N", "X"), scheme=None)
    [windowed] = task.tokenize([document])
    [example] = task.examples(windowed)
    assert ([task.tags[n] for n in example.target.gold], example.asked.rows.tolist()) == (["N", "N"], [1, 2])
    [tagging] = predicted(task, TableHead(2), [document])
    assert [(word.start, word.end) for word in tagging.words] == [(0, 3), (4, 5), (6, 9)]
    [empty] = predicted(task, TableHead(2), [Document(id="b", text="\u200b", words=(Span(start=0, end=1),))])
    assert empty == Tagging(words=(Span(start=0, end=1),))
    [blank] = predicted(tag_task(tokenizer), TableHead(5), [Document(id="b", text="")])
    assert blank == Tagging(words=(), spans=())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_entities_are_learned_in_their_own_scheme(tokenizer, tmp_path: Path, scheme):
    path = tmp_path / "a.conll"
    if scheme == "IOB1":  # two spans of a label that touch are what tells it from BIO
        path.write_text("fox I-ANI\ndog B-ANI\nking I-PER\nthe O\n")
    else:
        tags = encode_tags([(0, 3, "ANI"), (3, 4, "PER"), (5, 7, "ANI")], 7, scheme)
        words = ("old", "red", "fox", "king", "the", "old", "dog")
        path.write_text("".join(f"{word} {tag}\n" for word, tag in zip(words, tags, strict=True)))
    task = TagTask.from_training(
        "t", TagTask.open(TagConfig(), path).documents(), config=TagConfig(), window=WindowConfig(), tokenizer=tokenizer,
        positions=64,
    )  # fmt: skip
    assert task.scheme == ("BIO" if scheme == "IOB1" else scheme)
    assert (task.main_metric, task.joined, task.window) == ("f1", True, (64, 32))
    documents = list(task.opened(path).documents())
    for windowed in task.tokenize(documents):
        [example] = task.examples(windowed)
        words = windowed.document.words
        spans = [
            (next(n for n, word in enumerate(words) if word.start == span.start),
             next(n for n, word in enumerate(words, 1) if word.end == span.end), span.label)
            for span in windowed.document.spans
        ]  # fmt: skip
        assert [task.tags[number] for number in example.target.gold] == encode_tags(spans, len(words), task.scheme)
        [tagging] = predicted(task, TableHead(len(task.tags)), [windowed.document])
        assert decode_tags([word.label for word in tagging.words], task.scheme, repair="discard") == decode_tags(
            [word.label for word in tagging.words], task.scheme
        ), "predictions are legal"
    again = TagTask.from_manifest("t", task.manifest(), tokenizer=tokenizer, positions=64)
    assert again.manifest() == task.manifest()


def test_parts_of_speech_are_tags_as_they_are(tokenizer, tmp_path: Path):
    path = pos_file(tmp_path / "a.conll", 10, 0)
    task = TagTask.from_training(
        "t", TagTask.open(TagConfig(), path).documents(), config=TagConfig(), window=WindowConfig(), tokenizer=tokenizer,
        positions=64,
    )  # fmt: skip
    assert (task.tags, task.scheme, task.main_metric) == (("DET", "NOUN", "X"), None, "accuracy")
    [document, *_] = task.opened(path).documents()
    [tagging] = predicted(task, TableHead(3), [document])
    assert tagging.spans is None
    scorer = task.scorer()
    scorer.add(document, tagging)
    right = [word.label == gold for word, gold in zip(tagging.words, document.columns["tag"], strict=True)]
    assert scorer.scores()["accuracy"] == pytest.approx(np.mean(right))
    assert len(list(task.mistakes(document, tagging))) == right.count(False)


CONLLU = """1\tAnna\tAnna\tPROPN\tNNP\t_\t0\troot\t_\t{misc}
2\tsleeps\tsleep\tVERB\tVBZ\t_\t1\tdep\t_\t_

"""


@pytest.mark.parametrize("entities_in_training", [False, True])
def test_other_files_are_read_for_the_column_that_was_learned(tokenizer, tmp_path: Path, entities_in_training: bool):
    with_entities, without = tmp_path / "with.conllu", tmp_path / "without.conllu"
    with_entities.write_text(CONLLU.format(misc="NER=B-PER"), encoding="utf-8")
    without.write_text(CONLLU.format(misc="_"), encoding="utf-8")
    train, other = (with_entities, without) if entities_in_training else (without, with_entities)
    made = TagTask.from_training(
        "t", TagTask.open(TagConfig(), train).documents(), config=TagConfig(), window=WindowConfig(), tokenizer=tokenizer,
        positions=64,
    )  # fmt: skip
    task = TagTask.from_manifest("t", made.manifest(), tokenizer=tokenizer, positions=64)
    [document] = task.opened(other).documents()
    if entities_in_training:
        assert (task.tags, document.spans) == (("O", "B-PER", "I-PER"), ())
    else:
        assert (task.tags, document.columns["tag"]) == (("PROPN", "VERB"), ("PROPN", "VERB"))


def test_text_without_words_is_split_as_the_training_data_was(tokenizer, tmp_path: Path):
    lines = nested_file(tmp_path / "a.jsonl", 5, 0)
    options = {"config": TagConfig(), "window": WindowConfig(), "tokenizer": tokenizer, "positions": 64}
    from_lines = TagTask.from_training("t", TagTask.open(TagConfig(), lines).documents(), **options)
    from_columns = TagTask.from_training(
        "t", TagTask.open(TagConfig(), conll_file(tmp_path / "a.conll", 5, 0)).documents(), **options
    )
    text = Document(id="a", text="the well-read king's U.S. fox.")
    for task, words in ((from_lines, 13), (from_columns, 6)):
        [tagging] = predicted(task, TableHead(len(task.tags)), [text])
        assert len(tagging.words) == words


def test_spans_that_overlap_leave_the_longest():
    assert without_overlaps([(0, 2, "a"), (1, 5, "b"), (4, 6, "c"), (6, 7, "d"), (6, 7, "e")]) == [
        (1, 5, "b"),
        (6, 7, "d"),
    ]


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([Document(id="a", text="fox")], "no labels to learn"),
        ([Document(id="a", text="fox", spans=())], "no labels to learn"),
        ([Document(id=str(n), text="fox", columns={"tag": (f"x{n}",)}) for n in range(1001)], "not tags of words"),
    ],
)
def test_data_that_poses_no_task(tokenizer, documents, message: str):
    with pytest.raises(InputError, match=message):
        TagTask.from_training(
            "t", documents, config=TagConfig(), window=WindowConfig(), tokenizer=tokenizer, positions=64
        )


def test_unknown_tags_and_questions(tokenizer, tmp_path: Path):
    task = tag_task(tokenizer, tags=("N",), scheme=None)
    document = document_of(["fox"])
    document = Document(id="f:3", text="fox", words=document.words, columns={"tag": ("V",)})
    with pytest.raises(InputError, match="f:3: task t: a tag that the model does not know; got 'V'; expected N"):
        task.examples(task.tokenize([document])[0])
    scorer = task.scorer()
    scorer.add(document, predicted(task, TableHead(1), [document])[0])
    assert scorer.scores()["accuracy"] == 0.0, "at evaluation it is wrong, not fatal"
    with pytest.raises(InputError, match="questions, not labelled words"):
        list(task.opened(squad_file(tmp_path / "a.json", 2, 0)).documents())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_loss_is_that_of_padded_token_classification(dtype: torch.dtype):
    """The reference pads windows and ignores padding and inner pieces with -100, as Hugging Face's head does."""
    torch.manual_seed(0)
    config = EncoderConfig.from_hugging_face(
        {"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 50,
         "intermediate_size": 8, "max_position_embeddings": 64, "hidden_dropout_prob": 0.0},
        where="test",
    )  # fmt: skip
    head = TagHead(config, 5).to(dtype)
    windows = [torch.randn(length, 8, dtype=dtype, requires_grad=True) for length in (7, 4, 9)]
    rows = [np.array([1, 2, 5]), np.array([1]), np.array([1, 4, 6, 7])]
    gold = [np.array([0, 4, 2]), np.array([3]), np.array([1, 1, 0, 2])]
    hidden_RD = torch.cat([window[torch.from_numpy(one)] for window, one in zip(windows, rows, strict=True)])
    ours = head.loss(hidden_RD, layout_of(3, 1, 4), gold) / 8
    gradients = torch.autograd.grad(ours, [*windows, *head.parameters()])

    labels = torch.full((3, 9), -100)
    for place, (row, tags) in enumerate(zip(rows, gold, strict=True)):
        labels[place, row] = torch.from_numpy(tags)
    logits = functional.linear(pad_sequence(windows, batch_first=True), head.output.weight, head.output.bias)
    theirs = functional.cross_entropy(logits.view(-1, 5), labels.view(-1))
    tolerance = {"rtol": 1e-5, "atol": 1e-6}
    torch.testing.assert_close(ours.to(dtype), theirs, **tolerance)
    for one, other in zip(gradients, torch.autograd.grad(theirs, [*windows, *head.parameters()]), strict=True):
        torch.testing.assert_close(one, other, **tolerance)
