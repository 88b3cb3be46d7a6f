"""Explanations over HTTP: what `nlp.explain` says, within limits of their own, and what a page can ask why of."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from starlette.testclient import TestClient

import spanbert
from spanbert.apps.serve.app import make_app
from spanbert.apps.serve.batcher import Query
from spanbert.apps.serve.config import ServeConfig, model_places
from spanbert.apps.serve.explaining import Asked, Explain, ExplainOperation, ExplainParameters
from spanbert.apps.serve.models import LoadedModel
from spanbert.apps.serve.operations import AnalyzeOperation, AnalyzeParameters, cost_of
from spanbert.apps.serve.queue import Entry, FairQueue
from spanbert.core.errors import InputError
from spanbert.core.html.style import Palette
from spanbert.core.predictions import RelationExtraction
from spanbert.core.types import Document, Question, Relation, Span
from spanbert.pipelines.load import Pipeline
from spanbert.tasks.explain import Wish
from tests.unit.apps.serve.conftest import JOINT, plan

TEXT = "the old king sleeps near the river. the queen runs"
UNICORN = "\U0001f984"
near = pytest.approx


def ask(client: TestClient, inputs: Any, *, status: int = 200, **parameters: Any) -> Any:
    answer = client.post("/v1/explain", json={"inputs": inputs, "parameters": parameters})
    assert answer.status_code == status, answer.text
    found = answer.json()
    if status == 200:
        form = list[ExplainOperation.output] if isinstance(inputs, list) else ExplainOperation.output
        TypeAdapter(form).validate_json(answer.content)
    return found


def drawing(client: TestClient, slug: str, inputs: Any, *, model: str = "joint", **parameters: Any) -> Any:
    answer = client.post(f"/models/{model}/{slug}/drawing", json={"inputs": inputs, "parameters": parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("task", "asked"),
    [
        ("sent", {}),
        ("sent", {"label": "animal"}),
        ("grade", {}),
        ("ner", {"most": 3}),
        ("ner", {"of": "queen", "label": "ANI"}),
        ("nested", {"most": 2}),
        ("pos", {"of": "king"}),
        ("who", {"of": "queen", "other": "king"}),
    ],
)
def test_the_service_says_what_the_model_says(client: TestClient, nlp: Pipeline, task: str, asked: dict[str, Any]):
    found = ask(client, TEXT, task=task, **asked)
    wanted = nlp.explain(TEXT, task=task, steps=64, **{"most": 1, **asked})
    assert (found["task"], found["score_is"], found["left_out"]) == (task, wanted.score_is, wanted.left_out)
    assert len(found["explanations"]) == len(wanted) > 0
    for one, own in zip(found["explanations"], wanted, strict=True):
        assert (one["label"], one["steps"], one["score"]) == (own.label, own.steps, near(own.score, abs=1e-4))
        assert [(word["start"], word["end"], word["text"]) for word in one["words"]] == [
            (word.start, word.end, word.text) for word in own.words
        ]
        assert [word["score"] for word in one["words"]] == near([word.score for word in own.words], abs=1e-4)
        assert [(place["start"], place["end"]) for place in one["places"]] == [(p.start, p.end) for p in own.places]
        assert "second_words" not in one


def test_answers_and_relations(client: TestClient, nlp: Pipeline):
    [answer] = ask(client, {"question": "who sleeps", "context": TEXT}, task="asks")["explanations"]
    document = Document(id="a", text=TEXT, questions=(Question(id="q", text="who sleeps"),))
    assert answer["score"] == near(nlp.explain(document, task="asks", steps=64)[0].score, abs=1e-4)
    assert [word["text"] for word in answer["second_words"]] == ["who", "sleeps"]
    text = "a dog runs old queen fox"
    [relation] = ask(client, text, task="related")["explanations"]
    assert relation["label"] == nlp.explain(text, task="related", steps=64)[0].label
    ends = {"head": {"start": 15, "end": 20, "label": "PER"}, "tail": {"start": 2, "end": 5, "label": "ANI"}}
    [stated] = ask(client, {"text": text, **ends}, task="related")["explanations"]
    assert [place["text"] for place in stated["places"]] == ["queen", "dog"]


def test_of_two_places_the_head_comes_first(nlp: Pipeline):
    """Where both orders of a pair are related, the order that is asked about is explained; else the one that there is."""
    dog, queen = Span(start=2, end=5), Span(start=15, end=20)
    there, back = (Relation(head=one, tail=other, label="sees") for one, other in ((dog, queen), (queen, dog)))
    document = Document(id="a", text="a dog runs old queen fox")
    explainer = nlp.tasks["related"].spec.explainer(nlp.tasks["related"])

    def chosen(*relations: Relation, of: Span, other: Span) -> tuple[Relation, ...] | None:
        return explainer.document(document, RelationExtraction(relations=relations), Wish(of=of, other=other)).relations

    assert chosen(there, back, of=dog, other=queen) == (there,)
    assert chosen(there, back, of=queen, other=dog) == (back,)
    assert chosen(there, of=queen, other=dog) == (there,)


def test_places_in_utf_16(client: TestClient):
    text = f"{UNICORN} king"
    [plain] = ask(client, text, task="ner")["explanations"]
    [wide] = ask(client, text, task="ner", offset_unit="utf16")["explanations"]
    assert [word["start"] for word in plain["words"]] == [0, 2]
    assert [word["start"] for word in wide["words"]] == [0, 3]
    [same] = ask(client, text, task="ner", offset_unit="utf16", of={"start": 3, "end": 7}, label="PER")["explanations"]
    assert same["places"][0]["text"] == "king"
    cut = ask(client, text, status=422, task="ner", offset_unit="utf16", of={"start": 1, "end": 7}, label="PER")
    assert "inside of a character" in cut["error"]
    asked = {"question": f"{UNICORN} who", "context": f"{UNICORN}{UNICORN} the king"}
    [answer] = ask(client, asked, task="asks", offset_unit="utf16")["explanations"]
    assert [word["start"] for word in answer["second_words"]] == [0, 3], "in the question, not in the text"
    assert answer["words"][-1]["end"] == 13


def test_lists_lines_and_both_addresses(client: TestClient):
    texts = ["the king runs", "the fox sleeps"]
    together = ask(client, texts, task="ner")
    assert [[one["places"][0]["text"] for one in found["explanations"]] for found in together] == [["king"], ["fox"]]
    body = {"inputs": texts[0], "parameters": {"task": "ner"}}
    assert client.post("/models/joint/explain", json=body).json() == client.post("/v1/explain", json=body).json()
    content = "\n".join(
        json.dumps({"inputs": text, "parameters": {"task": "ner"}}) for text in (*texts, "runs near", "the king" * 200)
    )
    answer = client.post("/v1/explain", content=content, headers={"content-type": "application/x-ndjson"})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [one["outputs"]["explanations"][0]["places"][0]["text"] for one in lines[:2]] == ["king", "fox"]
    assert [one["error_type"] for one in lines[2:]] == ["unprocessable", "too_large"]
    assert "no entity to explain" in lines[2]["error"]


@pytest.mark.parametrize(
    ("inputs", "asked", "status", "saying"),
    [
        (TEXT, {}, 422, "name one as parameters.task; nested, ner"),
        (TEXT, {"task": "net"}, 422, "no such task here"),
        (TEXT, {"task": "asks"}, 422, 'inputs: not what task asks reads, such as {"question"'),
        ({"question": "who", "context": TEXT}, {"task": "ner"}, 422, "inputs: not what task ner reads"),
        ([TEXT, {"text": TEXT, "entities": []}], {"task": "ner"}, 422, "inputs[1]: not what task ner reads"),
        (TEXT, {"task": "ner", "of": "dog"}, 422, "words that are not in the text; got 'dog'"),
        (TEXT, {"task": "ner", "of": {"start": 0, "end": 99}}, 422, "not a place in the text; got 0:99"),
        (TEXT, {"task": "ner", "of": {"start": 9, "end": 2}}, 422, "start=9 end=2"),
        (TEXT, {"task": "ner", "label": "PRE"}, 422, "did you mean 'PER'"),
        (TEXT, {"task": "sent", "of": "king"}, 422, "a place, where a label is of the whole text"),
        (TEXT, {"task": "ner", "steps": 1000}, 422, "less than or equal to 128"),
        (TEXT, {"task": "ner", "most": 11}, 422, "less than or equal to 10"),
        (TEXT, {"task": "ner", "baseline": "none"}, 422, "parameters.baseline"),
        ("", {"task": "ner"}, 422, "no entity to explain"),
        ("king " * 201, {"task": "ner"}, 413, "1005 characters, of at most 1000"),
        ({"question": "q" * 500, "context": "c" * 501}, {"task": "asks"}, 413, "1001 characters"),
        ("king " * 180, {"task": "ner", "most": 10}, 413, "of at most 262,144; ask for fewer steps or things"),
        ([], {"task": "ner"}, 400, "empty list"),
    ],
)  # fmt: skip
def test_what_is_refused(client: TestClient, inputs: Any, asked: dict[str, Any], status: int, saying: str):
    assert saying in ask(client, inputs, status=status, **asked)["error"]


def test_a_service_may_allow_longer_texts(client: TestClient):
    assert client.get("/info").json()["limits"]["max_explained"] == 1000
    with TestClient(make_app(plan(JOINT, max_explained=3000))) as other:
        assert ask(other, "the king runs " * 100, task="ner", steps=1)["explanations"]
    with TestClient(make_app(plan(JOINT, max_explained=3000, max_length=20))) as other:
        assert "of at most 20" in ask(other, TEXT, status=413, task="ner")["error"]


def test_an_explanation_counts_for_what_it_takes(nlp: Pipeline):
    """The queue gives turns by this number: one explanation for the work that so many readings are."""
    model, why = LoadedModel(nlp), ExplainOperation()
    reading = AnalyzeOperation().query(model, TEXT, AnalyzeParameters(), "inputs").cost

    def cost(**stated: Any) -> int:
        return why.query(model, TEXT, ExplainParameters(task="ner", **stated), "inputs").cost

    tokens = cost_of(TEXT)
    assert tokens < reading < 50 * tokens, "which also judges pairs of entities"
    assert cost(steps=1) == (1 + 3) * tokens
    assert cost() == (1 + 3 * (16 + 32 + 64)) * tokens, "all tries, each of which may be needed"
    assert cost(steps=100) == (1 + 3 * (16 + 32 + 64 + 100)) * tokens
    assert cost(most=10) == (1 + 10 * 3 * (16 + 32 + 64)) * tokens


def test_many_explanations_of_one_client_keep_no_other_waiting(nlp: Pipeline):
    """Whoever comes while one batch of them is computed is next."""
    model, why, limits = LoadedModel(nlp), ExplainOperation(), ServeConfig()
    queue: FairQueue[str] = FairQueue(
        batch_tokens=limits.batch_tokens, most_tokens=limits.queue_tokens, most_entries=limits.queue_inputs
    )

    def entries(client: str, query: Query, count: int) -> list[Entry[str]]:
        return [
            Entry(client=client, computation=query.computation, cost=query.cost, deadline=1.0, item=client)
            for _ in range(count)
        ]

    asked = why.query(model, "the king runs " * 20, ExplainParameters(task="ner"), "inputs")
    queue.add(entries("greedy", asked, 12))
    assert len(queue.take(0.0).entries) <= max(1, limits.batch_tokens // asked.cost) < 12
    reading = AnalyzeOperation().query(model, TEXT, AnalyzeParameters(), "inputs")
    queue.add(entries("modest", reading, 5))
    assert [entry.item for entry in queue.take(0.0).entries] == ["modest"] * 5
    assert queue.take(0.0).entries[0].item == "greedy"


def test_what_cannot_be_explained_costs_the_others_nothing(nlp: Pipeline):
    """A batch is computed once, whichever of its texts there is nothing to explain in."""
    asked: list[str] = []

    class Counting:
        def explain(self, document: Document, **wish: Any) -> Any:
            asked.append(document.text)
            return nlp.explain(document, **wish)

    payloads = [Asked(Document(id="a", text=text), None, None, None) for text in ("the king", "runs near", "the fox")]
    explain = Explain("ner", "mask", 16, 1)
    found = explain(Counting(), payloads, [lambda: True] * 3)  # type: ignore[arg-type]
    assert asked == ["the king", "runs near", "the fox"]
    assert [isinstance(one, InputError) for one in found] == [False, True, False]
    asked.clear()
    found = explain(Counting(), payloads, [lambda: True, lambda: False, lambda: not asked])  # type: ignore[arg-type]
    assert asked == ["the king"], "the others are not waited for"
    assert found[1:] == [None, None]


def test_the_drawing_is_that_of_files(client: TestClient, nlp: Pipeline):
    drawn = drawing(client, "explain", TEXT, task="ner", label="PER", of="king")
    assert drawn["answer"] == ask(client, TEXT, task="ner", label="PER", of="king")
    assert drawn["why"] == []
    wanted = nlp.explain(TEXT, task="ner", label="PER", of="king", steps=64)
    assert drawn["html"] == wanted.drawing(Palette())
    assert drawn["html"] in wanted.html(Palette())
    assert " style=" not in drawn["html"]


def test_all_that_was_said_can_be_asked_why_of(client: TestClient):
    """Of every answer that a page can get, each reason it offers is one thing that is explained."""
    [model] = [one for one in client.get("/info").json()["models"] if one["name"] == "joint"]
    assert all(one["explained"] for one in model["tasks"])
    assert "explain" in model["routes"]
    asked = set()
    for choice in model["choices"]:
        parameters = {} if choice["task"] is None else {"task": choice["task"]}
        inputs = {
            "question-answering": {"question": "who sleeps", "context": TEXT},
            "relation-extraction": "a dog runs old queen fox",
            "coreference-resolution": "the king runs. the king sleeps",
        }.get(choice["route"], TEXT)
        offered = drawing(client, choice["route"], inputs, **parameters)["why"]
        assert offered, choice
        for one in offered:
            assert one["said"]
            assert one["said_zh"]
            stated = one["parameters"]
            if stated["task"] in asked and choice["task"] is None:
                continue
            asked.add(stated["task"])
            found = ask(client, inputs, steps=1, **stated)
            [thing] = found["explanations"]
            assert (found["left_out"], thing["label"]) == (0, stated.get("label", thing["label"]))
            if "of" in stated:
                assert (thing["places"][0]["start"], thing["places"][0]["end"]) == tuple(stated["of"].values())
    assert asked == {one["name"] for one in model["tasks"]}


def test_texts_too_long_to_explain_offer_no_reasons(client: TestClient):
    assert drawing(client, "token-classification", "the king " * 112, task="ner")["why"] == []
    assert len(drawing(client, "token-classification", "the king " * 3, task="ner")["why"]) == 3
    assert drawing(client, "span-fill", "the [MASK] runs", model="pretrained")["why"] == []


def test_models_that_explain_nothing(client: TestClient):
    body = {"inputs": TEXT}
    refused = client.post("/models/pretrained/explain", json=body)
    assert (refused.status_code, refused.json()["error_type"]) == (404, "not_found")
    assert "explain" not in client.get("/info").json()["models"][1]["routes"]


def test_without_the_library(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "captum", None)
    with TestClient(make_app(plan(JOINT))) as client:
        assert "pip install 'spanbert[explain] @ " in ask(client, TEXT, status=422, task="ner")["error"]
        info = client.get("/info").json()
        assert "explain" not in [one["route"] for one in info["routes"]]
        assert not any(one["explained"] for one in info["models"][0]["tasks"])
        assert drawing(client, "token-classification", TEXT, task="ner")["why"] == []
        assert "/v1/explain" in client.get("/openapi.json").json()["paths"]


def test_weights_of_another_bundle_explain_nothing(tmp_path: Path):
    """The weights of the explainer are read with the first explanation, by when the bundle may be another one."""
    place = tmp_path / "joint"
    shutil.copytree(JOINT, place)
    with TestClient(make_app(plan().model_copy(update={"models": model_places([str(place)])}))) as client:
        assert client.post("/v1/analyze", json={"inputs": TEXT}).status_code == 200
        manifest = json.loads((place / "spanbert.json").read_text())
        manifest["files"]["model.safetensors"]["sha256"] = "0" * 64
        (place / "spanbert.json").write_text(json.dumps(manifest))
        error = ask(client, TEXT, status=422, task="ner")["error"]
        assert "must be loaded again" in error
        assert str(tmp_path) not in error
        assert client.post("/v1/analyze", json={"inputs": TEXT}).status_code == 200


def test_it_is_documented(client: TestClient):
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    assert {"/v1/explain", "/models/{name}/explain", "/models/{name}/explain/drawing"} <= document["paths"].keys()
    assert {"label", "of", "other", "baseline", "steps", "most"} <= schemas["ExplainParameters"]["properties"].keys()
    assert {"words", "delta", "converged"} <= schemas["ExplainedThing"]["properties"].keys()
    assert "why" in schemas["TokenClassificationDrawing"]["required"]


def test_a_pipeline_that_is_loaded_is_explained_as_before(nlp: Pipeline):
    assert LoadedModel(nlp).explained == list(nlp.tasks)
    assert LoadedModel(spanbert.load(JOINT)).unexplained is None


def test_an_explanation_that_nobody_waits_for_ends_at_its_next_step(nlp: Pipeline):
    explain, steps = Explain("ner", "mask", 16, 10), []
    asked = Asked(Document(id="a", text="the king sees the fox"), None, None, None)

    def waits(most: int) -> bool:
        steps.append(most)
        return len(steps) <= most

    [whole] = explain(nlp, [asked], [lambda: waits(10_000)])
    assert whole.attributions
    every = len(steps)
    steps.clear()
    assert every > 4
    assert explain(nlp, [asked], [lambda: waits(3)]) == [None]
    assert len(steps) == 4
