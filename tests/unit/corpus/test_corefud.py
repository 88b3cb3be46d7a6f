"""CorefUD: what comes back, what changes, what is refused; real clusters through all formats that hold them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spanbert.core.errors import InputError
from spanbert.core.predictions import Coreference
from spanbert.core.types import Document, Span
from spanbert.corpus.formats.clusters import repeated_mentions
from spanbert.corpus.formats.corefud_heads import MentionHeads, has_heads
from spanbert.corpus.formats.registry import open_data, write_data
from spanbert.pipelines.convert.data import convert_data
from spanbert.tasks.coref.render import CorefRender
from spanbert.tasks.coref.scoring import CorefDocumentScorer
from tests.formats import open_coref, read_coref
from tests.tool_samples import (
    COREFUD,
    put,
)


def test_corefud_is_read_and_comes_back(tmp_path: Path):
    path = put(tmp_path / "a.conllu", COREFUD)
    data = open_coref(path)
    first, second = data.documents()
    assert (first.id, first.text) == ("letters-1", "Ann Lee's boat left.\nShe ran.")
    said = [[first.text[one.start : one.end] for one in cluster] for cluster in first.clusters]
    assert said == [["Ann Lee's boat"], ["Ann Lee", "She"]]  # one of a single mention
    assert (second.text, second.columns) == ("de le café", {"speaker": ("Eve", "Eve", "Eve")})
    assert data.left_out == {"mentions of empty nodes alone": 1, "types and heads of mentions": 4, "Bridge=": 1}
    convert_data(path, tmp_path / "b.conllu", to="corefud")
    assert (tmp_path / "b.conllu").read_text() == COREFUD


def test_corefud_with_changed_clusters_keeps_heads_and_types(tmp_path: Path):
    first, _ = read_coref(put(tmp_path / "a.conllu", COREFUD))
    _, ann = first.clusters
    more = (*ann, Span(start=15, end=19))
    write_data([replace(first, clusters=(more, (Span(start=10, end=14),)))], tmp_path / "b.conllu", to="corefud")
    lines = (tmp_path / "b.conllu").read_text().splitlines()
    misc = [line.split("\t")[9] for line in lines if "\t" in line]
    assert misc == [
        "Entity=(e1-person-1-", "Entity=e1)|SpaceAfter=No", "_", "Entity=(e3--1-)", "Entity=(e1--1-)|SpaceAfter=No",
        "Entity=(e4--1-)", "_", "Bridge=e2<e1|Entity=(e1-person-1-)", "SpaceAfter=No", "_",
    ]  # fmt: skip
    assert [line for line in lines if "\t" not in line] == [
        line for line in COREFUD.split("\n\n# newdoc id = letters-2")[0].splitlines() if "\t" not in line
    ] + [""]


def test_corefud_of_others_and_of_conll2012(tmp_path: Path):
    content = "#begin document (x); part 001\n" + "".join(
        f"x\t1\t{n}\t{word}\t-\t-\t-\t-\t-\t{speaker}\t-\t{cell}\n"
        for n, (word, speaker, cell) in enumerate([("Ann", "A", "(7"), ("Lee", "A", "7)"), ("saw", "B", "-"), ("her", "B", "(7)|(8)")])
    ) + "\n#end document\n"  # fmt: skip
    convert_data(put(tmp_path / "a.conll", content), tmp_path / "b.conllu", to="corefud")
    [one], [again] = read_coref(tmp_path / "a.conll"), read_coref(tmp_path / "b.conllu")
    assert (again.text, again.clusters, again.columns, again.sentences) == (
        one.text,
        one.clusters,
        one.columns,
        one.sentences,
    )
    [repeated] = repeated_mentions(again)
    assert repeated.where.endswith("b.conllu:8")
    assert repeated.clusters == ("1", "2")


def test_predictions_come_back_as_corefud_without_gold(tmp_path: Path):
    """Tree and lemmas stay, new mentions have heads, and nothing is left of what the file says of entities."""
    first, second = read_coref(put(tmp_path / "a.conllu", COREFUD))
    boat, she = Span(start=0, end=14), Span(start=21, end=24)
    lines = []
    for document, clusters in ((first, ((boat, she),)), (second, ())):
        found = Coreference(clusters=clusters, links=(), heads=(), words=document.words)
        lines += CorefRender().lines(document.without_gold(keep=("columns",)), found)
    put(tmp_path / "b.conllu", "".join(f"{line}\n" for line in lines))
    [again, other] = read_coref(tmp_path / "b.conllu")
    assert (again.clusters, other.clusters) == (((boat, she),), ())
    misc = [line.split("\t")[9] for line in lines if "\t" in line]
    assert misc == [
        "Entity=(e1--4-", "SpaceAfter=No", "_", "Entity=e1)", "SpaceAfter=No", "_", "_",
        "Entity=(e1--1-)", "SpaceAfter=No", "_", "_", "_", "_", "_",
    ]  # fmt: skip
    gold = COREFUD.splitlines()
    assert [line.rpartition("\t")[0] for line in lines if "\t" in line] == [
        line.rpartition("\t")[0] for line in gold if "\t" in line
    ]
    assert [line for line in lines if "\t" not in line] == [line for line in gold if "\t" not in line]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("(e1-person-1-)", "(e1[1/2]-person-1-)", r"a\.conllu:15: a mention in parts, which spans .* cannot be; got 'e1\[1/2\]-person-1-'"),
        ("Entity=e2)", "_", r"a\.conllu:5: a mention never ends; got \(e2-object-4-"),
        ("Bridge=e2<e1|Entity=(e1-person-1-)", "Entity=e9)", r"a\.conllu:15: a mention ends but never began; got e9\)"),
        ("Entity=e2)", "Entity=e2", r"a\.conllu:8: not brackets of entities; got 'e2'"),
        ("# global.Entity = eid-etype-head-other\n", "", r"a\.conllu:4: entities whose parts no comment names"),
        ("\t5\tpunct\t_\t_", "", r"a\.conllu:11: not a line of CoNLL-U; got 6 columns; expected 10"),
        ("5.1\t", "five\t", r"a\.conllu:10: not a number of a word; got 'five'"),
    ],
)  # fmt: skip
def test_what_corefud_gets_wrong_is_named(tmp_path: Path, old: str, new: str, message: str):
    assert COREFUD.count(old) == 1
    path = put(tmp_path / "a.conllu", COREFUD.replace(old, new))
    with pytest.raises(InputError, match=message):
        list(open_data(path, among=["corefud"]).documents())


def test_real_clusters_go_through_corefud_brat_and_webanno(real_data: Path, tmp_path: Path):
    path = real_data / "coref" / "ontogum" / "dev-00.conll"
    first = list(read_coref(path))

    def mentions(documents: list[Document]) -> list[list[set[str]]]:
        said = [[{f"{m.start}-{m.end}" for m in cluster} for cluster in one.clusters] for one in documents]
        return [sorted(one, key=sorted) for one in said]

    for name in ("corefud", "brat", "webanno"):
        convert_data(path, tmp_path / name, to=name)
        again = {one.id: one for one in read_coref(tmp_path / name)}
        again_in_order = [again[one.id] for one in first]
        assert [one.text for one in again_in_order] == [one.text for one in first]
        assert mentions(again_in_order) == mentions(first)


TREE = """\
# newdoc id = a
# global.Entity = eid-etype-head-other
# sent_id = a-1
1	the	the	DET	_	_	3	det	_	Entity=(e1-person-3-
2	old	old	ADJ	_	_	3	amod	_	_
3	man	man	NOUN	_	_	6	nsubj	_	_
4	of	of	ADP	_	_	5	case	_	_
5	Rome	Rome	PROPN	_	_	3	nmod	_	Entity=(e2-place-1-)e1)
6	saw	see	VERB	_	_	0	root	_	_
7	himself	himself	PRON	_	_	6	obj	_	Entity=(e1-person-1-)

