"""Lists of tokens and tags as on the Hugging Face hub: columns, names of labels, what is written, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import pyarrow
import pytest
from pyarrow import parquet

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Span
from spanbert.corpus.data import local_file
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.formats.format import ReadSettings, WriteSettings
from spanbert.corpus.formats.label_names import stated_names
from spanbert.corpus.formats.registry import family_of, marked_formats, open_data, write_data
from spanbert.corpus.raw.hub import HubDataset
from tests.format_samples import TOKENS, lines

NAMES = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
ROWS = [{"tokens": ["Ann", "Lee", "left"], "ner_tags": [1, 2, 0]}, {"tokens": ["Rome"], "ner_tags": [3]}]
SPANS = [(Span(start=0, end=7, label="PER"),), (Span(start=0, end=4, label="LOC"),)]
CARD = """---
license: mit
dataset_info:
- config_name: one
  features:
  - name: tokens
    sequence: string
  - name: ner_tags
    sequence:
      class_label:
        names:
          '0': O
          '1': B-PER
          '2': I-PER
          '3': B-LOC
          '4': I-LOC
---
# A data set
"""


def opened(path: Path, **settings: object) -> DataFile:
    return open_data(path, among=family_of("columns"), settings=ReadSettings(**settings))


def rows_file(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.jsonl").write_text(lines(ROWS))
    return folder / "a.jsonl"


def features(kind: str = "List") -> datasets.Features:
    label = datasets.ClassLabel(names=list(NAMES))
    made = {"List": datasets.List, "Sequence": datasets.Sequence}[kind]
    return datasets.Features({"tokens": made(datasets.Value("string")), "ner_tags": made(label)})


@pytest.mark.parametrize("kind", ["List", "Sequence"])
def test_names_of_labels_in_the_schema_of_parquet(tmp_path: Path, kind: str):
    path = tmp_path / "neutral.bin"
    datasets.Dataset.from_list(ROWS, features=features(kind)).to_parquet(str(path))
    data = opened(path)
    assert data.format.name == "hf-tokens"
    assert data.settings.columns.labels == NAMES
    assert [document.spans for document in data.documents()] == SPANS
    assert "5 names of labels" in data.description


@pytest.mark.parametrize("folder", [".", "data"])
@pytest.mark.parametrize("where", ["README.md", "dataset_info.json", "dataset_infos.json", "option", "file"])
def test_names_of_labels_beside_the_file_or_stated(tmp_path: Path, where: str, folder: str):
    path, stated = rows_file(tmp_path / "set" / folder), None
    info = {"features": {"ner_tags": {"feature": {"names": list(NAMES), "_type": "ClassLabel"}, "_type": "Sequence"}}}
    if where == "README.md":
        (tmp_path / "set" / where).write_text(CARD)
    elif where == "dataset_info.json":
        (tmp_path / "set" / where).write_text(json.dumps(info))
    elif where == "dataset_infos.json":
        (tmp_path / "set" / where).write_text(json.dumps({"default": info}))
    elif where == "option":
        stated = stated_names("O, B-PER,I-PER,B-LOC,I-LOC")
    else:
        (tmp_path / "names.txt").write_text("\n".join(NAMES) + "\n")
        stated = stated_names(str(tmp_path / "names.txt"))
    data = opened(path, label_names=stated)
    assert [document.spans for document in data.documents()] == SPANS
    assert next(iter(data.documents())).columns["tag"] == ("B-PER", "I-PER", "O")


def test_numbers_that_nothing_names(tmp_path: Path):
    path = rows_file(tmp_path / "set")
    with pytest.raises(InputError, match=r"a\.jsonl: numbers in 'ner_tags', and nothing that says .* got \[1, 2, 0\]"
                       r"\. Pass --label-names O,B-PER,I-PER"):  # fmt: skip
        opened(path)
    with pytest.raises(
        InputError, match=r"a\.jsonl:1: not a tag in 'ner_tags'; got 2; expected names, or numbers from 0 to 1"
    ):
        list(opened(path, label_names=("O", "B-PER")).documents())
    (tmp_path / "set" / "README.md").write_text(CARD)
    (tmp_path / "set" / "dataset_info.json").write_text(
        json.dumps({"features": {"ner_tags": {"feature": {"names": ["O", "X"], "_type": "ClassLabel"}}}})
    )
    with pytest.raises(InputError, match="the configurations of this data set name the labels in different ways"):
        opened(path)
    for card in ("no head", "---\n: : :\n- [\n---\n", "---\ndataset_info: 7\n---\n"):
        (tmp_path / "set" / "README.md").write_text(card)
        (tmp_path / "set" / "dataset_info.json").unlink(missing_ok=True)
        with pytest.raises(InputError, match="nothing that says what they stand for"):
            opened(path)


@pytest.mark.parametrize("given", ["", ",", "O,O", "none.txt"])
def test_names_that_are_none(given: str):
    with pytest.raises(InputError, match="--label-names: (no names of labels|a label named twice|neither names with)"):
        stated_names(given)


@pytest.mark.parametrize(
    ("layer", "settings", "tags"),
    [
        ("auto", {}, ("B-PER", "O", "B-LOC", "O")),
        ("ner", {}, ("B-PER", "O", "B-LOC", "O")),
        ("upos", {}, ("NNP", "VBD", "NNP", ".")),
        ("xpos", {}, ("NNP", "VBD", "NNP", ".")),
        ("auto", {"label_column": "pos_tags"}, ("NNP", "VBD", "NNP", ".")),
        ("auto", {"text_column": "pos_tags", "label_column": "tokens"}, ("Ann", "left", "Rome", ".")),
    ],
)
def test_which_tags_are_read(tmp_path: Path, layer: str, settings: dict, tags: tuple[str, ...]):
    (tmp_path / "a.jsonl").write_text(lines(TOKENS))
    data = opened(tmp_path / "a.jsonl", layer=layer, **settings)
    first = next(iter(data.documents()))
    assert first.columns["tag"] == tags
    assert (first.spans is None) == (tags[0] != "B-PER")


def test_other_names_of_columns_are_named_or_refused(tmp_path: Path):
    (tmp_path / "a.json").write_text(lines([{"pieces": ["Ann", "left"], "gold": ["B-PER", "O"]}]))
    with pytest.raises(
        InputError, match=r"cannot tell which columns hold .* got columns pieces, gold\. Name them with"
    ):
        opened(tmp_path / "a.json")
    with pytest.raises(InputError, match=r"no column 'piece'; got columns pieces, gold\. did you mean 'pieces'"):
        opened(tmp_path / "a.json", text_column="piece", label_column="gold")
    [document] = opened(tmp_path / "a.json", text_column="pieces", label_column="gold").documents()
    assert (document.text, document.spans) == ("Ann left", (Span(start=0, end=3, label="PER"),))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"tokens": ["Ann"], "ner_tags": ["B-PER", "O"]}, "not a tag for each word; got 2 tags; expected 1"),
        ({"tokens": ["Ann", " "], "ner_tags": ["B-PER", "O"]}, "an empty word"),
        ({"tokens": ["Ann"], "ner_tags": ["PER"]}, "not a tag; got 'PER'"),
        ({"tokens": ["Ann"], "ner_tags": [None]}, "not a tag in 'ner_tags'; got None"),
        ({"tokens": "Ann", "ner_tags": ["O"]}, "no list of words in 'tokens'"),
        ({"tokens": [1], "ner_tags": ["O"]}, "no list of words in 'tokens'"),
        ({"tokens": ["Ann"], "ner_tags": "O"}, "no list of tags in 'ner_tags'; got str"),
        ([1], "not a JSON object; got list"),
    ],
)
def test_broken_rows_are_named_and_can_be_left_out(tmp_path: Path, row: object, message: str):
    path = tmp_path / "a.jsonl"
    path.write_text(lines([*[TOKENS[0]] * 1000, row, TOKENS[1]]))  # after what is looked at first
    data = opened(path)
    with pytest.raises(InputError, match=rf"a\.jsonl:1001: {message}"):
        list(data.documents())
    told: list[InputError] = []
    assert len(list(data.documents(told.append))) == 1001
    assert len(told) == 1


def test_unlabelled_rows_are_texts_without_annotation(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text(lines([{"tokens": ["Ann"], "ner_tags": None}, TOKENS[0]]))
    bare, first = opened(tmp_path / "a.jsonl").documents()
    assert (bare.text, bare.spans, dict(bare.columns)) == ("Ann", None, {})
    write_data([bare, first], tmp_path / "b", to="hf-tokens")
    assert next(json.loads(line) for line in (tmp_path / "b").read_text().splitlines()) == {
        "tokens": ["Ann"], "ner_tags": None}  # fmt: skip


def test_parquet_is_what_datasets_expects(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text(lines(TOKENS))
    documents = list(opened(tmp_path / "a.jsonl").documents())
    write_data(documents, tmp_path / "a.parquet", to="hf-tokens")
    loaded = datasets.Dataset.from_parquet(str(tmp_path / "a.parquet"), cache_dir=str(tmp_path / "cache"))
    assert loaded.features["ner_tags"].feature.names == ["O", "B-LOC", "I-LOC", "B-PER"]
    assert loaded[0]["ner_tags"] == [3, 0, 1, 0]
    assert loaded[0]["pos_tags"] == ["NNP", "VBD", "NNP", "."]
    again = list(opened(tmp_path / "a.parquet").documents())
    assert [(one.id, one.text, one.spans) for one in again] == [(one.id, one.text, one.spans) for one in documents]


def test_a_text_that_blanks_do_not_give_back_is_kept(tmp_path: Path):
    words = (Span(start=0, end=3), Span(start=3, end=4), Span(start=6, end=10))
    document = Document(id="1", text="Ann,  left", words=words, spans=(Span(start=0, end=3, label="PER"),))
    for name in ("a.jsonl", "a.parquet"):
        write_data([document], tmp_path / name, to="hf-tokens")
        [again] = opened(tmp_path / name).documents()
        assert (again.text, again.words, again.spans) == (document.text, words, document.spans)


def test_spans_that_changed_change_their_tags_alone(tmp_path: Path):
    from dataclasses import replace

    (tmp_path / "a.jsonl").write_text(lines(TOKENS))
    first, *rest = opened(tmp_path / "a.jsonl").documents()
    write_data([replace(first, spans=first.spans[:1]), *rest], tmp_path / "b", to="hf-tokens")
    rows = [json.loads(line) for line in (tmp_path / "b").read_text().splitlines()]
    assert rows == [{**TOKENS[0], "ner_tags": ["B-PER", "O", "O", "O"]}, *TOKENS[1:]]
    write_data([first], tmp_path / "c", to="hf-tokens", settings=WriteSettings(scheme="BIOES"))
    assert json.loads((tmp_path / "c").read_text())["ner_tags"] == ["S-PER", "O", "S-LOC", "O"]


def test_spans_and_tags_a_word_are_not_mixed(tmp_path: Path):
    words = (Span(start=0, end=3),)
    spanned = Document(id="1", text="Ann", words=words, spans=())
    tagged = Document(id="2", text="Ann", words=words, columns={"tag": ("NNP",)})
    with pytest.raises(InputError, match="2: a text with spans among texts with a tag a word, or vice versa"):
        write_data([spanned, tagged], tmp_path / "a", to="hf-tokens")
    assert not (tmp_path / "a").exists()


def test_parquet_without_words_and_tags(tmp_path: Path):
    parquet.write_table(pyarrow.table({"text": ["Ann"], "label": [1]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet: cannot tell which columns hold the words and their tags; got "
                       r"columns text, label"):  # fmt: skip
        opened(tmp_path / "a.parquet")
    assert marked_formats(tmp_path / "a.parquet") == []
    (tmp_path / "b.parquet").write_bytes(b"PAR1" + b"\0" * 30)
    with pytest.raises(InputError, match="not a whole Parquet file"):
        opened(tmp_path / "b.parquet")


def test_a_data_set_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder stands for a data set of the hub: `datasets` loads both in the same way."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "set" / "data").mkdir(parents=True)
    made = datasets.Dataset.from_list(ROWS, features=features())
    made.to_parquet(str(tmp_path / "set" / "data" / "train-00000-of-00001.parquet"))
    source = f"hf:{tmp_path / 'set'}:train"
    path = local_file(source)
    assert [document.spans for document in opened(path).documents()] == SPANS
    written = path.stat().st_mtime_ns
    assert local_file(source) == path
    assert path.stat().st_mtime_ns == written  # it is made once
    assert local_file(tmp_path / "a.jsonl") == tmp_path / "a.jsonl"
    for name, message in (("hf:nobody/nothing", "cannot be opened"), ("hf:a:b:c", "not a data set")):
        with pytest.raises(InputError, match=message):
            local_file(name)


@pytest.mark.parametrize("splits", [True, False])
def test_a_data_set_that_was_saved_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, splits: bool):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    made = datasets.Dataset.from_list(ROWS, features=features()).add_column("name", ["a", "b"])
    (datasets.DatasetDict({"train": made, "dev": made.select([0])}) if splits else made).save_to_disk(tmp_path / "set")
    assert [one.spans for one in opened(local_file(f"hf:{tmp_path / 'set'}:train")).documents()] == SPANS
    if splits:
        assert len(list(opened(local_file(f"hf:{tmp_path / 'set'}:dev")).documents())) == 1
        with pytest.raises(InputError, match="no such split; got test; expected train, dev"):
            local_file(f"hf:{tmp_path / 'set'}:test")
    streamed = HubDataset.parse(f"hf:{tmp_path / 'set'}").read("name")
    assert [one.text for one in streamed] == ["a", "b"]


def test_a_folder_of_a_data_set_is_told_how_to_be_named(tmp_path: Path):
    (tmp_path / "set" / "data").mkdir(parents=True)
    with pytest.raises(InputError, match="a directory, not an annotated file") as raised:
        opened(tmp_path / "set")
    assert "Hugging Face" not in str(raised.value)
    datasets.Dataset.from_list(ROWS).to_parquet(str(tmp_path / "set" / "data" / "train.parquet"))
    with pytest.raises(InputError, match=f"If it is a data set of Hugging Face, hf:{tmp_path / 'set'}:train"):
        opened(tmp_path / "set")


def test_fields_of_later_texts_alone_are_in_parquet_too(tmp_path: Path):
    rows = [{"tokens": ["a"], "ner_tags": ["O"]}, {"tokens": ["b"], "ner_tags": ["O"], "text": " b ", "source": "ours"}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    among = family_of("hf-tokens")
    write_data(open_data(tmp_path / "a.jsonl", among=among).documents(), tmp_path / "b.parquet", to="hf-tokens")
    again = list(open_data(tmp_path / "b.parquet", among=among).documents())
    assert [one.text for one in again] == ["a", " b "]
    assert again[1].origin.record["source"] == "ours"
