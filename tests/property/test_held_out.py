"""Dev data held out of training data: deterministic, whole, about the share of each label, no text on both sides."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbert.core.errors import InputError
from spanbert.core.types import Document
from spanbert.corpus.data import documents_of, source_facts
from spanbert.corpus.formats.registry import open_data
from spanbert.corpus.held_out import HeldOut, hold_out

TEXTS = st.lists(st.text("ab ", min_size=1, max_size=4), min_size=2, max_size=60)


def documents(texts: list[str], labels: list[str] | None = None) -> list[Document]:
    names = labels or [""] * len(texts)
    return [
        Document(id=str(number), text=text, labels=(label,) if label else None)
        for number, (text, label) in enumerate(zip(texts, names, strict=True))
    ]


@given(TEXTS, st.floats(0.01, 0.99), st.integers(0, 2**32))
def test_parts_share_no_text_whatever_the_order(texts: list[str], share: float, seed: int):
    given_ = documents(texts)
    if len({text.strip() for text in texts}) < 2:
        with pytest.raises(InputError, match="too few texts"):
            hold_out(given_, HeldOut(share=share))
        return
    split = hold_out(given_, HeldOut(share=share))
    train, dev = ([one.text.strip() for one in documents_of(part)] for part in (split.train, split.dev))
    assert train
    assert dev
    assert not set(train) & set(dev)
    assert sorted(train + dev) == sorted(text.strip() for text in texts)
    shuffled = list(texts)
    Random(seed).shuffle(shuffled)
    again = hold_out(documents(shuffled), HeldOut(share=share))
    assert sorted(one.text.strip() for one in documents_of(again.dev)) == sorted(dev)


@given(st.lists(st.sampled_from("aab"), min_size=20, max_size=300), st.sampled_from([0.1, 0.2, 0.5]))
def test_each_label_has_about_its_share(labels: list[str], share: float):
    made = documents([f"text {number}" for number in range(len(labels))], labels)
    split = hold_out(made, HeldOut(share=share))
    counts, held = Counter(labels), Counter(one.labels[0] for one in documents_of(split.dev))
    assert sum(held.values()) == max(round(share * len(labels)), 1) or len(counts) > 1
    for label, count in counts.items():
        assert abs(held[label] - share * count) <= 1
        assert held[label] < count, "no label is held out whole"


def test_numbers_to_predict_are_no_labels():
    made = documents([f"text {number}" for number in range(200)], [f"{number / 7:.3f}" for number in range(200)])
    assert len(documents_of(hold_out(made, HeldOut(share=0.1)).dev)) == 20


def column_file(path: Path, texts: list[list[str]], mark: str) -> Path:
    lines = []
    for sentences in texts:
        lines += [mark, ""] if mark else []
        for sentence in sentences:
            lines += [f"{word} O" if word != "Ann" else "Ann B-PER" for word in sentence.split()] + [""]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("mark", ["-DOCSTART- O", "# newdoc id = 1"])
def test_texts_that_the_file_marks_stay_whole(tmp_path: Path, mark: str):
    texts = [[f"Ann saw {n} {m}" for m in range(5)] + ["The end"] for n in range(20)]
    file = open_data(column_file(tmp_path / "a.conll", texts, mark), among=("columns",))
    split = hold_out(file, HeldOut(share=0.2))
    dev = [one.text for one in documents_of(split.dev)]
    assert "The end" not in dev, "training texts have it"
    assert len(dev) == 4 * 5
    assert {text.split()[2] for text in dev}.isdisjoint(
        one.text.split()[2] for one in documents_of(split.train) if "saw" in one.text
    )
    assert "whole texts, as the file marks them; 4 more left out" in split.line
    assert "20 of 120 documents of a.conll held out (20%)" in split.line


def test_the_parts_of_a_file_have_names_and_hashes_of_their_own(tmp_path: Path):
    file = open_data(column_file(tmp_path / "a.conll", [[f"Ann saw {n}"] for n in range(30)], ""), among=("columns",))
    split = hold_out(file, HeldOut(share=0.1))
    assert split.dev.name == "a.conll (10% held out: 3 of 30 documents)"
    found = [
        source_facts(one)["sha256"] for one in (file, split.train, split.dev, hold_out(file, HeldOut(share=0.5)).dev)
    ]
    assert len(set(found)) == 4
    assert source_facts(hold_out(file, HeldOut(share=0.1)).dev) == source_facts(split.dev)


@pytest.mark.parametrize("given_", ["0%", "100%", "250%", "0.0", 0, 1, 1.5, float("nan")])
def test_shares_that_leave_nothing(given_):
    with pytest.raises(InputError, match="not a share to hold out"):
        HeldOut.parse(given_, where="dev")


@pytest.mark.parametrize("given_", [None, "dev.tsv", Path("dev.tsv"), "%", "a%", [], True])
def test_what_is_no_share(given_):
    assert HeldOut.parse(given_, where="dev") is None


def test_a_file_of_that_name_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert HeldOut.parse("10%", where="dev") == HeldOut.parse(Path("10%"), where="dev") == HeldOut(share=0.1)
    (tmp_path / "10%").touch()
    assert HeldOut.parse("10%", where="dev") is None
    for fraction in ("0.2", ".2", Path("0.2")):
        assert HeldOut.parse(fraction, where="dev") == HeldOut(share=0.2)
    (tmp_path / "0.2").touch()
    assert HeldOut.parse("0.2", where="dev") is None
