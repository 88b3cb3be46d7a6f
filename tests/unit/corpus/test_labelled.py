from __future__ import annotations

import bz2
import gzip
import json
from dataclasses import replace
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from spanbert.core.errors import InputError
from spanbert.corpus.formats.labelled import guess_labelled, read_labelled
from spanbert.corpus.formats.labelled_columns import LabelledColumns
from spanbert.corpus.io.files import SourceFile


def source(path: Path) -> SourceFile:
    return SourceFile(path=path, name=path.name)


def written(folder: Path, name: str, content: str) -> SourceFile:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return source(path)


def rows(file: SourceFile, columns: LabelledColumns | None = None) -> list[tuple]:
    documents = read_labelled(file, columns or guess_labelled(file))
    return [(one.text, one.pair, one.labels) for one in documents]


@pytest.mark.parametrize(
    ("header", "text", "pair", "label"),
    [
        ("sentence\tlabel\tfine_label", "sentence", None, "label"),
        ("Label\tText", "Text", None, "Label"),
        ("Quality\t#1 ID\t#2 ID\t#1 String\t#2 String", "#1 String", "#2 String", "Quality"),
        ("index\tquestion\tsentence\tlabel", "question", "sentence", "label"),
        ("question\tcategory", "question", None, "category"),
        ("premise\thypothesis\tgold_label\tid", "premise", "hypothesis", "gold_label"),
        ("label_desc\tlabel\tsentence", "sentence", None, "label"),
        ("label_desc\tsentence", "sentence", None, "label_desc"),
        ("title\tcontent\tstars", "content", None, "stars"),
        ("id\ttext", "text", None, None),
        ("text\tpair\tlabel", "text", "pair", "label"),
    ],
)
def test_columns_by_name(tmp_path: Path, header: str, text: str, pair: str | None, label: str | None):
    content = "\n".join([header, *("\t".join(f"cell {n}" for n, _ in enumerate(header.split("\t"))) for _ in range(3))])
    found = guess_labelled(written(tmp_path, "a.tsv", content))
    assert (found.text, found.pair, found.label) == (text, pair, label)
    assert found.header
    assert found.guessed == "header"


def test_a_format_says_itself_in_one_line(tmp_path: Path):
    file = written(tmp_path, "a.tsv", "sentence\tlabel\nA dull film.\t0\n")
    assert str(guess_labelled(file)) == "text: 'sentence', label: 'label' (guessed from the header)"
    assert str(guess_labelled(file, text="sentence", label="label")) == "text: 'sentence', label: 'label'"
    bare = written(tmp_path, "b.tsv", "0\tA dull film.\n1\tA fine film.\n")
    assert str(guess_labelled(bare)) == "text: column 2, label: column 1 (no header, guessed from the content)"
    assert str(LabelledColumns(text="a", pair="b")) == "text: 'a', pair: 'b', no label"


def test_names_of_the_user_win(tmp_path: Path):
    file = written(tmp_path, "a.csv", "sentence,note,label,kind\nOne two,three four,x,7\n")
    assert rows(file, guess_labelled(file, text="note")) == [("three four", None, ("x",))]
    assert rows(file, guess_labelled(file, text="note", pair="sentence", label="kind")) == [
        ("three four", "One two", ("7",))
    ]
    with pytest.raises(
        InputError, match="no column 'lable'; got columns sentence, note, label, kind. did you mean 'label'"
    ):
        guess_labelled(file, label="lable")
    own = written(tmp_path, "b.csv", "utterance,what\nturn it on,a\nturn it off,b\n")
    found = guess_labelled(own, text="utterance", label="what")
    assert (found.header, found.guessed) == (True, None)
    assert guess_labelled(own, text="utterance").label is None  # a column nobody knows is not taken for a label


