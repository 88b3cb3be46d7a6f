"""A small file of ours in every format and shape, under names that say nothing of the format."""

from __future__ import annotations

import json
from pathlib import Path

from spanbert.corpus.formats.gap import HEADER
from tests.tool_samples import ANN, ANN_TEXT, COREFUD, NER, PAIR, STUDIO, STUDIO_MIN, TO_JSON, TSV, VERSION_2, docbin

KAGGLE = '''Sentence #,Word,POS,Tag
Sentence: 1,Ann,NNP,B-per
,Lee,NNP,I-per
,met,VBD,O
,"""",``,O
,Bob,NNP,B-per
,"1,000",CD,O
Sentence: 2,北,NN,B-geo
,京,NN,I-geo
'''
REPEATED = "sentence_id\tword\ttag\n7\tAnn\tB-PER\n7\tleft\tO\n8\tRome\tB-LOC\n"
BLANK_ROWS = "Word;Lemma;Tag\nAnn;Ann;B-PER\nleft;leave;O\n;;\nRome;Rome;B-LOC\n"
HEADLESS = "Ann,B-PER\nleft,O\n\nRome,B-LOC\n"
PARTS_OF_SPEECH = "word,upos\nAnn,PROPN\nleft,VERB\n"

TOKENS = [
    {"id": "0", "tokens": ["Ann", "left", "Rome", "."], "pos_tags": ["NNP", "VBD", "NNP", "."],
     "ner_tags": ["B-PER", "O", "B-LOC", "O"]},
    {"id": "1", "tokens": ["北", "京"], "pos_tags": ["NN", "NN"], "ner_tags": ["B-LOC", "I-LOC"]},
    {"id": "2", "tokens": [], "pos_tags": [], "ner_tags": []},
]  # fmt: skip
TAGS_ALONE = [{"words": ["Ann", "left"], "pos": ["PROPN", "VERB"], "source": "ours"}]

DOCCANO = [
    {"id": 1, "text": "Ann left Rome.", "label": [[0, 3, "PER"], [9, 13, "LOC"]], "Comments": []},
    {"id": 2, "text": "Nobody left.", "label": [], "Comments": ["sure?"]},
]
DOCCANO_OFFSETS = [
    {"id": 3, "text": "😀 Ann left Rome.", "entities": [
        {"id": 11, "label": "PER", "start_offset": 2, "end_offset": 5},
        {"id": 12, "label": "LOC", "start_offset": 11, "end_offset": 15}],
     "relations": [{"id": 4, "from_id": 11, "to_id": 12, "type": "left"}], "Comments": []},
]  # fmt: skip
DOCCANO_INTENTS = [{"id": 5, "text": "Wake me at 7", "cats": ["alarm"], "entities": [[11, 12, "TIME"]]}]
DOCCANO_TEXTS = [{"id": 1, "text": "a dull film", "label": ["bad", "film"], "Comments": []},
                 {"id": 2, "text": "fine", "label": [], "Comments": []}]  # fmt: skip
DOCCANO_TRANSLATIONS = [{"id": 1, "text": "Ann left.", "label": ["Ann ging."], "Comments": []}]


def _token(text: str, start: int, number: int, ws: bool) -> dict[str, object]:
    return {"text": text, "start": start, "end": start + len(text), "id": number, "ws": ws}


_ANN = {"start": 0, "end": 3, "token_start": 0, "token_end": 0, "label": "PER"}
_ROME = {"start": 9, "end": 13, "token_start": 2, "token_end": 2, "label": "LOC"}
_TOKENS = [
    _token("Ann", 0, 0, True),
    _token("left", 4, 1, True),
    _token("Rome", 9, 2, False),
    _token(".", 13, 3, False),
]
_HASHES = {"_input_hash": 1283, "_task_hash": -77}
PRODIGY = [
    {"text": "Ann left Rome.", "meta": {"source": "ours"}, **_HASHES, "tokens": _TOKENS, "spans": [_ANN, _ROME],
     "answer": "accept", "_view_id": "ner_manual"},
    {"text": "Nobody left.", **_HASHES, "answer": "accept"},
    {"text": "Ann left Rome.", **_HASHES, "spans": [{"start": 4, "end": 8, "label": "LOC"}], "answer": "reject"},
    {"text": "Rome", **_HASHES, "answer": "ignore"},
]  # fmt: skip
PRODIGY_RELATIONS = [
    {"text": "Ann left Rome.", **_HASHES, "tokens": _TOKENS, "spans": [_ANN, _ROME], "answer": "accept", "relations": [
        {"head": 0, "child": 2, "head_span": _ANN, "child_span": _ROME, "color": "#ffd882", "label": "left"}]},
    {"text": "Ann left Rome.", **_HASHES, "tokens": _TOKENS, "spans": [], "relations": [], "answer": "ignore"},
]  # fmt: skip
PRODIGY_CHOICES = [
    {"text": "a dull film", "options": [{"id": "bad", "text": "bad"}, {"id": "good", "text": "good"}],
     "accept": ["bad"], "answer": "accept", **_HASHES},
    {"text": "who knows", "options": [{"id": "bad", "text": "bad"}], "accept": [], "answer": "ignore"},
]  # fmt: skip
PRODIGY_BINARY = [
    {"text": "a dull film", "label": "bad", "answer": "accept"},
    {"text": "a fine film", "label": "bad", "answer": "reject"},
]

