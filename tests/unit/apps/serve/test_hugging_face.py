"""The client of Hugging Face asks the service: each of its tasks, with the parameters that it knows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from pydantic import TypeAdapter, ValidationError
from starlette.testclient import TestClient

import spanbert
from spanbert.core.predictions import Translation
from spanbert.corpus.text.words import split_words
from spanbert.pipelines.load import Pipeline
from spanbert.tasks.translate.service import TranslateService
from tests.unit.apps.serve.conftest import PRETRAINED

TEXT = "the old king sleeps near the river. the queen runs"
Hub = Callable[..., InferenceClient]
near = pytest.approx


@pytest.fixture
def hub(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A client of Hugging Face for a task; it adds the name of the task to the parameters."""

    def made(slug: str, task: str | None = None) -> InferenceClient:
        asking = InferenceClient(model=f"http://testserver/v1/{slug}")

        def post(request: Any, *, stream: bool = False) -> bytes:
            body = request.json
            if task is not None:
                body = {**body, "parameters": {**body.get("parameters", {}), "task": task}}
            answer = client.post(request.url.removeprefix("http://testserver"), json=body)
            if answer.status_code != 200:
                raise HfHubHTTPError(answer.text, response=answer)
            return answer.content

        monkeypatch.setattr(asking, "_inner_post", post)
        return asking

    return made


def test_labels(hub: Hub, nlp: Pipeline):
    """Of the list that is answered, this client gives its users the first label."""
    asking, wanted = hub("text-classification", "sent"), nlp(TEXT)["sent"]
    [best] = wanted.labels
    found = asking.text_classification(TEXT, top_k=2, function_to_apply="softmax")
    assert (found.label, found.score) == (best, near(wanted.scores[best], abs=1e-5))
    assert hub("text-classification", "several").text_classification(TEXT, function_to_apply="sigmoid").label
    assert hub("text-classification", "grade").text_classification(TEXT, function_to_apply="none").label == "value"
    for task, function, own in (
        ("sent", "none", "softmax"),
        ("several", "softmax", "sigmoid"),
        ("grade", "sigmoid", "none"),
    ):
        with pytest.raises(HfHubHTTPError, match=f"not that of the model; got {function}; expected {own}"):
            hub("text-classification", task).text_classification(TEXT, function_to_apply=function)


def test_entities(hub: Hub, nlp: Pipeline):
    found = hub("token-classification", "ner").token_classification(TEXT, aggregation_strategy="simple", stride=16)
    assert [(one.entity_group, one.start, one.end) for one in found] == [
        (one.label, one.start, one.end) for one in nlp(TEXT)["ner"].spans
    ]
    words = hub("token-classification", "pos").token_classification(TEXT, aggregation_strategy="none", ignore_labels=[])
    assert [one.entity for one in words] == [word.label for word in nlp(TEXT)["pos"].words]


def test_answers(hub: Hub, nlp: Pipeline):
    asking, wanted = hub("question-answering"), nlp.ask("who sleeps", TEXT).answering.candidates
    unused = {"align_to_words": True, "doc_stride": 128, "max_seq_len": 384, "max_question_len": 64}
    found = asking.question_answering("who sleeps", TEXT, handle_impossible_answer=False, **unused)
    assert (found.answer, found.start) == (wanted[0].text, wanted[0].start)
    few = asking.question_answering("who sleeps", TEXT, handle_impossible_answer=False, top_k=50, max_answer_len=1)
    short = [one.text for one in wanted if len(split_words(one.text, joined=False)) == 1]
    assert [one.answer for one in few] == short
    assert 0 < len(short) < len(wanted)


def test_blanks(hub: Hub):
    blanks, asking = spanbert.load(PRETRAINED), hub("fill-mask")
    every = asking.fill_mask("the [MASK] runs", top_k=100)
    assert [one.token_str for one in every[:5]] == [one.fills[0] for one in blanks.fill("the [MASK] runs")]
    few = asking.fill_mask("the [MASK] runs", targets=["king", "fox"])
    assert {one.token_str for one in few} == {"king", "fox"}
    scores = {one.token_str: one.score for one in every}
    assert [one.score for one in few] == near([scores[one.token_str] for one in few], abs=1e-6)
    for target in ("no such word", "zzz", "[SEP]", ""):
        with pytest.raises(HfHubHTTPError, match="parameters.targets: not one piece of the vocabulary"):
            asking.fill_mask("the [MASK] runs", targets=[target])


def test_translations(monkeypatch: pytest.MonkeyPatch):
    service, asking = TranslateService(), InferenceClient(model="http://testserver/v1/translation")

    def post(request: Any, *, stream: bool = False) -> bytes:
        parameters = service.parameters.model_validate(request.json["parameters"])
        answer = service.answer(request.json["inputs"], Translation(text="eins", score=-0.1, candidates=()), parameters)
        TypeAdapter(service.output).validate_python(answer)
        return json.dumps(answer).encode()

    monkeypatch.setattr(asking, "_inner_post", post)
    found = asking.translation("one", truncation="longest_first", clean_up_tokenization_spaces=True)
    assert found.translation_text == "eins"
    for refused in ({"src_lang": "en", "tgt_lang": "de"}, {"generate_parameters": {"num_beams": 2}}):
        with pytest.raises(ValidationError):
            asking.translation("one", **refused)