def test_numbers_name_columns_where_there_is_no_header(tmp_path: Path):
    file = written(tmp_path, "a.tsv", "g1\t1\t\tThe boat sank.\ng2\t0\t*\tSank the the.\n")
    assert rows(file) == [("The boat sank.", None, ("1",)), ("Sank the the.", None, ("0",))]
    assert rows(file, guess_labelled(file, text="4", label="1")) == [
        ("The boat sank.", None, ("g1",)),
        ("Sank the the.", None, ("g2",)),
    ]
    with pytest.raises(InputError, match=r"no column '5'; got no header; columns 1, 2, 3, 4"):
        guess_labelled(file, text="5")


def test_a_known_name_that_is_a_value_is_no_header(tmp_path: Path):
    file = written(tmp_path, "a.tsv", "what is on tonight\tquery\nplay a song\torder\nwho sings this\tquery\n")
    assert not guess_labelled(file).header
    assert len(rows(file)) == 3


def test_an_unknown_name_above_numbers_is_a_header(tmp_path: Path):
    file = written(tmp_path, "a.csv", "remark,liked\na dull film,0\na fine film,1\n")
    assert rows(file) == [("a dull film", None, ("0",)), ("a fine film", None, ("1",))]


def test_pairs_and_scores_by_content(tmp_path: Path):
    lines = [f"{n % 3 or ''}\ta bird number {n} sings\tthe singing of bird {n}" for n in range(30)]
    file = written(tmp_path, "a.tsv", "\n".join(lines))
    found = guess_labelled(file)
    assert (found.text, found.pair, found.label) == ("2", "3", "1")
    assert rows(file)[:2] == [
        ("a bird number 0 sings", "the singing of bird 0", None),
        ("a bird number 1 sings", "the singing of bird 1", ("1",)),
    ]


def test_numbers_that_never_come_again_are_no_labels(tmp_path: Path):
    file = written(tmp_path, "a.tsv", "\n".join(f"{n}\t{n % 2}\tthis is text {n}" for n in range(40)))
    assert guess_labelled(file).label == "2"


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(f"some long text {n}\tA\tB" for n in range(30)),  # two labels
        "\n".join(f"some long text {n}\tanother text {n}\tand a third {n}" for n in range(30)),
        "1\t2\n3\t4\n",
    ],
)
def test_what_nothing_decides(tmp_path: Path, content: str):
    with pytest.raises(InputError, match=r"cannot tell .*columns 1, 2.*--text-column and --label-column"):
        guess_labelled(written(tmp_path, "a.tsv", content))


def test_no_rows(tmp_path: Path):
    for content in ("", "text,label\n"):
        with pytest.raises(InputError, match="no rows"):
            guess_labelled(written(tmp_path, "a.csv", content))


def test_quotes_of_csv_and_of_tsv(tmp_path: Path):
    comma = written(tmp_path, "a.csv", 'id,text,label\n7,"He said ""no"",\n\n and left.\n",x\n')
    [document] = read_labelled(comma, guess_labelled(comma))
    assert (document.id, document.text) == ("7", 'He said "no",\n\n and left.\n')
    tab = written(tmp_path, "a.tsv", 'text\tlabel\n"Half a quote, \t1\n  spaces \t0\n')
    documents = list(read_labelled(tab, guess_labelled(tab)))
    assert [one.text for one in documents] == ['"Half a quote, ', "  spaces "]
    assert [one.id for one in documents] == ["a.tsv:2", "a.tsv:3"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("text;label\nGut, aber teuer;1\nGut;0\n", [("Gut, aber teuer", None, ("1",)), ("Gut", None, ("0",))]),
        ('text;label\n"a; b\n""c""";1\n', [('a; b\n"c"', None, ("1",))]),
        ("text\tlabel\na, b\t1\nc\t0\n", [("a, b", None, ("1",)), ("c", None, ("0",))]),
        ("text,label\na; b,1\nc; d,0\n", [("a; b", None, ("1",)), ("c; d", None, ("0",))]),
        ("text\na; b\nc; d\n", [("a; b", None, None), ("c; d", None, None)]),
    ],
)
def test_what_divides_a_csv_file_is_found(tmp_path: Path, content: str, expected: list[tuple]):
    """Excel writes semicolons where the comma stands in numbers."""
    assert rows(written(tmp_path, "a.csv", content)) == expected


