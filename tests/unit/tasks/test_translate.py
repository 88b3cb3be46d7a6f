"""Translation from documents to windows and back; the head stands for a model that copies."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from spanbert.core.errors import InputError
from spanbert.core.types import Document
from spanbert.encoder.config import EncoderConfig
from spanbert.tasks.base import WindowConfig
from spanbert.tasks.protocol import Generated, HeadContext, Hypothesis
from spanbert.tasks.translate.config import TranslateConfig
from spanbert.tasks.translate.task import VOCABULARY, TranslateTask
from spanbert.tokens.target_vocabulary import END

NOUNS, VERBS = ("fox", "dog", "cat", "king", "queen", "child"), ("sees", "finds", "carries")
SINGLE = [
    (f"the {one} {verb} the {other}.", f"Ü {one} {verb}!") for one in NOUNS for verb in VERBS for other in NOUNS[:3]
]


def task_of(pieces, pairs=SINGLE, **settings) -> TranslateTask:
    documents = [Document(id=str(number), text=text, target=target) for number, (text, target) in enumerate(pairs)]
    return TranslateTask.from_training(
        "t", documents, config=TranslateConfig(vocabulary=300, **settings), window=WindowConfig(), tokenizer=pieces,
        positions=32,
    )  # fmt: skip


def copied(task: TranslateTask, text: str) -> str:
    """The translation of a text by a model that writes every part in capitals."""
    [windowed] = task.tokenize([Document(id="1", text=text)])
    outputs = []
    for start, end in windowed.stretches:
        [ids] = task.vocabulary.encode_batch([text[start:end].upper()])
        one = Hypothesis(ids=np.append(ids, END), score=-1.0, log_probability=-2.0)
        outputs.append(Generated(hypotheses=[one]))
    assert len(task.windows(windowed)) == len(outputs) == len(task.references(windowed))
    return task.decode(windowed, outputs).text


def test_what_lies_between_sentences_stays(tokenizer):
    task = task_of(tokenizer)
    assert task.learned.one_sentence
    assert copied(task, "The fox runs. A dog sleeps!  The king") == "THE FOX RUNS. A DOG SLEEPS!  THE KING"
    assert copied(task, "  The fox.\n\n\tThe dog. The cat.\n") == "  THE FOX.\n\n\tTHE DOG. THE CAT.\n"
    assert copied(task, "") == ""
    assert copied(task, " \n ") == " \n "
    long = " ".join(["the fox"] * 40)
    assert copied(task, long) == long.upper()
    [windowed] = task.tokenize([Document(id="1", text=long)])
    assert all(end - start <= task.learned.usual for start, end in windowed.windows), (
        "none much longer than in training"
    )
    task.config = task.config.model_copy(update={"split": "never"})
    [windowed] = task.tokenize([Document(id="1", text=long)])
    assert max(end - start for start, end in windowed.windows) == 30  # what the encoder's positions allow
    task.config = task.config.model_copy(update={"split": "auto"})
    assert copied(task, "今天下雨。他没来。") == "今天下雨。 他没来。"


def test_texts_of_several_sentences_are_left_whole_where_training_had_such(tokenizer):
    pairs = [(f"{one} {two}", f"{other} {another}") for (one, other), (two, another) in pairwise(SINGLE)]
    task = task_of(tokenizer, pairs)
    assert not task.learned.one_sentence
    [windowed] = task.tokenize([Document(id="1", text="The fox runs. A dog sleeps.")])
    assert windowed.stretches == [(0, 27)]
    task.config = task.config.model_copy(update={"split": "always"})
    [windowed] = task.tokenize([Document(id="1", text="The fox runs. A dog sleeps.")])
    assert windowed.stretches == [(0, 13), (14, 27)]


def test_chinese_translations_have_no_blanks_between_sentences(tokenizer):
    task = task_of(tokenizer, [(text, "今天下雨。") for text, _ in SINGLE])
    assert task.bleu_tokenizer == "zh"
    assert list(task.remarks([])) == ["t: BLEU divides words by sacreBLEU's 'zh', by the script of the targets"]
    assert copied(task, "The fox. The dog.\nThe cat.") == "THE FOX.THE DOG.\nTHE CAT."


@pytest.mark.parametrize(
    ("target", "tokenizer_name"),
    [("Er schläft.", "13a"), ("他在睡觉。", "zh"), ("彼は寝ています。", "ja-mecab"), ("그는 자고 있다.", "ko-mecab")],
)
def test_how_words_are_divided_is_chosen_by_the_script(tokenizer, target: str, tokenizer_name: str):
    assert task_of(tokenizer, [("the fox", target)] * 3).bleu_tokenizer == tokenizer_name
    assert task_of(tokenizer, [("the fox", target)] * 3, tokenizer="char").bleu_tokenizer == "char"


def test_examples_hold_whole_pairs_alone(tokenizer):
    task = task_of(tokenizer)
    documents = [
        Document(id="1", text="the fox. the dog.", target="Der Fuchs."),
        Document(id="2", text="the fox", target=" "),
        Document(id="3", text="", target="Der Fuchs."),
        Document(id="4", text="the fox " * 30, target="Der Fuchs."),
        Document(id="5", text="the fox"),
        Document(id="6", text="the fox", target="Der Fuchs. " * 1000),
    ]
    found = [task.examples(windowed) for windowed in task.tokenize(documents)]
    assert [len(one) for one in found] == [1, 0, 0, 0, 0, 0]
    [example] = found[0]
    assert example.target.units == example.written == len(example.target.gold) + 1
    assert example.tokens == len(example.window.ids) + example.written
    assert task.vocabulary.decode(example.target.gold.tolist()) == "Der Fuchs."
    assert [task.is_labelled(one) for one in documents] == [True, True, True, True, False, True]
    for number in (1, 2):
        with pytest.raises(InputError, match="an empty"):
            task.check(documents[number])


def test_references_are_of_texts_in_one_part(tokenizer):
    task = task_of(tokenizer)
    one, two, three = task.tokenize(
        [
            Document(id="1", text="the fox", target="x"),
            Document(id="2", text="A fox. A dog.", target="x"),
            Document(id="3", text="a"),
        ]
    )
    assert len(task.references(one)[0]) == 1
    assert task.references(two) == [None, None]
    assert task.references(three) == [None]


def test_it_is_built_again_from_a_bundle(tokenizer, tmp_path: Path):
    task = task_of(tokenizer, layers=2, width=24, heads=4, n_best=2, beam=3)
    head = task.build_head(
        HeadContext(encoder=EncoderConfig(vocab_size=50, hidden_size=16, heads=2), tokenizer=tokenizer)
    )
    assert vars(head.decoder.shape)["width"] == 24
    again = TranslateTask.from_manifest("t", task.manifest(), tokenizer=tokenizer, positions=32)
    with pytest.raises(InputError, match=VOCABULARY):
        again.manifest()
    (tmp_path / VOCABULARY).write_bytes(task.assets[VOCABULARY])
    again.assets = {VOCABULARY: tmp_path / VOCABULARY}
    assert again.manifest() == task.manifest()
    assert again.generation == task.generation
    assert again.generation["best"] == 2
    assert again.for_report().generation["attention"] == 1.0
    assert again.generation["attention"] == 0.0


def test_a_task_goes_on_with_the_vocabulary_of_an_earlier_one(tokenizer, tmp_path: Path):
    task = task_of(tokenizer, layers=2)
    task.build_head(HeadContext(encoder=EncoderConfig(vocab_size=50, hidden_size=16, heads=2), tokenizer=tokenizer))
    (tmp_path / VOCABULARY).write_bytes(task.assets[VOCABULARY])
    entry, assets = task.manifest(), {VOCABULARY: tmp_path / VOCABULARY}
    own = TranslateTask.continued(TranslateConfig(), entry, assets)
    assert (own.layers, own.width) == (2, 16)
    assert own.model_dump()["vocabulary"] == 8000
    documents = [Document(id="1", text="the fox", target="Ganz anders.")]
    made = TranslateTask.from_training(
        "t", documents, config=own, window=WindowConfig(), tokenizer=tokenizer, positions=32
    )
    assert made.vocabulary.fingerprint == task.vocabulary.fingerprint
    asked = TranslateConfig(vocabulary=290)
    assert TranslateTask.continued(asked, entry, assets) is asked


def test_settings_that_do_not_fit(tokenizer):
    with pytest.raises(InputError, match="more translations than hypotheses"):
        task_of(tokenizer, n_best=6)
    with pytest.raises(InputError, match="no text with a translation"):
        task_of(tokenizer, [("a", " "), (" ", "b")])
    with pytest.raises(InputError, match="heads that do not divide the width"):
        task_of(tokenizer, heads=3).build_head(
            HeadContext(encoder=EncoderConfig(vocab_size=50, hidden_size=16, heads=2), tokenizer=tokenizer)
        )
    with pytest.raises(InputError, match="no such file"):
        TranslateTask.from_training(
            "t", [Document(id="1", text="a", target="b")], config=TranslateConfig(vocabulary="missing.json"),
            window=WindowConfig(), tokenizer=tokenizer, positions=32,
        )  # fmt: skip
