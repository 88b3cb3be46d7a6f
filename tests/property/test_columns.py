"""Column files come back byte for byte, and changed spans change the cells of tags alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.core.errors import InputError
from spanbert.core.tagging import SCHEMES, encode_tags
from spanbert.core.types import Span
from spanbert.corpus.columns import column_lines, guess_format, read_columns, write_columns
from spanbert.corpus.files import SourceFile

CONLLU = """\
# newdoc id = a
# sent_id = a-1
# text = I don't like New York.
1\tI\tI\tPRON\tPRP\t_\t3\tnsubj\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\tdo\tAUX\tVBP\t_\t3\taux\t_\tSpaceAfter=No
3\tn't\tnot\tPART\tRB\t_\t4\tadvmod\t_\t_
4\tlike\tlike\tVERB\tVB\t_\t0\troot\t_\t_
5\tNew\tNew\tPROPN\tNNP\t_\t4\tobj\t_\tNER=B-LOC|Gloss=x
6\tYork\tYork\tPROPN\tNNP\t_\t5\tflat\t_\tSpaceAfter=No|NER=I-LOC
7\t.\t.\tPUNCT\t.\t_\t4\tpunct\t_\t_

"""


def source(path: Path) -> SourceFile:
    return SourceFile(path=path, name=path.name)


def lines_of(path: Path, **how: object) -> list[str]:
    file = source(path)
    return list(column_lines(read_columns(file, dataclasses.replace(guess_format(file), **how))))


word = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=6).filter(
    lambda text: not text.startswith(("#", "-DOCSTART-"))
)


@given(
    data=st.data(),
    scheme=st.sampled_from(SCHEMES),
    separator=st.sampled_from(["\t", " ", "   "]),
    extra=st.integers(0, 3),
)
@settings(max_examples=60, deadline=None)
def test_files_come_back_byte_for_byte(tmp_path_factory, data, scheme, separator: str, extra: int):
    text = ""
    for _ in range(data.draw(st.integers(1, 4))):
        words = data.draw(st.lists(word, min_size=1, max_size=6))
        start = data.draw(st.integers(0, len(words) - 1))
        spans = [(start, data.draw(st.integers(start + 1, len(words))), data.draw(st.sampled_from(["PER", "LOC"])))]
        tags = encode_tags(spans, len(words), scheme)
        text += "".join(separator.join([one, *["x"] * extra, tag]) + "\n" for one, tag in zip(words, tags, strict=True))
        text += "\n" * data.draw(st.integers(1, 2))
    path = tmp_path_factory.mktemp("columns") / "a.conll"
    path.write_text(text, encoding="utf-8", newline="\n")
    assert "".join(line + "\n" for line in lines_of(path)) == text


def test_conllu(tmp_path: Path):
    path = tmp_path / "a.conllu"
    path.write_text(CONLLU)
    file = source(path)
    entities, tags = guess_format(file), guess_format(file, task="pos")
    [document] = read_columns(file, entities)
    assert document.text == "I don't like New York."
    assert [document.text[one.start : one.end] for one in document.words] == [
        "I",
        "do",
        "n't",
        "like",
        "New",
        "York",
        ".",
    ]
    assert [(document.text[one.start : one.end], one.label) for one in document.spans] == [("New York", "LOC")]
    [tagged] = read_columns(file, tags)
    assert tagged.columns["tag"] == ("PRON", "AUX", "PART", "VERB", "PROPN", "PROPN", "PUNCT")
    assert tagged.spans is None
    for columns in (entities, tags):
        write_columns(read_columns(file, columns), tmp_path / "b.conllu")
        assert (tmp_path / "b.conllu").read_text() == CONLLU
    changed = dataclasses.replace(document, spans=(Span(start=0, end=1, label="PER"),))
    write_columns([changed], tmp_path / "c.conllu")
    assert (tmp_path / "c.conllu").read_text() == CONLLU.replace("NER=B-LOC|Gloss=x", "Gloss=x").replace(
        "|NER=I-LOC", ""
    ).replace("nsubj\t_\t_", "nsubj\t_\tNER=B-PER")


def test_chinese_characters_are_joined_and_other_words_are_not(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text("我\tO\n在\tO\n北\tB-LOC\n京\tI-LOC\nwith\tO\nAnn\tB-PER\n")
    [document] = read_columns(source(path), guess_format(source(path)))
    assert document.text == "我在北京 with Ann"
    assert [document.text[one.start : one.end] for one in document.spans] == ["北京", "Ann"]


def test_index_columns_and_comments(tmp_path: Path):
    path = tmp_path / "a.iob2"
    path.write_text("# sent_id = 1\n# text = In Rome\n1\tIn\tO\t-\t-\n2\tRome\tB-LOC\t-\t-\n\n")
    columns = guess_format(source(path))
    assert (columns.word, columns.tag, columns.scheme) == (1, 2, "BIO")
    assert "".join(line + "\n" for line in lines_of(path)) == path.read_text()


def test_hash_tags_are_words(tmp_path: Path):
    path = tmp_path / "a.conll"
    path.write_text("#oscars\tO\n# \tO\nRome\tB-LOC\n")
    [document] = read_columns(source(path), guess_format(source(path)))
    assert document.text.startswith("#oscars")


def test_what_cannot_be_read(tmp_path: Path):
    path = tmp_path / "a.conll"
    path.write_text("a\tO\nb\tO\n\nc\n")
    with pytest.raises(InputError, match=r"a\.conll:4.*got 'c'; expected at least 2"):
        list(read_columns(source(path), guess_format(source(path))))
    path.write_text("only\nwords\n")
    with pytest.raises(InputError, match="one column"):
        guess_format(source(path))
    path.write_text("\n\n")
    with pytest.raises(InputError, match="no labelled words"):
        guess_format(source(path))
    path.write_text("New\tB-X\nYork\tI-X\n")
    [document] = read_columns(source(path), guess_format(source(path)))
    cut = dataclasses.replace(document, spans=(Span(start=0, end=2, label="X"),))
    with pytest.raises(InputError, match="begins or ends inside a word"):
        list(column_lines([cut]))


@pytest.mark.parametrize(
    ("name", "sentences", "entities"),
    [
        ("wnut17/dev.conll", 1009, 836),
        ("wnut17/test.conll", 1287, 1079),
        ("bc5cdr/devel.tsv", 4581, 9593),
        ("uner_en_ewt/dev.iob2", 2001, 966),
        ("uner_zh_gsdsimp/dev.iob2", 500, 753),
        ("weibo_zh/weiboNER_2nd_conll.dev", 270, 389),
        ("crossner/politics/test.txt", 651, None),
    ],
)
def test_real_files(real_data: Path, tmp_path: Path, name: str, sentences: int, entities: int | None):
    """Counts are those that the data's own SOURCE.txt states."""
    path = real_data / "ner" / name
    file = source(path)
    documents = list(read_columns(file, guess_format(file)))
    assert len(documents) == sentences
    if entities is not None:
        assert sum(len(document.spans) for document in documents) == entities
    write_columns(documents, tmp_path / "again")
    assert (tmp_path / "again").read_text().strip() == path.read_text().replace("\r\n", "\n").strip()
