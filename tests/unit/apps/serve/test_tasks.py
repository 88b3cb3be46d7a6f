"""Every task over HTTP: what `nlp` answers, in the form of Hugging Face's tasks."""

from __future__ import annotations

import itertools
import json
from math import exp
from typing import Any

import pytest
from pydantic import TypeAdapter
from starlette.testclient import TestClient

import spanbert
from spanbert.apps.serve.filling import Fill, FillParameters
from spanbert.apps.serve.graph import graph_of
from spanbert.apps.serve.models import LoadedModel
from spanbert.apps.serve.operations import AnalyzeParameters, cost_of
from spanbert.apps.serve.service import operations
from spanbert.core.html.style import Palette
from spanbert.core.types import Document, Relation, Span
from spanbert.pipelines.load import Pipeline
from spanbert.pipelines.results import AnnotatedText, render_of
from spanbert.tasks.registry import specs
from spanbert.tasks.relation.service import RelationService
from tests.unit.apps.serve.conftest import JOINT, PRETRAINED

TEXT = "the old king sleeps near the river. the queen runs"
near = pytest.approx


def ask(client: TestClient, slug: str, inputs: Any, *, status: int = 200, **parameters: Any) -> Any:
    answer = client.post(f"/v1/{slug}", json={"inputs": inputs, "parameters": parameters})
    assert answer.status_code == status, answer.text
    return answer.json()


def fits(slug: str, answer: Any) -> None:
    """The answer to one input is of the documented type."""
    [operation] = [one for one in operations() if one.slug == slug]
    TypeAdapter(operation.output).validate_json(json.dumps(answer))


def test_labels(client: TestClient, nlp: Pipeline):
    found = ask(client, "text-classification", TEXT, task="sent")
    wanted = nlp(TEXT)["sent"]
    assert {one["label"]: one["score"] for one in found} == near(dict(wanted.scores), abs=1e-5)
    assert [one["label"] for one in found if one["predicted"]] == list(wanted.labels)
    assert found[0]["score"] == max(one["score"] for one in found)
    fits("text-classification", found)
    assert len(ask(client, "text-classification", TEXT, task="sent", top_k=1)) == 1
    several = ask(client, "text-classification", "the fox near the river", task="several")
    assert {one["label"] for one in several if one["predicted"]} == set(nlp("the fox near the river")["several"].labels)
    [grade] = ask(client, "text-classification", {"text": TEXT}, task="grade")
    assert grade["score"] == near(nlp(TEXT)["grade"].value, abs=1e-4)


def test_spans_and_tags(client: TestClient, nlp: Pipeline):
    found = ask(client, "token-classification", TEXT, task="ner")
    wanted = [
        {
            "entity_group": one.label,
            "score": near(one.score, abs=1e-5),
            "word": one.text,
            "start": one.start,
            "end": one.end,
        }
        for one in nlp(TEXT)["ner"].spans
    ]
    assert found == wanted
    assert found
    fits("token-classification", found)
    words = ask(client, "token-classification", TEXT, task="ner", aggregation_strategy="none")
    tagged = [word for word in nlp(TEXT)["ner"].words if word.label != "O"]
    assert [(one["entity"], one["start"], one["end"]) for one in words] == [(w.label, w.start, w.end) for w in tagged]
    assert [TEXT.replace(".", " .").split()[one["index"] - 1] for one in words] == [one["word"] for one in words]
    assert ask(client, "token-classification", TEXT, task="ner", ignore_labels=["PER"]) == [
        one for one in wanted if one["entity_group"] != "PER"
    ]
    tags = ask(client, "token-classification", TEXT, task="pos", aggregation_strategy="none")
    assert [one["entity"] for one in tags] == [word.label for word in nlp(TEXT)["pos"].words]
    runs = ask(client, "token-classification", TEXT, task="pos")
    assert "".join(TEXT[one["start"] : one["end"]] for one in runs).replace(" ", "") == TEXT.replace(" ", "")
    assert all(one["entity_group"] != other["entity_group"] for one, other in itertools.pairwise(runs))
    nested = ask(client, "token-classification", TEXT, task="nested")
    assert [(one["start"], one["end"]) for one in nested] == [(one.start, one.end) for one in nlp(TEXT)["nested"].spans]
    refused = ask(client, "token-classification", TEXT, status=422, task="nested", aggregation_strategy="none")
    assert "no one tag" in refused["error"]