GLINER = [
    {"tokenized_text": ["Ann", "left", "New", "York"], "ner": [[0, 0, "person"], [2, 3, "location"], [3, 3, "word"]]},
    {"tokenized_text": ["Nobody"], "ner": [], "negatives": ["person"]},
]
GLINER_DIGITS = [{"tokenized_text": ["Ann", "left"], "ner": [["0", "0", "person"]]}]

COREF_WORDS = ["Ann", "left", ".", "She", "slept", "."]
CONLL2012 = "\n".join([
    "#begin document (a/b); part 000",
    *(f"a/b\t0\t{number}\t{word}\t-\t-\t-\t-\t-\t-\t-\t{'(0)' if word in ('Ann', 'She') else '-'}"
      for number, word in enumerate(COREF_WORDS)),
    "", "#end document", "",
])  # fmt: skip
SQUAD = {"version": "1.1", "data": [{"title": "T", "paragraphs": [{"context": "Ann left.", "qas": [
    {"id": "q", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 0}]}]}]}]}  # fmt: skip
LABEL_STUDIO = [{"id": 7, "data": {"text": "Ann left Rome."}, "annotations": [{"id": 2, "result": [
    {"id": "r1", "from_name": "label", "to_name": "text", "type": "labels",
     "value": {"start": 0, "end": 3, "text": "Ann", "labels": ["PER"]}}]}]}]  # fmt: skip
TACRED = [{"id": "e1", "token": ["Ann", "left", "Rome"], "subj_start": 0, "subj_end": 0, "obj_start": 2, "obj_end": 2,
           "subj_type": "PER", "obj_type": "LOC", "relation": "left"}]  # fmt: skip
TMX = """<?xml version="1.0" encoding="UTF-8"?>
<tmx version="1.4"><header srclang="en" adminlang="en" datatype="plaintext" segtype="sentence" creationtool="x"
creationtoolversion="1" o-tmf="x"/><body><tu><tuv xml:lang="en"><seg>Ann left.</seg></tuv>
<tuv xml:lang="de"><seg>Ann ging.</seg></tuv></tu></body></tmx>
"""


PLAIN_TSV = f"""#FORMAT=WebAnno TSV 3.3
#T_SP={NER}|value


#Text=Ann left Rome.
1-1\t0-3\tAnn\tPER\t
1-2\t4-8\tleft\t_\t
1-3\t9-13\tRome\tLOC\t
1-4\t13-14\t.\t_\t
"""


def lines(records: list[dict]) -> str:
    """JSON lines."""
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


