"""Speakers of words, and what pairs of mentions are worth by them."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

import spanbert
from spanbert import TaskData
from spanbert.core.files import read_json
from spanbert.core.types import Document, Span
from spanbert.corpus.text.words import split_words
from spanbert.tasks.base import WindowConfig
from spanbert.tasks.coref.config import CorefConfig
from spanbert.tasks.coref.links import BUCKETS, Linker, Mentions
from spanbert.tasks.coref.speakers import NOBODY, speaker_numbers
from spanbert.tasks.coref.task import CorefTask
from tests.labelled import FILLER, tune, write_lines


def numbers(text: str, speakers: tuple[str, ...] | None = None) -> list[int]:
    words = [Span(start=start, end=end) for start, end in split_words(text, joined=False)]
    columns = {} if speakers is None else {"speaker": speakers}
    document = Document(id="d", text=text, words=None if speakers is None else tuple(words), columns=columns)
    return speaker_numbers(document, words).tolist()


def test_the_names_of_a_format():
    assert numbers("I saw you there", ("Ann", "Ann", "Bob", "-")) == [1, 1, 2, 0]
    assert numbers("I saw", ("-", "")) == [0, 0]


def test_the_names_before_speeches():
    text = "They met.\nANN: I left.\nReally.\nBOB: I too.\nANN: Oh.\n\nThey go."
    said = dict(zip([text[start:end] for start, end in split_words(text, joined=False)], numbers(text), strict=False))
    assert (said["They"], said["left"], said["Really"], said["too"], said["Oh"], said["go"]) == (0, 1, 1, 2, 1, 0)
    assert set(numbers("Ann: I left.\nYou too.")) == {0}, "one such line alone is no dialogue"
    assert set(numbers("Note: I left.\nWarning: I too.\nFrom: Ann\nTo: Bob")) == {0}
    assert set(numbers("- Milk: two\n- Bread: one")) == {0}, "a list"
    assert set(numbers("- Ann: I left.\n- Bob: I too.\n- Ann: Oh.")[1:]) == {1, 2}
    assert numbers("**Ann:** I left.\n[10:05] Bob: I too.")[-2:] == [2, 2]


def test_a_mention_far_back_is_remembered_with_its_speaker():
    """Two names that differ in their speakers alone, further back than what is compared with every mention."""
    count = 1200
    speaker = np.full(count, NOBODY)
    speaker[[3, 5, -2, -1]] = 1, 2, 1, 2
    lasting = np.zeros(count, dtype=bool)
    lasting[[3, 5]] = True
    score = np.where(speaker == NOBODY, -10, 0).astype(np.float32)
    mentions = Mentions(
        first_M=np.arange(count),
        words_M=np.arange(count, dtype=np.uint64),
        lasting_M=lasting,
        mention_M=score,
        key_Md=np.zeros((count, 2), dtype=np.float32),
        query_Md=np.zeros((count, 2), dtype=np.float32),
        near_MB=np.zeros((count, BUCKETS), dtype=np.float32),
        same_M=None,
        spoken_M2=np.tile(np.array([2, -2], dtype=np.float32), (count, 1)),
        speaker_M=speaker,
    )
    linker = Linker(100)
    linker.add(mentions)
    links = [(one.mention, one.antecedent, one.score) for one in linker.finish()]
    assert links == [(count - 2, 3, 2.0), (count - 1, 5, 2.0)]


def test_they_are_looked_at_where_training_has_them(tokenizer):
    text = "i saw a fox and you saw i"
    words = tuple(Span(start=start, end=end) for start, end in split_words(text, joined=False))
    clusters = ((words[0], words[5]),)

    def made(names: tuple[str, ...] | None, **options) -> CorefTask:
        columns = {} if names is None else {"speaker": names}
        document = Document(id="d", text=text, words=words, clusters=clusters, columns=columns)
        config = CorefConfig(size=8, **options)
        return CorefTask.from_training(
            "t", [document], config=config, window=WindowConfig(), tokenizer=tokenizer, positions=64
        )

    two = ("Ann",) * 4 + ("Bob",) * 4
    assert made(two).speakers
    assert not made(None).speakers
    assert not made(("Ann",) * 8).speakers, "one speaker tells nothing"
    assert not made(two, speakers="no").speakers
    assert made(None, speakers="yes").speakers
    entry = made(two).manifest()
    assert CorefTask.from_manifest("t", entry, tokenizer=tokenizer, positions=64).speakers
    assert "speakers" not in made(None).manifest(), "as earlier versions wrote it"


def dialogue_file(path: Path, count: int, seed: int) -> Path:
    """`i` is whoever speaks: the clusters are those of the speakers, and the words say nothing of them."""
    draw = random.Random(seed)
    records = []
    for number in range(count):
        sentences, speakers, clusters = [], [], {"A": [], "B": []}
        for _ in range(6):
            name = draw.choice("AB")
            place = sum(map(len, sentences)) + 1
            sentences.append([draw.choice(FILLER), "king", draw.choice(FILLER), "."])
            speakers.append([name] * 4)
            clusters[name].append([place, place])
        records.append({"doc_key": f"{seed}-{number}", "sentences": sentences, "speakers": speakers,
                        "clusters": [one for one in clusters.values() if len(one) > 1]})  # fmt: skip
    return write_lines(path, records)


def test_a_tiny_model_learns_who_speaks(hugging_face_model: Path, tmp_path: Path):
    data = TaskData(
        kind="coref",
        train=dialogue_file(tmp_path / "train.jsonl", 96, 1),
        dev=dialogue_file(tmp_path / "dev.jsonl", 16, 2),
        options=CorefConfig(size=16, longest_mention=3),
    )
    result = tune({"coref": data}, hugging_face_model, tmp_path / "out", "train.max_steps=120")
    assert result.scores["coref"]["conll_f1"] > 0.9
    assert read_json(result.path / "spanbert.json")["tasks"]["coref"]["speakers"]
    nlp = spanbert.load(result.path)
    lines = ["A: the king runs .", "B: a king sleeps .", "A: the king sleeps .", "B: the king runs ."]
    doc = nlp("\n".join(lines))
    found = [{doc.text.count("\n", 0, mention.start) for mention in cluster} for cluster in doc.clusters]
    assert found
    assert all(lines in ({0, 2}, {1, 3}) for lines in found), "the names before speeches say who speaks"