def test_what_divides_a_csv_file_is_found_whatever_is_cut_off(tmp_path: Path):
    """A row that begins in the lines that are looked at, and ends after them."""
    long = "\n".join(f"line {n}" for n in range(200))
    assert rows(written(tmp_path, "a.csv", f'text;label\nshort;0\n"{long}";1\n'))[1] == (long, None, ("1",))


@pytest.mark.parametrize(
    ("value", "labels"),
    [
        (3, ("3",)), (0, ("0",)), (2.5, ("2.5",)), (True, ("true",)), (False, ("false",)), ("a b", ("a b",)), ("", None),
        (None, None), (["x", 2, True], ("x", "2", "true")), ([], ()), ("x|y", ("x|y",)), (float("nan"), None),
    ],
)  # fmt: skip
def test_labels_of_json(tmp_path: Path, value: object, labels: tuple[str, ...] | None):
    file = written(tmp_path, "a.jsonl", json.dumps({"id": 5, "text": "A text.", "label": value}) + "\n\n")
    [document] = read_labelled(file, guess_labelled(file))
    assert (document.id, document.labels) == ("5", labels)


def test_several_labels_in_a_cell(tmp_path: Path):
    file = written(tmp_path, "a.csv", "text,labels\none two,a|b\nthree four, c \nfive six,\n")
    columns = replace(guess_labelled(file), separator="|")
    assert [one.labels for one in read_labelled(file, columns)] == [("a", "b"), ("c",), None]