def test_answers(client: TestClient, nlp: Pipeline):
    asked = {"question": "who sleeps", "context": TEXT}
    wanted = nlp.ask("who sleeps", TEXT).answering
    found = ask(client, "question-answering", asked, handle_impossible_answer=False)
    best = wanted.candidates[0]
    assert found == {"answer": best.text, "score": near(best.score, abs=1e-5), "start": best.start, "end": best.end}
    fits("question-answering", found)
    many = ask(client, "question-answering", asked, top_k=3, handle_impossible_answer=False)
    assert [one["answer"] for one in many] == [one.text for one in wanted.candidates[:3]]
    decided = ask(client, "question-answering", asked)
    assert decided["answer"] == ("" if wanted.answer is None else wanted.answer.text)
    nothing = ask(client, "question-answering", {"question": "who", "context": ""})
    assert (nothing["answer"], nothing["start"], nothing["end"]) == ("", 0, 0)


def test_clusters(client: TestClient, nlp: Pipeline):
    text = "the king runs. the king sleeps"
    found = ask(client, "coreference-resolution", text)
    wanted = nlp(text)["who"]
    places = [[(one["start"], one["end"]) for one in cluster["mentions"]] for cluster in found["clusters"]]
    assert places == [[(one.start, one.end) for one in cluster] for cluster in wanted.clusters]
    assert places
    assert [(one["mention"]["start"], one["antecedent"]["start"]) for one in found["links"]] == [
        (one.mention.start, one.antecedent.start) for one in wanted.links
    ]
    fits("coreference-resolution", found)


def test_relations_of_stated_entities(client: TestClient, nlp: Pipeline):
    text = "the king runs near the fox"
    head, tail = {"start": 4, "end": 8, "label": "PER"}, {"start": 23, "end": 26, "label": "ANI"}
    found = ask(client, "relation-extraction", {"text": text, "head": head, "tail": tail})
    pair = Relation(head=Span(**head), tail=Span(**tail), label="")
    [wanted] = next(nlp.predict([Document(id="a", text=text, relations=(pair,))], task="related"))["related"].relations
    assert [(one["label"], one["score"]) for one in found] == [(wanted.label, near(wanted.score, abs=1e-5))]
    assert found[0]["head"]["text"] == "king"
    fits("relation-extraction", found)
    all_pairs = ask(client, "relation-extraction", {"text": text, "entities": [head, tail]})
    expected = nlp.relate(text, [Span(**head), Span(**tail)])
    assert [one["label"] for one in all_pairs] == [one.label for one in expected]
    raw = ask(client, "relation-extraction", text)
    assert [one["label"] for one in raw] == [one.label for one in nlp(text).relations]
    outside = ask(
        client, "relation-extraction", {"text": text, "head": head, "tail": {"start": 4, "end": 99}}, status=422
    )
    assert outside["error"].startswith("inputs: tail outside of the text")
    half = ask(client, "relation-extraction", {"text": text, "head": head}, status=422)
    assert "head and tail" in half["error"]


def test_pairs_that_are_too_many_are_never_left_out_in_silence(client: TestClient):
    text = "king fox " * 40
    places = [
        place
        for start in range(0, len(text), 9)
        for place in ((start, start + 4, "PER"), (start + 5, start + 8, "ANI"))
    ]
    entities = [{"start": start, "end": end, "label": label} for start, end, label in places]
    refused = ask(client, "relation-extraction", {"text": text, "entities": entities}, status=422)
    assert refused["error"].startswith("more pairs of entities than are judged of a text: send it in parts")
    assert refused["error"].endswith("got 600 too many")
    assert isinstance(ask(client, "relation-extraction", {"text": text, "entities": entities[:40]}), list)
    crowd = "the king sees the fox and the king sees the fox near the king"
    nlp = spanbert.load(JOINT, options={"relation": {"max_pairs": 1}})
    result = nlp(crowd)
    assert result["related"].left_out
    assert graph_of(result)["pairs_left_out"] == {"related": result["related"].left_out}
    fits("analyze", graph_of(result))
    assert ask(client, "analyze", crowd)["pairs_left_out"] == {}
    assert "were not judged" in render_of(result["related"]).html(crowd, result["related"], Palette())


