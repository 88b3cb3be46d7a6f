"""Tagging with `transformers`, as its good users write it: a tag on the first piece of each word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Unpack

from benchmarks.bench.finetune_sides.peer import (
    Feature,
    Predicted,
    Recipe,
    TrainedPeer,
    best_label,
    by_length,
    fit,
    load_peer,
    ready,
    timed,
    tokenised,
)
from spanbert.core.tagging import decode_tags
from spanbert.core.types import Span

_IGNORED = -100  # the label that the loss of `transformers` leaves out


def train_tagger(
    model_dir: Path,
    sentences: Sequence[Sequence[str]],
    tags: Sequence[Sequence[str]],
    label_list: Sequence[str],
    **recipe: Unpack[Recipe],
) -> TrainedPeer:
    """Fine-tunes `AutoModelForTokenClassification`; the first piece of a word bears its tag, the others none.

    Args:
        model_dir: Weights and tokenizer in Hugging Face's layout.
        sentences: Words of each sentence; cut where they are longer than the model.
        tags: A tag a word.
        label_list: All tags.
        **recipe: See `Recipe`.
    """
    from transformers import AutoModelForTokenClassification, DataCollatorForTokenClassification

    model, tokenizer = load_peer(AutoModelForTokenClassification, model_dir, recipe, label_list)

    def features() -> list[Feature]:
        made = []
        for number, feature, encoding in tokenised(tokenizer, sentences, is_split_into_words=True, truncation=True):
            rows = [_IGNORED] * len(encoding)
            for word, piece in _first_pieces(encoding.word_ids).items():
                rows[piece] = model.config.label2id[tags[number][word]]
            made.append({**feature, "labels": rows})
        return made

    return fit(model, tokenizer, features, DataCollatorForTokenClassification(tokenizer), recipe)


def pipeline_predict_entities(peer: TrainedPeer, texts: Sequence[str]) -> Predicted[list[Span]]:
    """The entities of each text, by the `token-classification` pipeline, one text after the other.

    Args:
        peer: From `train_tagger`, with tags in the BIO scheme.
        texts: Raw texts; the pipeline takes words from the tokenizer, and a word's tag from its first piece.
    """
    from transformers import pipeline

    tag: Any = pipeline(
        "token-classification", model=ready(peer), tokenizer=peer.tokenizer, aggregation_strategy="first", device="cpu"
    )
    return timed(
        lambda: [
            [Span(start=one["start"], end=one["end"], label=one["entity_group"]) for one in tag(text)] for text in texts
        ]
    )


def batched_predict_entities(peer: TrainedPeer, texts: Sequence[str], *, batch: int = 32) -> Predicted[list[Span]]:
    """The entities of each text, by batches of texts of like length; words and their tags as the pipeline has them.

    Args:
        peer: From `train_tagger`, with tags in the BIO scheme.
        texts: Raw texts.
        batch: Texts in one forward pass.
    """
    ready(peer)
    return timed(lambda: [_entities(*one) for one in _tagged_words(peer, texts, batch)])


def tag_words(peer: TrainedPeer, sentences: Sequence[Sequence[str]], *, batch: int = 32) -> Predicted[list[str]]:
    """A tag for each given word, as scores want them, by batches of sentences of like length.

    Args:
        peer: From `train_tagger`.
        sentences: Words of each sentence; a word without pieces, or past the model's longest input, is tagged `O`.
        batch: Sentences in one forward pass.
    """
    ready(peer)

    def work() -> list[list[str]]:
        tagged = _tagged_words(peer, sentences, batch, is_split_into_words=True)
        return [
            [tags.get(place, "O") for place in range(len(words))]
            for words, (_, tags) in zip(sentences, tagged, strict=True)
        ]

    return timed(work)


def _tagged_words(
    peer: TrainedPeer, inputs: Sequence[Any], batch: int, **options: Any
) -> Iterator[tuple[Any, dict[int, str]]]:
    """Of each input its encoding, and the tag of each word, which is that of its first piece."""
    encoded = list(tokenised(peer.tokenizer, inputs, truncation=True, **options))
    best = by_length(peer, [feature for _, feature, _ in encoded], batch, best_label)
    names = peer.model.config.id2label
    for (_, _, encoding), rows in zip(encoded, best, strict=True):
        yield encoding, {word: names[int(rows[piece])] for word, piece in _first_pieces(encoding.word_ids).items()}


def _entities(encoding: Any, tags: dict[int, str]) -> list[Span]:
    words = [encoding.word_to_chars(word) for word in tags]
    return [
        Span(start=words[start][0], end=words[end - 1][1], label=label)
        for start, end, label in decode_tags(list(tags.values()), "BIO")
    ]


def _first_pieces(word_ids: Sequence[int | None]) -> dict[int, int]:
    """Where the first piece of each word is; `word_ids` holds the word of each piece, None for specials."""
    firsts: dict[int, int] = {}
    for piece, word in enumerate(word_ids):
        if word is not None:
            firsts.setdefault(word, piece)
    return firsts
