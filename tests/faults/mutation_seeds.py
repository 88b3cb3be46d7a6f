"""Small sound files in every format that tasks and `predict` read: what mutations begin with.

All texts here were written for these tests; excerpts of real data sets join them where SPANBERT_DATA says where they are.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, Literal

_TEXTS = (
    ("The old king sleeps near the river.", "slow"),
    ("A quick fox jumps over the stone!", "quick"),
    ("Birds sing, and the child eats bread.", "slow"),
    ("The red dog runs; nobody sees it.", "quick"),
    ("Winter morning: the house is quiet.", "slow"),
    ("城市在北方，人们唱歌。", "quick"),
)
_SENTENCES = (
    (("Ann", "NNP", "B-PER"), ("Lee", "NNP", "I-PER"), ("left", "VBD", "O"), ("Rome", "NNP", "B-LOC"), (".", ".", "O")),
    (("The", "DT", "O"), ("king", "NN", "O"), ("sees", "VBZ", "O"), ("Oslo", "NNP", "B-LOC")),
    (("狐", "NN", "B-PER"), ("狸", "NN", "I-PER"), ("跑", "VV", "O")),
)


@dataclass(frozen=True, kw_only=True)
class Seed:
    """A sound file.

    Attributes:
        name: Its name; the suffix says its format.
        kind: The task that reads it, or `predict`.
        content: Its bytes.
        shape: What can be changed in it beside bytes: cells, columns of Parquet, JSON, or JSON lines.
        separator: Of cells.
        options: Settings of the task.
    """

    name: str
    kind: Literal["classify", "tag", "qa", "coref", "relation", "translate", "predict"]
    content: bytes
    shape: Literal["bytes", "cells", "json", "lines", "parquet"]
    separator: str = "\t"
    options: dict[str, Any] = field(default_factory=dict)


def _lines(records: list[Any]) -> bytes:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records).encode()


def _columns(separator: str, *, extra: int = 0) -> bytes:
    sentences = [
        "".join(separator.join([word, *["x"] * extra, pos, tag]) + "\n" for word, pos, tag in sentence)
        for sentence in _SENTENCES
    ]
    return "\n".join(sentences).encode()


def _conllu() -> bytes:
    found = []
    for number, sentence in enumerate(_SENTENCES):
        rows = [
            "\t".join([str(place), word, word.lower(), "NOUN", pos, "_", "0", "root", "_", "_" if tag == "O" else f"NER={tag}"])
            for place, (word, pos, tag) in enumerate(sentence, start=1)
        ]  # fmt: skip
        rows.insert(1, "1-2\tAnnLee\t_\t_\t_\t_\t_\t_\t_\t_")
        text = " ".join(word for word, _, _ in sentence)
        found.append("\n".join([f"# sent_id = {number}", f"# text = {text}", *rows]) + "\n")
    return "\n".join(found).encode()


def _nested() -> bytes:
    rows = [
        ("The", "B-PER", "O"),
        ("king", "I-PER", "O"),
        ("of", "I-PER", "O"),
        ("Oslo", "I-PER", "B-LOC"),
        (".", "O", "O"),
    ]
    return "".join("\t".join(row) + "\n" for row in rows).encode() + b"\nAnn\tB-PER\tO\nleft\tO\tO\n"  # fmt: skip


_SPAN_LINES = [
    {"id": "a", "text": "Ann left Rome.", "spans": [{"start": 0, "end": 3, "label": "PER"}, {"start": 9, "end": 13, "label": "LOC"}]},
    {"text": "The king 狐 sees Oslo", "entities": [[4, 8, "PER"], [16, 20, "LOC"]], "more": {"x": [1, 2]}},
    {"text": "Ann runs", "words": [[0, 3], [4, 8]], "tags": ["NN", "VB"], "spans": [{"start": 0, "end": 3, "label": "PER"}]},
    {"text": "Ann", "label": [{"start_offset": 0, "end_offset": 3, "label": "PER"}]},
    {"text": "Oslo", "entity_list": [{"entity_type": "LOC", "entity": "Oslo", "entity_index": {"begin": 0, "end": 4}}]},
]  # fmt: skip


def _studio_result(start: int, end: int, text: str, label: str) -> dict[str, Any]:
    value = {"start": start, "end": end, "text": text, "labels": [label]}
    return {"id": "r", "from_name": "label", "to_name": "text", "type": "labels", "value": value}


_STUDIO = [
    {"id": 1, "data": {"text": "Ann left Rome."}, "annotations": [
        {"id": 5, "was_cancelled": True, "result": []},
        {"id": 6, "was_cancelled": False, "result": [_studio_result(0, 3, "Ann", "PER"), _studio_result(9, 13, "Rome", "LOC")]},
    ]},
    {"id": 2, "data": {"title": "The king"}, "annotations": [{"result": [_studio_result(4, 8, "king", "PER")]}]},
    {"id": 3, "data": {"text": "no work yet", "words": [[0, 2]], "id": "x"}, "annotations": []},
]  # fmt: skip
_CONTEXT = "The old king left Oslo in winter. He sees the river and the stone house every morning."


def _squad(*, two: bool) -> dict[str, Any]:
    asked: list[dict[str, Any]] = [
        {"id": "q1", "question": "Who left?", "answers": [{"text": "The old king", "answer_start": 0}]},
        {"id": "q2", "question": "When?", "answers": [{"text": "winter", "answer_start": 26}, {"text": "in winter", "answer_start": 23}]},
        {"id": 3, "question": "What does he see?", "answers": [{"text": "the river", "answer_start": 40}]},
    ]  # fmt: skip
    if two:
        asked = [{**one, "is_impossible": False} for one in asked]
        asked.append({"id": "q4", "question": "Where is the fox?", "answers": [], "is_impossible": True})
    paragraphs = [{"context": _CONTEXT, "qas": asked}, {"context": "狐狸在跑。", "qas": []}]
    return {"version": "v2.0" if two else "1.1", "data": [{"title": "King", "paragraphs": paragraphs}]}


def _conll2012() -> bytes:
    cells = [["(0)", "-", "(1(2)", "1)", "(0)"], ["(0)|(3", "3)", "-", "(2)"], ["-", "(1", "1)"]]
    rows = [
        "".join(
            "\t".join(["doc", "0", str(place), word, pos, *"-----", "Ann", cell]) + "\n"
            for place, ((word, pos, _), cell) in enumerate(zip(sentence, of_words, strict=True))
        )
        for sentence, of_words in zip(_SENTENCES, cells, strict=True)
    ]
    return ("#begin document (nw/doc); part 000\n" + "\n".join(rows) + "\n#end document\n").encode()


_CLUSTERS = [
    {"id": 1, "text": "Ann left Rome. She ran.", "clusters": [[[0, 3], [15, 18]], [[9, 13]]]},
    {
        "doc_key": "b",
        "sentences": [["Ann", "ran", "."], ["She", "fell"]],
        "clusters": [[[0, 0], [3, 3]]],
        "speakers": [["x"] * 3, ["y"] * 2],
    },
    {"tokens": ["狐", "狸", "跑", "它", "睡"], "clusters": [[[0, 1], [3, 3]]], "genre": "nw"},
]
_GAP = (
    "ID\tText\tPronoun\tPronoun-offset\tA\tA-offset\tA-coref\tB\tB-offset\tB-coref\tURL\n"
    "t-1\tAnn saw Mary, and she ran.\tshe\t18\tAnn\t0\tTRUE\tMary\t8\tFALSE\thttp://x\n"
    "t-2\tBob saw Tom; he left.\the\t13\tBob\t0\tFALSE\tTom\t8\tTRUE\thttp://x\n"
)
_TACRED = [
    {"id": "1", "token": ["Ann", "Lee", "left", "Rome", "."], "subj_start": 0, "subj_end": 1, "obj_start": 3, "obj_end": 3,
     "subj_type": "PERSON", "obj_type": "CITY", "relation": "per:left", "more": [1]},
    {"id": 2, "token": ["Oslo", "sees", "the", "king"], "subj_start": 3, "subj_end": 3, "obj_start": 0, "obj_end": 0, "relation": "no_relation"},
]  # fmt: skip
_SEMEVAL = (
    '1\t"The <e1>king</e1> left the <e2>house</e2>."\nEntity-Origin(e1,e2)\nComment: no\n\n'
    '2\t"A <e1>dog</e1> and a <e2>cat</e2>."\nOther\nComment:\n\n3\t"<e2>Bread</e2> for a <e1>child</e1>"\nOther\n'
)
_PAIRS = [
    {"text": "Ann left Rome.", "head": {"start": 0, "end": 3, "label": "PER"}, "tail": {"start": 9, "end": 13}, "label": "left"},
    {"id": 7, "text": "狐狸 sees Oslo", "relations": [{"head": {"start": 0, "end": 2}, "tail": {"start": 8, "end": 12}, "label": "sees"},
                                               {"head": {"start": 8, "end": 12}, "tail": {"start": 0, "end": 2}, "label": ""}]},
    _TACRED[1],
]  # fmt: skip


_TRANSLATIONS = [
    {"id": 1, "text": "The old king sleeps.", "target": "Der alte König schläft."},
    {"translation": {"text": "Birds sing.", "target": "鸟在唱歌。"}},
    {"text": "A fox", "target": None, "more": [1]},
]
_MEMORY = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<tmx version="1.4">\n<header srclang="en"/>\n<body>\n'
    '<tu><tuv xml:lang="en"><seg>The <ph>x</ph>king &amp; I</seg></tuv><tuv xml:lang="de"><seg>Der König</seg></tuv></tu>\n'
    '<tu><tuv xml:lang="en"><seg>A fox</seg></tuv><tuv xml:lang="de"><seg>狐狸</seg></tuv></tu>\n</body>\n</tmx>\n'
)


def _parquet() -> bytes:
    import pyarrow
    from pyarrow import parquet

    stream = io.BytesIO()
    table = pyarrow.table({"text": [text for text, _ in _TEXTS], "label": [label for _, label in _TEXTS]})
    parquet.write_table(table, stream)
    return stream.getvalue()


def _zst(content: bytes) -> bytes:
    import pyarrow

    return bytes(pyarrow.compress(content, codec="zstd", asbytes=True))


def written_seeds() -> list[Seed]:
    """The files written here."""
    table = "text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in _TEXTS)
    comma = "id,text,label\n" + "".join(f'{n},"{text}",{label}\n' for n, (text, label) in enumerate(_TEXTS))
    pairs = "sentence1\tsentence2\tlabel\n" + "".join(f"{a}\t{b}\t{n}.5\n" for n, ((a, _), (b, _)) in enumerate(pairwise(_TEXTS)))  # fmt: skip
    several = [{"text": text, "label": [label, "all"][: n % 3]} for n, (text, label) in enumerate(_TEXTS)]
    objects = [{"text": text, "label": n % 2, "x": None} for n, (text, _) in enumerate(_TEXTS)]
    asked = [{"id": n, "question": "Who?", "context": text} for n, (text, _) in enumerate(_TEXTS[:3])]
    return [
        Seed(name="a.tsv", kind="classify", content=table.encode(), shape="cells"),
        Seed(name="a.csv", kind="classify", content=comma.encode(), shape="cells", separator=","),
        Seed(name="pairs.tsv", kind="classify", content=pairs.encode(), shape="cells"),
        Seed(
            name="translations.tsv",
            kind="translate",
            content="".join(f"{text}\t{text.upper()}\n" for text, _ in _TEXTS).encode(),
            shape="cells",
        ),
        Seed(name="translations.jsonl", kind="translate", content=_lines(_TRANSLATIONS[:1] * 3 + _TRANSLATIONS), shape="lines"),
        Seed(name="memory.tmx", kind="translate", content=_MEMORY.encode(), shape="bytes"),
        Seed(name="several.jsonl", kind="classify", content=_lines(several), shape="lines"),
        Seed(name="objects.json", kind="classify", content=_lines(objects), shape="lines"),
        Seed(name="a.parquet", kind="classify", content=_parquet(), shape="parquet"),
        Seed(name="a.csv.gz", kind="classify", content=gzip.compress(comma.encode(), mtime=0), shape="bytes"),
        Seed(name="two.conll", kind="tag", content=_columns("\t"), shape="cells"),
        Seed(name="blanks.txt", kind="tag", content=_columns(" ", extra=2), shape="cells", separator=" "),
        Seed(name="wide.tsv", kind="tag", content=_columns("\t", extra=11), shape="cells"),
        Seed(name="pos.conll", kind="tag", content=_columns("\t"), shape="cells", options={"column": "upos"}),
        Seed(name="a.conllu", kind="tag", content=_conllu(), shape="cells"),
        Seed(name="nested.tsv", kind="tag", content=_nested(), shape="cells", options={"nested": True}),
        Seed(name="spans.jsonl", kind="tag", content=_lines(_SPAN_LINES), shape="lines"),
        Seed(name="nested.jsonl", kind="tag", content=_lines(_SPAN_LINES), shape="lines", options={"nested": True}),
        Seed(name="studio.json", kind="tag", content=json.dumps(_STUDIO).encode(), shape="json"),
        Seed(name="two.conll.bz2", kind="tag", content=bz2.compress(_columns("\t")), shape="bytes"),
        Seed(name="spans.jsonl.zst", kind="tag", content=_zst(_lines(_SPAN_LINES)), shape="bytes"),
        Seed(name="one.json", kind="qa", content=json.dumps(_squad(two=False)).encode(), shape="json"),
        Seed(name="two.json", kind="qa", content=json.dumps(_squad(two=True)).encode(), shape="json"),
        Seed(name="clusters.conll", kind="coref", content=_conll2012(), shape="cells"),
        Seed(name="clusters.jsonl", kind="coref", content=_lines(_CLUSTERS), shape="lines"),
        Seed(name="gap.tsv", kind="coref", content=_GAP.encode(), shape="cells"),
        Seed(name="tacred.json", kind="relation", content=json.dumps(_TACRED).encode(), shape="json", options={"typed": "no"}),
        Seed(name="semeval.txt", kind="relation", content=_SEMEVAL.encode(), shape="cells", options={"typed": "no"}),
        Seed(name="pairs-of.jsonl", kind="relation", content=_lines(_PAIRS), shape="lines", options={"typed": "no"}),
        Seed(name="related.jsonl", kind="predict", content=_lines([*_PAIRS[:2], {"text": "Ann left", "entities": [{"start": 0, "end": 3}]}]), shape="lines"),
        Seed(name="texts.txt", kind="predict", content="".join(f"{text}\n" for text, _ in _TEXTS).encode(), shape="cells", separator=" "),
        Seed(name="texts.jsonl", kind="predict", content=_lines([{"id": n, "text": text} for n, (text, _) in enumerate(_TEXTS)]), shape="lines"),
        Seed(name="tokens.jsonl", kind="predict", content=_lines([{"tokens": [word for word, _, _ in one]} for one in _SENTENCES]), shape="lines"),
        Seed(name="pairs.jsonl", kind="predict", content=_lines([{"text": text, "pair": label} for text, label in _TEXTS]), shape="lines"),
        Seed(name="questions.jsonl", kind="predict", content=_lines(asked), shape="lines"),
    ]  # fmt: skip


def real_seeds(data: Path) -> list[Seed]:
    """Excerpts of real data sets, as far as they are there."""
    tables = [("cls/sst2/dev.tsv", "\t"), ("cls/mrpc/val.tsv", "\t"), ("cls/banking77/test.csv", ","),
              ("cls/chnsenticorp_hotel_zh/dev.tsv", "\t"), ("cls/sts/2015.val.tsv", "\t")]  # fmt: skip
    columns = ["ner/wnut17/dev.conll", "ner/bc5cdr/devel.tsv", "ner/crossner/science/dev.txt", "ner/weibo_zh/weiboNER_2nd_conll.test",
               "ner/litbank/tsv/11_alices_adventures_in_wonderland_brat.tsv", "pos/ud_english_ewt/dev.conllu"]  # fmt: skip
    lines = [("cls/fewclue_zh/tnews/dev_few_all.json", "classify"), ("ner/cluener_zh/dev.jsonl", "tag")]
    questions = ["qa/xquad/xquad.en.json", "qa/subjqa/dev.json", "qa/cmrc2018/cmrc2018_trial.json"]
    found = []
    for name, separator in tables:
        options = {"label_column": "1", "text_column": "2"} if "sts" in name else {}
        found.append((name, "classify", "cells", separator, 6, options))
    found += [(name, "tag", "cells", "\t", 40, {"nested": True} if "litbank" in name else {}) for name in columns]
    found += [(name, kind, "lines", "\t", 6, {}) for name, kind in lines]
    seeds = [
        Seed(name=f"{Path(name).stem}{_suffix(name)}", kind=kind, content=_head(data / name, count), shape=shape, separator=separator, options=options)
        for name, kind, shape, separator, count, options in found
        if (data / name).is_file()
    ]  # fmt: skip
    for name in questions:
        if (data / name).is_file():
            content = json.loads((data / name).read_bytes())
            paragraph = content["data"][0]["paragraphs"][0]
            excerpt = {"data": [{"title": "", "paragraphs": [{**paragraph, "qas": paragraph["qas"][:5]}]}]}
            seeds.append(Seed(name=Path(name).name, kind="qa", content=json.dumps(excerpt).encode(), shape="json"))
    return seeds


def _suffix(name: str) -> str:
    suffix = Path(name).suffix
    return suffix if suffix in (".tsv", ".csv", ".json", ".jsonl", ".txt", ".conllu") else ".conll"


def _head(path: Path, lines: int) -> bytes:
    with path.open("rb") as stream:
        return b"".join(islice(stream, lines))