"""


def test_heads_are_those_of_the_file_or_the_highest_word(tmp_path: Path):
    [document] = read_coref(put(tmp_path / "a.conllu", TREE))
    heads = MentionHeads(document)
    whole = document.clusters[0][0]
    assert heads.stated(whole) == (0, 4, 2)
    assert heads.highest(Span(start=0, end=7)) == (0, 1, 0), "two without a parent among them, neither above the other"
    assert heads.highest(Span(start=whole.end + 1, end=len(document.text))) == (5, 6, 5)
    assert heads.highest(Span(start=8, end=whole.end)) == (2, 4, 2)
    assert not has_heads(Document(id="b", text="x"))


def test_mentions_with_the_same_head_count_where_heads_are_stated(tmp_path: Path):
    [document] = read_coref(put(tmp_path / "a.conllu", TREE))
    (whole, himself), (rome,) = document.clusters
    shorter = Span(start=whole.start, end=11)  # the old man
    scorer = CorefDocumentScorer(singletons="drop")
    scorer.add(document, Coreference(clusters=((shorter, himself), (rome,)), links=(), heads=(), words=()))
    scores = scorer.scores()
    assert scores["muc_f1"] == 0
    assert scores["head_conll_f1"] == 1
    assert "head_conll_f1" in scores["interval"]
    assert scores["documents_with_heads"] == 1
    other = replace(document, origin=None)
    scorer = CorefDocumentScorer(singletons="drop")
    scorer.add(other, Coreference(clusters=((shorter, himself),), links=(), heads=(), words=()))
    assert "head_conll_f1" not in scorer.scores()