def test_compressed_and_parquet(tmp_path: Path):
    content = b"text,label\nsome text,1\nother text,0\n"
    expected = [("some text", None, ("1",)), ("other text", None, ("0",))]
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(content))
    (tmp_path / "a.csv.bz2").write_bytes(bz2.compress(content))
    with pyarrow.CompressedOutputStream(str(tmp_path / "a.csv.zst"), "zstd") as stream:
        stream.write(content)
    table = pyarrow.table({"text": ["some text", "other text"], "label": [1, 0], "vector": [[0.1], [0.2]]})
    parquet.write_table(table, tmp_path / "a.parquet")
    for name in ("a.csv.gz", "a.csv.bz2", "a.csv.zst", "a.parquet"):
        assert rows(source(tmp_path / name)) == expected
    parquet.write_table(pyarrow.table({"text": ["a b"], "label": [["x", "y"]]}), tmp_path / "b.parquet")
    assert rows(source(tmp_path / "b.parquet")) == [("a b", None, ("x", "y"))]
    with pytest.raises(InputError, match=r"b\.parquet: no column 'body'; got columns text, label"):
        list(read_labelled(source(tmp_path / "b.parquet"), LabelledColumns(text="body")))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"text,label\na b,1\nc d,1,2\n", r"a\.csv:3: a row that does not fit the header; got 3 columns; expected 2"),
        ("a.tsv", b"text\tlabel\na b\t1\nc d\n", r"a\.tsv:3: a row that does not fit the header; got 1 columns"),
        ("a.csv", b'text,label\na b,1\n"c d"e,1\n', r"a\.csv:3: not a row"),
        ("a.tsv", b"text\tlabel\na b\t1\n \t1\n", r"a\.tsv:3: no text in 'text'; got an empty one"),
        ("a.tsv", b"text\tlabel\na b\t1\nc \xff\t1\n", r"a\.tsv:3: not UTF-8"),
        ("a.tsv", b"text\tlabel\na b\t1\nc \0\t1\n", r"a\.tsv:3: a binary file"),
        ("a.tsv", b"text\tlabel\tlabel\na b\t1\t1\n", r"a\.tsv:1: several columns 'label'"),
        ("a.jsonl", b'{"text": "a b", "label": 1}\n{"text"\n', r"a\.jsonl:2: not valid JSON"),
        ("a.json", b'{"text": "a b", "label": 1}\n[1]\n', r"a\.json:2: not a JSON object; got list"),
        ("a.jsonl", b'{"text": "a b", "label": 1}\n{"label": 1}\n', r"a\.jsonl:2: no text in 'text'; got columns label"),
        ("a.jsonl", b'{"text": "a b", "label": 1}\n{"text": 3}\n', r"a\.jsonl:2: 'text' is not a text; got int"),
        ("a.jsonl", b'{"text": "a b", "label": {"x": 1}}\n', r"a\.jsonl:1: a label is neither text nor number; got dict"),
        ("a.jsonl", b'{"text": "a \\ud800", "label": 1}\n', r"a\.jsonl:1: half of a surrogate pair"),
        ("a.jsonl", b'{"text": "a b", "text_b": 1, "label": 1}\n', r"a\.jsonl:1: 'text_b' is not a text"),
        ("a.parquet", b"no such thing", r"a\.parquet: not a whole Parquet file"),
        ("a.xlsx", b"PK", r"a\.xlsx: no reader of labelled texts for this kind of file; got \.xlsx"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_names_file_and_line(tmp_path: Path, name: str, content: bytes, message: str):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        rows(source(tmp_path / name))


def test_reading_is_lazy(tmp_path: Path):
    file = written(tmp_path, "a.tsv", "text\tlabel\n" + "good row\t1\n" * 2000 + "broken row\n")
    stream = read_labelled(file, guess_labelled(file))
    assert next(stream).text == "good row"
    with pytest.raises(InputError, match=r"a\.tsv:2002: a row that does not fit"):
        list(stream)


@pytest.mark.parametrize(
    ("name", "columns", "documents", "labels"),
    [
        ("sst2/dev.tsv", ("sentence", None, "label"), 872, 2),
        ("rotten_tomatoes/dev.tsv", ("sentence", None, "label"), 1066, 2),
        ("movie_reviews_2k/dev.tsv", ("text", None, "label"), 200, 2),
        ("chnsenticorp_hotel_zh/dev.tsv", ("text", None, "label"), 776, 2),
        ("trec/train.tsv", ("sentence", None, "label"), 5452, 6),
        ("banking77/test.csv", ("text", None, "category"), 3080, 77),
        ("mrpc/train.tsv", ("#1 String", "#2 String", "Quality"), 3576, 2),
        ("cola/in_domain_train.tsv", ("4", None, "2"), 8551, 2),
        ("cola/out_of_domain_dev.tsv", ("4", None, "2"), 516, 2),
        ("sts/2015.train.tsv", ("2", "3", "1"), 3000, None),
        ("fewclue_zh/tnews/dev_few_all.json", ("sentence", None, "label"), 1098, 15),
        ("fewclue_zh/eprstmt/dev_few_all.json", ("sentence", None, "label"), 160, 2),
        ("fewclue_zh/csldcp/test_public.json", ("content", None, "label"), 1784, None),
        ("fewclue_zh/bustm/dev_few_all.json", ("sentence1", "sentence2", "label"), 160, 2),
    ],
)
def test_real_files(real_data: Path, name: str, columns: tuple, documents: int, labels: int | None):
    """Counts are those that the data's own SOURCE.txt and table state."""
    file = source(real_data / "cls" / name)
    found = guess_labelled(file)
    assert (found.text, found.pair, found.label) == columns
    read = list(read_labelled(file, found))
    assert len(read) == documents
    assert all(one.labels and (one.pair is not None) == (found.pair is not None) for one in read)
    if labels is not None:
        assert len({one.labels for one in read}) == labels


def test_real_scores_that_are_missing(real_data: Path):
    file = source(real_data / "cls" / "sts" / "2015.test.tsv")
    scores = [line.split("\t")[0] for line in file.path.read_text().splitlines()]
    assert [one.labels for one in read_labelled(file, guess_labelled(file))] == [
        (score,) if score else None for score in scores
    ]
