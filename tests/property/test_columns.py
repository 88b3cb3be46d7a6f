"""Column files, of one layer of tags or several, come back byte for byte; changed spans change the cells of tags alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.core.errors import InputError
from spanbert.core.tagging import SCHEMES, decode_tags, encode_tags
from spanbert.core.types import Document, Span
from spanbert.corpus.formats.column_format import ColumnFormat, guess_format
from spanbert.corpus.formats.columns import column_lines, read_columns, write_columns
from spanbert.corpus.io.files import SourceFile
from spanbert.corpus.text.word_tags import layers_of

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


@st.composite
def nested(draw: st.DrawFn) -> tuple[list[str], list[tuple[int, int, str]]]:
    """Words, and spans of them of which any two nest or are apart."""
    words = draw(st.lists(word, min_size=1, max_size=8))
    spans: list[tuple[int, int, str]] = []
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(words) - 1))
        one = (start, draw(st.integers(start + 1, len(words))), draw(st.sampled_from(["PER", "LOC"])))
        if all(
            one[1] <= other[0] or other[1] <= one[0] or (one[0] >= other[0] and one[1] <= other[1])
            or (one[0] <= other[0] and one[1] >= other[1]) for other in spans
        ) and one not in spans:  # fmt: skip
            spans.append(one)
    return words, spans


def depth(spans: list[tuple[int, int, str]]) -> int:
    """The most spans that a word is in: how many layers they need."""
    return max((sum(start <= place < end for start, end, _ in spans) for place in range(8)), default=0)


def in_words(document: Document) -> list[tuple[int, int, str]]:
    starts = [one.start for one in document.words]
    ends = [one.end for one in document.words]
    return sorted((starts.index(one.start), ends.index(one.end) + 1, one.label) for one in document.spans)


@given(data=st.data(), scheme=st.sampled_from(["BIO", "BIOES", "BILOU"]), separator=st.sampled_from(["\t", "  "]))
@settings(max_examples=60, deadline=None)
def test_layers_come_back_byte_for_byte_and_hold_new_spans(tmp_path_factory, data, scheme, separator: str):
    words, spans = data.draw(nested())
    layers = max(depth(spans), 1) + data.draw(st.integers(0, 1))
    columns = ColumnFormat(word=0, tag=2, scheme=scheme, tabs=separator == "\t", layers=tuple(range(4, 3 + layers)))
    free: list[list[tuple[int, int, str]]] = [[] for _ in range(layers)]
    for one in sorted(spans, key=lambda span: span[0] - span[1]):
        next(layer for layer in free if all(one[1] <= a or b <= one[0] for a, b, _ in layer)).append(one)
    cells = list(zip(*(encode_tags(layer, len(words), scheme) for layer in free), strict=True))
    text = "".join(
        separator.join([one, "x", tags[0], "y", *tags[1:], "z"]) + "\n" for one, tags in zip(words, cells, strict=True)
    )
    path = tmp_path_factory.mktemp("layers") / "a.tsv"
    path.write_text(text, encoding="utf-8", newline="\n")
    [document] = read_columns(source(path), columns)
    assert in_words(document) == sorted(spans)
    assert list(document.columns) == ["tag", *(f"tag{n}" for n in range(2, layers + 1))]
    assert "".join(line + "\n" for line in column_lines([document])) == text

    kept = [one for one in document.spans if data.draw(st.booleans())]
    changed = dataclasses.replace(document, spans=tuple(kept))
    write_columns([changed], path)
    [again] = read_columns(source(path), columns)
    assert again.spans == changed.spans
    bare = [columns.with_tags(line, ["?"] * layers) for line in text.splitlines()]
    assert [columns.with_tags(line, ["?"] * layers) for line in path.read_text().splitlines()] == bare


@given(
    spans=st.lists(st.tuples(st.integers(0, 7), st.integers(1, 8), st.just("X")).filter(lambda one: one[0] < one[1]))
)
@settings(deadline=None)
def test_any_spans_fit_into_as_many_layers_as_overlap(spans: list[tuple[int, int, str]]):
    spans = sorted(set(spans))
    words = tuple(Span(start=2 * place, end=2 * place + 1) for place in range(8))
    document = Document(
        id="a", text="w w w w w w w w", words=words,
        spans=tuple(Span(start=2 * start, end=2 * end - 1, label=label) for start, end, label in spans),
    )  # fmt: skip
    needed = max(depth(spans), 1)
    found = layers_of(document, "BIO", needed)
    assert sorted(span for tags in found for span in decode_tags(tags, "BIO")) == spans
    if needed > 1:
        with pytest.raises(
            InputError, match=f"a: spans overlap more than the columns of tags can hold; got {needed - 1}"
        ):
            layers_of(document, "BIO", needed - 1)


NESTED = """\
the\tB-PER\tO\tO\t
boy\tI-PER\tO\tO\t
of\tI-PER\tO\tO\t
the\tI-PER\tB-PER\tO\t
king\tI-PER\tI-PER\tO\t
of\tI-PER\tI-PER\tO\t
Spain\tI-PER\tI-PER\tB-GPE\t
left\tO\tO\tO\t

