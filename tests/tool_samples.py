"""A file of each annotation tool: samples that the tests of their formats read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spanbert.core.types import Span

NER = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
ANN_TEXT = "Ann Lee works\nfor Acme. She left."
ANN = """T1\tPER 0 7\tAnn Lee
T2\tORG 18 22\tAcme
T3\tPER 24 27\tShe
T4\tWork 8 13;14 17\tworks for
R1\tworks_for Arg1:T1 Arg2:T2\t
*\tEquiv T1 T3
E1\tWork:T4 Who:T1
A1\tNegated E1
N1\tReference T2 Wiki:7\tAcme
#1\tAnnotatorNotes T1\tsure
"""
TSV = f"""#FORMAT=WebAnno TSV 3.3
#T_SP=de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS|PosValue|coarseValue
#T_SP={NER}|identifier|value
#T_SP=webanno.custom.Frame|FE|ROLE_webanno.custom.Frame:Roles_webanno.custom.FrameRolesLink|webanno.custom.Lu
#T_CH=de.tudarmstadt.ukp.dkpro.core.api.coref.type.CoreferenceLink|referenceType|referenceRelation
#T_RL=webanno.custom.Relation|value|BT_{NER}


#Text=Ann Lee 😊 joined Acme.
1-1\t0-3\tAnn\tNNP\tPROPN\t*[1]\tPER[1]\t_\t_\t_\tnam[1]\tcoref->1-1\t_\t_\t
1-2\t4-7\tLee\tNNP\tPROPN\t*[1]\tPER[1]\t_\t_\t_\tnam[1]\tcoref->1-1\t_\t_\t
1-3\t8-10\t😊\tSYM\tSYM\t_\t_\t_\t_\t_\t_\t_\t_\t_\t
1-4\t11-17\tjoined\tVBD\tVERB\t_\t_\thire\tagent\t1-1[1]\t_\t_\t_\t_\t
1-5\t18-22\tAcme\tNNP\tPROPN\t*[2]|*[3]\tORG[2]|PROD[3]\t_\t_\t_\t_\t_\tworks\\_for\t1-1[1_2]\t
1-5.1\t18-20\tAc\t_\t_\t*\tPART\t_\t_\t_\t_\t_\t_\t_\t
1-6\t22-23\t.\t.\tPUNCT\t_\t_\t_\t_\t_\t_\t_\t_\t_\t

#Text=She ran.
2-1\t24-27\tShe\tPRP\tPRON\t_\t_\t_\t_\t_\tpro[1]\t*->1-2\t_\t_\t
2-2\t28-31\tran\tVBD\tVERB\t_\t_\t_\t_\t_\t_\t_\t_\t_\t
2-3\t31-32\t.\t.\tPUNCT\t_\t_\t_\t_\t_\t_\t_\t_\t_\t
"""
COREFUD = """# newdoc id = letters-1
# global.Entity = eid-etype-head-other
# sent_id = letters-1-1
# text = Ann Lee's boat left.
1\tAnn\tAnn\tPROPN\t_\t_\t4\tnmod\t_\tEntity=(e2-object-4-(e1-person-1-
2\tLee\tLee\tPROPN\t_\t_\t1\tflat\t_\tEntity=e1)|SpaceAfter=No
3\t's\t's\tPART\t_\t_\t1\tcase\t_\t_
4\tboat\tboat\tNOUN\t_\t_\t5\tnsubj\t_\tEntity=e2)
5\tleft\tleave\tVERB\t_\t_\t0\troot\t_\tSpaceAfter=No
5.1\t_\t_\tPRON\t_\t_\t_\t_\t5:obj\tEntity=(e4--1-)
6\t.\t.\tPUNCT\t_\t_\t5\tpunct\t_\t_

# sent_id = letters-1-2
# text = She ran.
1\tShe\tshe\tPRON\t_\t_\t2\tnsubj\t_\tBridge=e2<e1|Entity=(e1-person-1-)
2\tran\trun\tVERB\t_\t_\t0\troot\t_\tSpaceAfter=No
3\t.\t.\tPUNCT\t_\t_\t2\tpunct\t_\t_

# newdoc id = letters-2
# sent_id = letters-2-1
# speaker = Eve
1-2\tdu\t_\t_\t_\t_\t_\t_\t_\t_
1\tde\tde\tADP\t_\t_\t3\tcase\t_\t_
2\tle\tle\tDET\t_\t_\t3\tdet\t_\tEntity=(e1--2-
3\tcafé\tcafé\tNOUN\t_\t_\t0\troot\t_\tEntity=e1)