SAMPLES: dict[str, list[tuple[str, str]]] = {
    "hf-tokens": [
        *[(name, lines(TOKENS)) for name in ("a.jsonl", "a.json", "a.txt")],
        ("a.json", json.dumps(TOKENS)),
        ("a.json", json.dumps(TOKENS, indent=1)),
        ("a.data", lines(TAGS_ALONE)),
    ],
    "word-table": [
        *[(name, KAGGLE) for name in ("a.csv", "a.txt", "a.data")],
        *[(name, REPEATED) for name in ("a.tsv", "a.csv", "a.txt")],
        *[(name, BLANK_ROWS) for name in ("a.csv", "a.txt")],
        *[(name, HEADLESS) for name in ("a.csv", "a.txt")],
        ("a.csv", PARTS_OF_SPEECH),
    ],
    "doccano": [
        *[(name, lines(DOCCANO)) for name in ("a.jsonl", "a.json", "a.txt")],
        ("a.jsonl", lines(DOCCANO).replace('"text"', '"data"')),
        ("a.jsonl", lines(DOCCANO).replace('"label"', '"labels"')),
        ("a.txt", lines(DOCCANO_OFFSETS)),
        ("a.json", lines(DOCCANO_INTENTS)),
        ("a.json", json.dumps(DOCCANO)),
    ],
    "prodigy": [
        *[(name, lines(PRODIGY)) for name in ("a.jsonl", "a.json", "a.txt")],
        ("a.json", json.dumps(PRODIGY)),
        ("a.jsonl", lines([{"text": "Ann left Rome.", "tokens": _TOKENS, "spans": [_ANN]}])),
    ],
    "gliner": [
        *[(name, json.dumps(GLINER)) for name in ("a.json", "a.txt", "a.jsonl")],
        ("a.json", json.dumps(GLINER, indent=1)),
        *[(name, lines(GLINER)) for name in ("a.json", "a.jsonl", "a.txt")],
        ("a.json", json.dumps(GLINER_DIGITS)),
    ],
    "columns": [(name, "# text = Ann left\nAnn\tB-PER\nleft\tO\n\n") for name in ("a.conll", "a.txt", "a.data")],
    "jsonl": [
        (name, '{"id": "1", "text": "Ann left.", "spans": [{"start": 0, "end": 3, "label": "PER"}]}\n')
        for name in ("a.jsonl", "a.json", "a.txt2")
    ],
    "label-studio": [
        ("a.json", json.dumps(LABEL_STUDIO)),
        *[(name, json.dumps(STUDIO)) for name in ("a.json", "a.txt", "a.jsonl")],
        ("a.data", json.dumps(STUDIO, indent=1)),
    ],
    "label-studio-min": [
        *[(name, json.dumps(STUDIO_MIN)) for name in ("a.json", "a.txt", "a.jsonl")],
        ("a.data", json.dumps(STUDIO_MIN, indent=1)),
    ],
    "spacy-json": [
        *[(name, lines([TO_JSON, TO_JSON])) for name in ("a.jsonl", "a.json", "a.txt")],
        ("a.json", json.dumps(TO_JSON, indent=2)),
        ("a.json", json.dumps([TO_JSON, TO_JSON])),
        ("a.jsonl", json.dumps(PAIR) + "\n" + json.dumps(PAIR) + "\n"),
        ("a.txt", json.dumps([PAIR, PAIR])),
        ("a.json", json.dumps({"classes": ["PER"], "annotations": [PAIR]}, indent=1)),
        ("a.json", json.dumps(VERSION_2, indent=1)),
    ],
    "brat": [(name, ANN) for name in ("a.ann", "a.data", "a.conll")],
    "webanno": [("a.tsv", PLAIN_TSV), *[(name, TSV) for name in ("a.tsv", "a.txt", "a.conll")]],
    "spacy": [(name, "") for name in ("a.spacy", "a.data")],
    "corefud": [(name, COREFUD) for name in ("a.conllu", "a.txt")],
    "qa-jsonl": [
        (
            name,
            lines([{"id": "q", "question": "Who?", "context": "Ann left.", "answers": [{"text": "Ann", "start": 0}]}]),
        )
        for name in ("a.jsonl", "a.txt")
    ],
    "squad": [("a.json", json.dumps(SQUAD)), ("a.data", json.dumps(SQUAD, indent=1))],
    "conll2012": [(name, CONLL2012) for name in ("a.conll", "a.txt")],
    "coref-jsonl": [
        (name, '{"id": "1", "text": "Ann left. She slept.", "clusters": [[[0, 3], [10, 13]]]}\n')
        for name in ("a.jsonl", "a.txt")
    ],
    "gap": [
        (name, "\t".join(HEADER) + "\n7\tAnn met Eve . She left\tShe\t14\tAnn\t0\tTRUE\tEve\t8\tFALSE\thttp://x\n")
        for name in ("a.tsv", "a.txt")
    ],
    "tacred": [(name, json.dumps(TACRED)) for name in ("a.json", "a.txt")],
    "semeval": [
        (name, '1\t"<e1>Ann</e1> left <e2>Rome</e2>."\nOther\nComment: ours\n\n') for name in ("a.txt", "a.data")
    ],
    "doccano-relations": [(name, lines(DOCCANO_OFFSETS)) for name in ("a.jsonl", "a.json", "a.txt")],
    "prodigy-relations": [(name, lines(PRODIGY_RELATIONS)) for name in ("a.jsonl", "a.json", "a.txt")],
    "relation-jsonl": [
        (
            name,
            '{"id": "1", "text": "Ann left Rome.", "head": {"start": 0, "end": 3}, '
            '"tail": {"start": 9, "end": 13}, "label": "left"}\n',
        )
        for name in ("a.jsonl", "a.txt")
    ],
    "prodigy-labels": [
        *[(name, lines(PRODIGY_CHOICES)) for name in ("a.jsonl", "a.json", "a.txt")],
        ("a.jsonl", lines(PRODIGY_BINARY)),
    ],
    "labelled": [
        ("a.csv", "text,label\na dull film,bad\n"),
        ("a.tsv", "sentence\tlabel\na dull film\tbad\n"),
        ("a.jsonl", lines(DOCCANO_TEXTS)),
        ("a.json", '{"premise": "A dog barks", "hypothesis": "An animal is heard", "label": 1}\n'),
    ],
    "tmx": [("a.tmx", TMX), ("a.txt", TMX)],
    "parallel": [
        ("a.tsv", "source\ttarget\nAnn left.\tAnn ging.\n"),
        ("a.jsonl", '{"translation": {"en": "Ann left.", "de": "Ann ging."}}\n'),
        ("a.jsonl", lines(DOCCANO_TRANSLATIONS)),
    ],
}


def put_sample(folder: Path, name: str, file: str, content: str) -> Path:
    """Writes a sample of a format; brat's with its text beside, spaCy's in its own bytes."""
    path = folder / file
    if name == "spacy":
        return docbin(path)
    if name == "brat":
        path.with_suffix(".txt").write_text(ANN_TEXT, encoding="utf-8")
    path.write_text(content, encoding="utf-8")
    return path