def test_blanks(client: TestClient):
    blanks = spanbert.load(PRETRAINED)
    found = ask(client, "fill-mask", "the [MASK] runs", top_k=3)
    wanted = blanks.fill("the [MASK] runs", top_k=3)
    assert [one["sequence"] for one in found] == [one.text for one in wanted]
    assert [one["score"] for one in found] == near([exp(one.score) for one in wanted], abs=1e-5)
    assert [blanks.tokenizer.piece(one["token"]) for one in found] == [one.pieces[0][0] for one in wanted]
    fits("fill-mask", found)
    spans = ask(client, "span-fill", "the [MASK:1-2] sees the [MASK]", top_k=2)
    expected = blanks.fill("the [MASK:1-2] sees the [MASK]", top_k=2)
    assert [one["fills"] for one in spans] == [list(one.fills) for one in expected]
    fits("span-fill", spans)
    for text in ("no blank", "[MASK] and [MASK]", "[MASK:2] runs"):
        assert "span-fill" in ask(client, "fill-mask", text, status=422)["error"]
    assert "no blank" in ask(client, "span-fill", "nothing to fill", status=422)["error"]


def test_blanks_of_a_batch_are_read_together(monkeypatch: pytest.MonkeyPatch):
    nlp = spanbert.load(PRETRAINED)
    inner, calls = nlp._scorer, []

    def counted(sequences: Any, places: Any) -> Any:
        calls.append(len(sequences))
        return inner(sequences, places)

    monkeypatch.setitem(nlp.__dict__, "_scorer", counted)
    texts = [f"the [MASK:2] {word}" for word in ("runs", "sleeps", "sees")]
    found = Fill(2)(nlp, texts, [lambda: True] * 3)
    assert calls == [3, 15], "a call a round, for all texts"
    assert [[one.text for one in own] for own in found] == [[one.text for one in nlp.fill(t, top_k=2)] for t in texts]


def test_inputs_count_for_what_they_take(nlp: Pipeline):
    blanks, why = LoadedModel(spanbert.load(PRETRAINED)), {one.slug: one for one in operations()}

    def filled(text: str, top_k: int) -> int:
        return why["span-fill"].query(blanks, text, FillParameters(top_k=top_k), "inputs").cost

    assert filled("the [MASK] runs", 1) == filled("the [MASK] runs", 100) == 5, "read once"
    assert filled("[MASK:40]", 1) == 42 * (1 + 39 * 5)
    assert filled("[MASK:40]", 100) == 42 * (1 + 39 * 100)

    def related(text: str, many: int) -> int:
        given = {"text": text, "entities": [{"start": one, "end": one + 1} for one in range(many)]}
        service = RelationService()
        return int(service.weight(TypeAdapter(service.input).validate_python(given)))

    assert [related("the king runs", many) for many in (1, 2, 10, 500)] == [1, 2, 90, 1000]
    assert related("the king runs " * 10_000, 500) == 1000 * 512 // 35_000, "a window of so much is read for a pair"
    assert RelationService().weight("the king runs " * 100) > 20
    asked = why["analyze"].query(LoadedModel(nlp), "the king runs " * 100, AnalyzeParameters(), "inputs")
    assert asked.cost > 20 * cost_of("the king runs " * 100), "it finds relations as well"


def test_all_of_a_text(client: TestClient, nlp: Pipeline):
    text = "the king runs. the king sleeps near the fox"
    graph, wanted = ask(client, "analyze", text), nlp(text)
    fits("analyze", graph)
    assert [(one["start"], one["end"], one["label"]) for one in graph["entities"]] == [
        (one.start, one.end, one.label) for one in wanted.entities
    ]
    assert [one["id"] for one in graph["entities"]] == list(range(len(graph["entities"])))
    assert len(graph["tags"]) == len(wanted.tags)
    assert [len(one["mentions"]) for one in graph["clusters"]] == [len(one) for one in wanted.clusters]
    mentions = {(one.start, one.end): number for number, cluster in enumerate(wanted.clusters) for one in cluster}
    known = [one for one in graph["entities"] if (one["start"], one["end"]) in mentions]
    assert known
    assert all(one["cluster"] == mentions[one["start"], one["end"]] for one in known)
    by_id = graph["entities"]
    assert [(by_id[one["head"]]["start"], by_id[one["tail"]]["start"]) for one in graph["relations"]] == [
        (one.head.start, one.tail.start) for one in wanted.relations
    ]
    assert graph["labels"]["sent"]["labels"] == list(wanted["sent"].labels)