"""
PAIR = ["Ann left Rome.", {"entities": [[0, 3, "PER"], [9, 13, "LOC"]], "cats": {"news": 1.0}}]
TO_JSON = {
    "text": "Ann left Rome.",
    "ents": [{"start": 0, "end": 3, "label": "PER"}, {"start": 9, "end": 13, "label": "LOC"}],
    "sents": [{"start": 0, "end": 14}],
    "tokens": [
        {"id": 0, "start": 0, "end": 3, "tag": "NNP", "pos": "PROPN", "lemma": "Ann"},
        {"id": 1, "start": 4, "end": 8, "tag": "VBD", "pos": "VERB", "lemma": "leave"},
        {"id": 2, "start": 9, "end": 13, "tag": "NNP", "pos": "PROPN", "lemma": "Rome"},
        {"id": 3, "start": 13, "end": 14, "tag": ".", "pos": "PUNCT", "lemma": "."},
    ],
    "spans": {"sc": [{"start": 0, "end": 8, "label": "X", "kb_id": ""}]},
}
VERSION_2 = [{"id": 0, "paragraphs": [{"raw": "Ann left. She ran.", "sentences": [
    {"tokens": [{"id": 0, "orth": "Ann", "tag": "NNP", "ner": "U-PER"}, {"id": 1, "orth": "left", "tag": "VBD", "ner": "O"},
                {"id": 2, "orth": ".", "tag": ".", "ner": "O"}], "brackets": []},
    {"tokens": [{"id": 3, "orth": "She", "tag": "PRP", "ner": "-"}, {"id": 4, "orth": "ran", "tag": "VBD", "ner": "O"},
                {"id": 5, "orth": ".", "tag": ".", "ner": "O"}], "brackets": []}]}]}]  # fmt: skip
REGION = {"id": "a", "type": "labels", "from_name": "ner", "to_name": "text",
          "value": {"start": 0, "end": 3, "text": "Ann", "labels": ["PER", "VIP"]}}  # fmt: skip
PLACE = {"id": "b", "type": "labels", "from_name": "ner", "to_name": "text",
         "value": {"start": 9, "end": 13, "text": "Rome", "labels": ["LOC"]}}  # fmt: skip
LEFT = {"type": "relation", "from_id": "b", "to_id": "a", "direction": "left", "labels": ["left"]}
MOOD = {"id": "m", "type": "choices", "from_name": "mood", "to_name": "text", "value": {"choices": ["sad"]}}
STARS = {"id": "s", "type": "rating", "from_name": "stars", "to_name": "text", "value": {"rating": 3}}
STUDIO = [
    {"id": 7, "data": {"text": "Ann left Rome."}, "predictions": [{"result": [PLACE]}], "annotations": [
        {"id": 1, "completed_by": 1, "result": [REGION, PLACE, LEFT, MOOD, STARS], "ground_truth": True},
        {"id": 2, "completed_by": 2, "result": [PLACE]},
        {"id": 3, "was_cancelled": True, "result": []}]},
    {"id": 8, "data": {"text": "Nobody looked."}, "annotations": []},
]  # fmt: skip
STUDIO_MIN = [
    {"text": "Ann left Rome.", "id": 7, "ner": [{"start": 0, "end": 3, "text": "Ann", "labels": ["PER"]}],
     "mood": "sad", "annotator": 1, "annotation_id": 1, "lead_time": 2.5},
    {"text": "All is well.", "id": 8, "mood": {"choices": ["good", "calm"]}, "annotator": 1, "annotation_id": 4},
]  # fmt: skip
PER, LOC = Span(start=0, end=3, label="PER"), Span(start=9, end=13, label="LOC")


def put(path: Path, content: Any) -> Path:
    """Writes a text, or anything else as JSON."""
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def brat(folder: Path, name: str = "a", text: str = ANN_TEXT, annotations: str = ANN) -> Path:
    folder.mkdir(exist_ok=True)
    put(folder / f"{name}.txt", text)
    return put(folder / f"{name}.ann", annotations)


def docbin(path: Path) -> Path:
    """What `spacy convert` or a pipeline writes."""
    pytest.importorskip("spacy")
    from spacy.tokens import Doc, DocBin
    from spacy.vocab import Vocab

    made = DocBin(store_user_data=True)
    for record in (TO_JSON, {**TO_JSON, "ents": []}):
        made.add(Doc(Vocab()).from_json(record))
    path.write_bytes(made.to_bytes())
    return path