"""


def test_nested_entities(tmp_path: Path):
    path = tmp_path / "a.tsv"
    path.write_text(NESTED)
    columns = guess_format(source(path), task="nested")
    assert (columns.word, columns.tag, columns.layers, columns.scheme) == (0, 1, (2, 3), "BIO")
    [document] = read_columns(source(path), columns)
    texts = [document.text[one.start : one.end] for one in document.spans]
    assert texts == ["the boy of the king of Spain", "the king of Spain", "Spain"]
    inner = dataclasses.replace(document, spans=document.spans[1:])
    write_columns([inner], path)
    moved = NESTED.replace("I-PER\tB-PER\tO", "B-PER\tO\tO").replace("I-PER\tI-PER\tO", "I-PER\tO\tO")
    moved = moved.replace("I-PER\tI-PER\tB-GPE", "I-PER\tB-GPE\tO").replace(
        "the\tB-PER\tO\tO\t\nboy\tI-PER", "the\tO\tO\tO\t\nboy\tO"
    )
    assert path.read_text() == moved.replace("of\tI-PER\tO\tO\t\nthe", "of\tO\tO\tO\t\nthe")
    more = [dataclasses.replace(document.spans[2], label=label) for label in "XYZ"]
    with pytest.raises(InputError, match="got 3 columns of tags"):
        list(column_lines([dataclasses.replace(document, spans=(*document.spans, *more))]))


def test_columns_of_another_scheme_and_from_elsewhere(tmp_path: Path):
    path = tmp_path / "a.conll"
    path.write_text("New x I-LOC\nYork x I-LOC\n, y O\n")
    [document] = read_columns(source(path), guess_format(source(path)))
    assert list(column_lines([document], scheme="BIOES")) == ["New x B-LOC", "York x E-LOC", ", y O"]
    elsewhere = Document(id="b", text="New York, now", words=(*document.words[:2], Span(start=8, end=9), Span(start=10, end=13)),
                         spans=(Span(start=0, end=8, label="LOC"), Span(start=0, end=3, label="X")))  # fmt: skip
    assert list(column_lines([document, elsewhere], layers=2)) == [
        "New x I-LOC", "York x I-LOC", ", y O", "",
        "# text = New York, now", "New\tB-LOC\tB-X", "York\tI-LOC\tO", ",\tO\tO", "now\tO\tO", "",
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"b: spans overlap more than .* got 1 column of tags"):
        list(column_lines([elsewhere]))
    for label in (None, "", "a place"):
        odd = dataclasses.replace(elsewhere, spans=(Span(start=0, end=3, label=label),))
        with pytest.raises(InputError, match="b: a span whose label cannot be part of a tag"):
            list(column_lines([odd]))


def test_new_tags_are_written(tmp_path: Path):
    path = tmp_path / "a.conllu"
    path.write_text(CONLLU)
    [document] = read_columns(source(path), guess_format(source(path), task="xpos"))
    assert document.columns["tag"] == ("PRP", "VBP", "RB", "VB", "NNP", "NNP", ".")
    changed = dataclasses.replace(document, columns={"tag": (*document.columns["tag"][:-1], "FULLSTOP")})
    write_columns([changed], path)
    assert path.read_text() == CONLLU.replace("PUNCT\t.\t", "PUNCT\tFULLSTOP\t")


def test_entities_of_a_conllu_file_without_any(tmp_path: Path):
    path = tmp_path / "a.conllu"
    path.write_text(CONLLU.replace("NER=B-LOC|Gloss=x", "_").replace("|NER=I-LOC", ""))
    for task in ("ner", "nested"):
        columns = guess_format(source(path), task=task)
        assert (columns.misc_key, columns.tag) == ("NER", 9)
        [document] = read_columns(source(path), columns)
        assert document.spans == ()


def test_numbers_are_words_where_no_column_counts(tmp_path: Path):
    path = tmp_path / "a.conll"
    path.write_text("1990-1995\tB-DATE\n3.5\tO\nper\tO\n")
    [document] = read_columns(source(path), guess_format(source(path)))
    assert document.text == "1990-1995 3.5 per"
    assert [document.text[one.start : one.end] for one in document.spans] == ["1990-1995"]


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
    path.write_text("# id = 1\n# newdoc\n# O\n1 B-X\n")
    [document] = read_columns(source(path), guess_format(source(path)))
    assert document.text == "# 1"
    path.write_text("# # B-NP O\n1 CD I-NP B-X\n")
    [document] = read_columns(source(path), guess_format(source(path)))
    assert document.text == "# 1"


def test_lines_without_words_at_the_end_come_back(tmp_path: Path):
    path = tmp_path / "a.conll"
    path.write_text("Rome\tB-LOC\n\nfox\tO\n\n-DOCSTART-\tO\n\n# the end\n")
    assert len(list(read_columns(source(path), guess_format(source(path))))) == 2
    assert "".join(line + "\n" for line in lines_of(path)) == path.read_text()


def test_a_cell_that_is_no_tag_is_named(tmp_path: Path):
    path = tmp_path / "a.conll"
    path.write_text("Rome\tB-LOC\n" + "fox\tO\n" * 30 + "Ann\tB_PER\n")
    with pytest.raises(InputError, match=r"a\.conll:32: not a tag; got 'B_PER'; expected O, or a letter"):
        guess_format(source(path))
    assert guess_format(source(path), task="upos").scheme is None


@pytest.mark.parametrize("key", ["NER", "ner"])
def test_the_scheme_of_entities_in_conllu_is_looked_for(tmp_path: Path, key: str):
    path = tmp_path / "a.conllu"
    rows = [("Ann", "S-PER"), ("saw", "O"), ("New", "B-LOC"), ("York", "E-LOC")]
    path.write_text(
        "".join(f"{n}\t{word}\t_\tX\t_\t_\t_\t_\t_\t{key}={tag}\n" for n, (word, tag) in enumerate(rows, 1))
    )
    columns = guess_format(source(path))
    assert (columns.scheme, columns.misc_key) == ("BIOES", key)
    [document] = read_columns(source(path), columns)
    assert [(document.text[one.start : one.end], one.label) for one in document.spans] == [
        ("Ann", "PER"),
        ("New York", "LOC"),
    ]
    assert "".join(line + "\n" for line in lines_of(path)) == path.read_text()


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


def test_real_nested_entities(real_data: Path, tmp_path: Path):
    """Documents, tokens and entities of all layers, as the data's SOURCE.txt states them."""
    paths = sorted((real_data / "ner" / "litbank" / "tsv").glob("*.tsv"))
    tokens = entities = 0
    for path in paths:
        columns = guess_format(source(path), task="nested")
        documents = list(read_columns(source(path), columns))
        tokens += sum(len(document.words) for document in documents)
        entities += sum(len(document.spans) for document in documents)
        write_columns(documents, tmp_path / "again")
        assert (tmp_path / "again").read_text() == path.read_text()
    assert (len(paths), tokens, entities) == (100, 210532, 13912)