def test_lists_in_lists_out(client: TestClient):
    texts = ["the king runs", "", "the fox sleeps"]
    together = ask(client, "token-classification", texts, task="ner")
    assert together == [
        [
            {**one, "score": near(one["score"], abs=1e-5)}
            for one in ask(client, "token-classification", text, task="ner")
        ]
        for text in texts
    ]


def test_both_addresses_say_the_same(client: TestClient):
    body = {"inputs": TEXT, "parameters": {"task": "ner"}}
    by_name = client.post("/models/joint/token-classification", json=body)
    assert by_name.json() == client.post("/v1/token-classification", json=body).json()
    assert by_name.json() == client.post("/v1/token-classification", json={**body, "model": "joint"}).json()


def test_places_in_utf_16(client: TestClient):
    text = "\U0001f98a king"
    [plain] = ask(client, "token-classification", text, task="ner")
    [wide] = ask(client, "token-classification", text, task="ner", offset_unit="utf16")
    assert (plain["start"], plain["end"]) == (2, 6)
    assert (wide["start"], wide["end"], wide["word"]) == (3, 7, "king")
    entities = [{"start": 3, "end": 7, "label": "PER"}, {"start": 0, "end": 2, "label": "ANI"}]
    asked = {"text": text, "head": entities[0], "tail": entities[1]}
    [related] = ask(client, "relation-extraction", asked, offset_unit="utf16")
    assert (related["head"]["start"], related["head"]["text"], related["tail"]["end"]) == (3, "king", 2)
    cut = {**asked, "head": {"start": 1, "end": 7}}
    assert "inside of a character" in ask(client, "relation-extraction", cut, status=422, offset_unit="utf16")["error"]


def test_long_texts_are_read_whole(client: TestClient):
    text = "the dog runs. " * 400 + "a king"
    found = ask(client, "token-classification", text, task="ner")
    assert found[-1]["word"] == "king"
    assert found[-1]["end"] == len(text)


def drawing(client: TestClient, model: str, slug: str, inputs: Any, **parameters: Any) -> Any:
    answer = client.post(f"/models/{model}/{slug}/drawing", json={"inputs": inputs, "parameters": parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_drawings_come_with_the_same_answer(client: TestClient, nlp: Pipeline):
    drawn = drawing(client, "joint", "token-classification", [TEXT, "the fox"], task="ner")
    assert [one["answer"] for one in drawn] == ask(client, "token-classification", [TEXT, "the fox"], task="ner")
    assert drawn[0]["html"] == AnnotatedText(id="a", text=TEXT, tasks={"ner": nlp(TEXT)["ner"]}).drawing(Palette())
    filled = drawing(client, "pretrained", "span-fill", "the [MASK] runs", top_k=2)
    assert filled["answer"] == ask(client, "span-fill", "the [MASK] runs", top_k=2)
    assert filled["html"].count("<mark") == 2
    whole = drawing(client, "joint", "analyze", TEXT)
    assert whole["html"].count('class="sb-task"') == len(nlp(TEXT).tasks)
    refused = client.post("/models/pretrained/span-fill/drawing", json={"inputs": "no blank"})
    assert (refused.status_code, refused.json()["error_type"]) == (422, "unprocessable")


def test_what_a_page_can_offer(client: TestClient):
    """Every choice of /info names something that can be asked, with an input that is answered."""
    info = client.get("/info").json()
    titles = {one["route"]: (one["title"], one["title_zh"]) for one in info["routes"]}
    choices = [(model["name"], one) for model in info["models"] for one in model["choices"]]
    named = [(model, one["task"]) for model, one in choices if one["task"] is not None]
    assert sorted(named) == sorted((model["name"], task["name"]) for model in info["models"] for task in model["tasks"])
    for model, one in choices:
        assert all(titles[one["route"]])
        parameters = {} if one["task"] is None else {"task": one["task"]}
        assert drawing(client, model, one["route"], one["example"], **parameters)["html"]


def test_examples_are_of_what_a_task_has_learned():
    class Learned:
        reads_pairs = True

        def manifest(self) -> dict[str, Any]:
            return {"type_pairs": [["plant", "pest"]]}

    by_slug = {spec.serving().slug: spec.serving() for spec in specs()}
    assert by_slug["text-classification"].example_of(Learned()).keys() == {"text", "text_pair"}
    entities = by_slug["relation-extraction"].example_of(Learned())["entities"]
    assert [one["label"] for one in entities] == ["plant", "pest"]
