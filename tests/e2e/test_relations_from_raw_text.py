"""Relations from raw text as a user meets them: what predict leaves out, evaluate --end-to-end, doctor, the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import spanbert
from spanbert.train.run_directory import run_directory
from tests.labelled import relation_file, tiny, write_lines


@pytest.fixture(scope="module")
def bundle(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny("entities", hugging_face_model, tmp_path_factory.getbasetemp())[0].path


@pytest.fixture(scope="module")
def pairs_alone(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny("relation", hugging_face_model, tmp_path_factory.getbasetemp())[0].path


def whole(path: Path, *, named: bool) -> Path:
    """Texts with all their relations, and with all their entities if they are named."""
    records = [json.loads(line) for line in relation_file(path, 12, 5).read_text().splitlines()]
    return write_lines(
        path,
        [
            {"text": one["text"], **({"entities": [one["head"], one["tail"]]} if named else {}),
             "relations": [{"head": one["head"], "tail": one["tail"], "label": one["label"]}]}
            for one in records
        ],
    )  # fmt: skip


def test_unrelated_pairs_are_left_out_unless_asked_for(cli, bundle: Path, pairs_alone: Path, tmp_path: Path):
    texts = tmp_path / "texts.txt"
    texts.write_text("the king sleeps a fox .\nthe king finds a fox .\n")

    def labels(model: Path, *arguments: object) -> list[list[str]]:
        code, out, err = cli("predict", model, *arguments)
        assert code == 0, err
        found = [json.loads(line)["tasks"]["relation"]["relations"] for line in out.splitlines()]
        return [[one["label"] for one in relations] for relations in found]

    assert labels(bundle, texts) == [[], ["sees"]]
    assert labels(bundle, texts, "--all-pairs") == [["no_relation"], ["sees"]]
    assert labels(bundle, texts, "--set", "relation.all_pairs=true") == [["no_relation"], ["sees"]]
    ends = [{"start": 4, "end": 8, "label": "PER"}, {"start": 18, "end": 21, "label": "ANI"}]
    entities = write_lines(tmp_path / "e.jsonl", [{"text": "the king sleeps a fox .", "entities": ends}])
    assert labels(pairs_alone, entities) == [[]]
    stated = {"text": "the king sleeps a fox .", "head": ends[0], "tail": ends[1]}
    assert labels(pairs_alone, write_lines(tmp_path / "p.jsonl", [stated])) == [["no_relation"]], "a pair is asked for"


def test_of_too_many_pairs_the_nearest_are_judged_and_that_is_said(cli, pairs_alone: Path, tmp_path: Path):
    text = "the king finds a fox and a rabbit . a cat sleeps ."
    kinds = {"king": "PER", "fox": "ANI", "rabbit": "ANI", "cat": "ANI"}
    ends = [
        {"start": text.index(word), "end": text.index(word) + len(word), "label": kind} for word, kind in kinds.items()
    ]
    data = write_lines(tmp_path / "e.jsonl", [{"id": "crowd", "text": text, "entities": ends}])

    def pairs(*arguments: object) -> tuple[list[tuple[str, str]], str]:
        code, out, err = cli("predict", pairs_alone, data, "--all-pairs", *arguments)
        assert code == 0, err
        [record] = map(json.loads, out.splitlines())
        found = record["tasks"]["relation"]["relations"]
        assert record["tasks"]["relation"].get("pairs_left_out", 0) == (
            len(every) - 1 if "--max-pairs" in arguments else 0
        )
        return [(one["head"]["text"], one["tail"]["text"]) for one in found], err

    every, said = pairs()
    assert ("king", "rabbit") in every
    assert "pairs of entities" not in said
    few, said = pairs("--max-pairs", 1)
    assert {end for pair in few for end in pair} == {"king", "fox"}
    assert (
        f"e.jsonl:1: 1 of {len(every)} pairs of entities are judged, the nearest; max_pairs (--max-pairs) sets how many"
        in said
    )
    code, _, err = cli("predict", pairs_alone, data, "--max-pairs", 0)
    assert (code, "Traceback" in err) == (2, False)
    nlp = spanbert.load(pairs_alone, options={"relation": {"max_pairs": 1, "all_pairs": True}})
    spans = [spanbert.Span(**one) for one in ends]
    with pytest.warns(UserWarning, match=r"text: 1 of \d+ pairs of entities are judged"):
        [relation] = nlp.relate(text, spans)
    assert {relation.head.text, relation.tail.text} == {"king", "fox"}


def test_evaluate_end_to_end(cli, bundle: Path, pairs_alone: Path, tmp_path: Path):
    data = whole(tmp_path / "test.jsonl", named=True)
    code, out, err = cli("evaluate", bundle, "--data", data, "--end-to-end", "--json")
    assert code == 0, err
    found = json.loads(out.splitlines()[-1], parse_constant=pytest.fail)
    assert (found["task"], found["main"], found["texts"]) == ("relation", "relation_strict_f1", 12)
    assert found["relation_strict_f1"] > 0.8
    assert found["entity_boundary_f1"] >= found["entity_strict_f1"] > 0.8
    assert found["signature"].endswith("|task:end-to-end|entities:found|types:strict+boundary|units:texts")
    code, out, _ = cli("evaluate", bundle, "--data", data, "--end-to-end")
    assert "relation strict f1" in out.splitlines()[1]
    alone = whole(tmp_path / "alone.jsonl", named=False)
    code, out, _ = cli("evaluate", bundle, "--data", alone, "--end-to-end", "--json")
    assert not any(name.startswith("entity") for name in json.loads(out.splitlines()[-1])), "they are not known"
    code, out, err = cli("evaluate", pairs_alone, "--data", alone, "--end-to-end", "--entities", "gold", "--json")
    assert code == 0, err
    assert json.loads(out.splitlines()[-1])["relation_boundary_f1"] > 0.8
    bare = [json.loads(line) for line in alone.read_text().splitlines()]
    for pair in (pair for one in bare for pair in one["relations"]):
        pair["head"].pop("label"), pair["tail"].pop("label")
    untyped = write_lines(tmp_path / "untyped.jsonl", bare)
    code, out, err = cli("evaluate", bundle, "--data", untyped, "--end-to-end", "--json")
    assert code == 0, err
    found = json.loads(out.splitlines()[-1])
    assert (found["main"], found["relation_boundary_f1"] > 0.8) == ("relation_boundary_f1", True)
    assert "relation_strict_f1" not in found
    records = [json.loads(line) for line in data.read_text().splitlines()]
    for one in records:
        one["entities"].append({"start": 0, "end": 3, "label": "PLANT"})
    strange = write_lines(tmp_path / "strange.jsonl", records)
    gold = ("--end-to-end", "--entities", "gold")
    code, _, err = cli("evaluate", pairs_alone, "--data", strange, *gold)
    assert (code, "12 entities of types that relation does not know are left out: PLANT" in err) == (0, True)
    for option in (("--max-pairs", 1), ("--set", "relation.max_pairs=1")):
        code, _, err = cli("evaluate", pairs_alone, "--data", data, *gold, *option)
        assert (code, "Traceback" in err) == (0, False), err
    for arguments, said in (
        ((pairs_alone, "--end-to-end"), "no task that finds the entities to relate"),
        ((bundle, "--end-to-end", "--entities", "all"), "no such entities"),
        ((bundle, "--task", "relation", "--entities", "gold"), "an option of --end-to-end"),
        ((bundle, "--end-to-end", "--task", "ner"), "task 'ner' does not relate entities; expected relation"),
        ((bundle, bundle, "--end-to-end", "--compare"), "an option that does not go with --end-to-end"),
        ((bundle, bundle, "--end-to-end"), "how many bundles?"),
        ((bundle, "--end-to-end", "--set", "qa.threshold=0.3"), "a setting of qa"),
        ((bundle, "--task", "relation", "--max-pairs", 5), "an option of --end-to-end"),
    ):
        code, _, err = cli("evaluate", *arguments, "--data", data)
        assert code == 2
        assert "Traceback" not in err
        assert said in err.splitlines()[-1]


def test_the_report_shows_it_first(cli, bundle: Path):
    scores = json.loads((run_directory(bundle) / "end_to_end.json").read_text())
    assert set(scores) == {"relation"}
    from spanbert.apps.reports.finetune_report import finetune_report

    page = finetune_report(bundle)
    assert 0 < page.index("From raw text: relation") < page.index('<ul class="cards">')
    card = (bundle / "README.md").read_text()
    assert card.index("relation, with its entities, from raw text:") < card.index("micro f1")


def test_doctor_warns_of_what_the_data_lacks(cli, hugging_face_model: Path, tmp_path: Path):
    texts = [f"the king {verb} a fox and a rabbit ." for verb in ("finds", "meets", "calls")]

    def ends(text: str, word: str) -> dict[str, int]:
        return {"start": text.index(word), "end": text.index(word) + len(word)}

    def records(*pairs: tuple[str, str, str]) -> list[dict]:
        return [
            {"text": text, "head": ends(text, head), "tail": ends(text, tail), "label": label}
            for text in texts
            for head, tail, label in pairs
        ]

    def found(data: Path, *arguments: object) -> dict[str, dict]:
        code, out, err = cli("doctor", "relation", "--data", data, "--model", hugging_face_model, "--no-estimate",
                             "--json", *arguments)  # fmt: skip
        assert code == 0, err
        return {one["name"]: one for one in json.loads(out.splitlines()[-1])["findings"]}

    forward = records(("king", "fox", "sees"), ("king", "rabbit", "no_relation"), ("fox", "rabbit", "no_relation"))
    one_order = found(write_lines(tmp_path / "a.jsonl", forward))["one_order"]
    assert one_order["count"] == 6
    assert "nearly all with the head before the tail" in one_order["what"]
    assert "Training takes the reversed pairs for unrelated too" in one_order["remedy"]
    stated = found(tmp_path / "a.jsonl", "--negatives", "no")["one_order"]
    assert stated["remedy"].endswith("(relation.negatives=reversed); until then it is not judged in raw text")
    none = found(write_lines(tmp_path / "b.jsonl", records(("king", "fox", "sees"), ("fox", "rabbit", "near"))))
    assert none["no_negatives"]["count"] == 6
    assert "training takes other pairs" in none["no_negatives"]["remedy"]
    both = found(write_lines(tmp_path / "c.jsonl", [*forward, *records(("rabbit", "king", "no_relation"))]))
    assert not {"one_order", "no_negatives", "across_sentences"} & both.keys()

    def trips(*sides: tuple[str, str, str]) -> list[dict]:
        """A person and a city of a text, the person as the head: the reversed pair has types that are never related."""
        return [
            {"text": text, "head": {**ends(text, "king"), "label": "PER"},
             "tail": {**ends(text, "fox"), "label": "LOC"}, "label": label}
            for verb in ("finds", "meets") for before, after, label in sides
            for text in [f"the {before} {verb} a {after} ."]
        ]  # fmt: skip

    unrelated = trips(("king", "fox", "no_relation"))
    passive = found(write_lines(tmp_path / "d.jsonl", [*trips(("fox", "king", "sees")), *unrelated]))["one_order"]
    remedy = "List unrelated pairs in the other order too; {}. Training can make no reversed pairs"
    assert passive["remedy"] == remedy.format("it is judged in raw text")
    active = write_lines(tmp_path / "e.jsonl", [*trips(("king", "fox", "sees")), *unrelated])
    assert found(active)["one_order"]["remedy"] == remedy.format("until then it is not judged in raw text")
    none = found(write_lines(tmp_path / "f.jsonl", [*trips(("king", "fox", "sees")), *trips(("king", "fox", "calls"))]))
    assert "of which training cannot make any from these texts" in none["no_negatives"]["remedy"]


def test_doctor_warns_of_relations_across_sentences(cli, hugging_face_model: Path, tmp_path: Path):
    records = []
    for text, label in (("the king ran . a fox slept .", "sees"), ("the king ran . a fox met .", "no_relation"),
                        ("the king ran by a fox .", "sees")):  # fmt: skip
        sides = {side: {"start": text.index(word), "end": text.index(word) + len(word)}
                 for side, word in (("head", "king"), ("tail", "fox"))}  # fmt: skip
        records.append({"text": text, "label": label, **sides})
    data = write_lines(tmp_path / "a.jsonl", records)
    code, out, err = cli("doctor", "relation", "--data", data, "--model", hugging_face_model, "--no-estimate", "--json")
    assert code == 0, err
    found = {one["name"]: one for one in json.loads(out.splitlines()[-1])["findings"]}
    assert (found["across_sentences"]["count"], found["across_sentences"]["examples"]) == (1, ["a.jsonl:1 'king'"])
