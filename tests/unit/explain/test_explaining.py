"""Why a tiny model says what it says: the words add up to the score, the score is the model's, the right word counts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import spanbert
from spanbert.batches.examples import HeadRows, Window
from spanbert.core.attributions import Attribution
from spanbert.core.errors import InputError
from spanbert.core.types import Document, Relation, Span
from spanbert.explain import explainer, gradients
from spanbert.pipelines.explanations import Explanation
from spanbert.pipelines.load import Pipeline
from tests.labelled import ANIMALS, FILLER, PEOPLE, tiny

LONG = "the old runs over a near " * 30
_PLANS = ("single", "multi", "regression", "pair", "bio", "bioes", "pos", "nested", "qa", "coref", "relation", "joint", "entities")  # fmt: skip


@pytest.fixture(scope="module")
def bundles(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Pipeline]:
    base = tmp_path_factory.getbasetemp()
    loaded: dict[str, Pipeline] = {}

    def bundle(name: str) -> Pipeline:
        assert name in _PLANS
        if name not in loaded:
            loaded[name] = spanbert.load(tiny(name, hugging_face_model, base)[0].path)
        return loaded[name]

    return bundle


def assert_complete(one: Attribution) -> None:
    """The words of both texts add up to what the score is above the baseline's, but for the error that is stated."""
    words = [word.score for word in (*one.words, *one.second)]
    assert math.fsum(words) - (one.score - one.baseline_score) == pytest.approx(one.delta, abs=1e-4)
    assert one.converged
    assert abs(one.delta) <= 0.01 * sum(map(abs, words)) + 1e-4


def first_of(words: tuple[str, ...], explanation: Explanation) -> None:
    """The word that counts most, of both texts, is one of these, for the first thing that is explained."""
    best = explanation[0].top(1)[0]
    assert best.text in words, explanation[0].top(4)


def log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


_WORDS = st.lists(st.sampled_from((*FILLER, *ANIMALS, *PEOPLE)), min_size=1, max_size=14)


@pytest.mark.parametrize("plan", ["single", "multi", "regression", "pair", "bio", "pos", "nested", "qa", "coref", "relation"])  # fmt: skip
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=_WORDS, other=_WORDS, draw=st.randoms(use_true_random=False))
def test_the_words_add_up_for_any_text(bundles, plan: str, words: list[str], other: list[str], draw):
    nlp, text, second = bundles(plan), " ".join(words), " ".join(other)
    start = text.index(draw.choice(words))
    end = text.find(" ", start)
    place = (start, len(text) if end < 0 else end)
    asked = {
        "pair": {"pair": second},
        "qa": {"question": second, "of": place},
        "bio": {"of": place, "label": "PER"},
        "nested": {"of": place, "label": "CORE"},
        "coref": {"of": (len(text) + 1, len(text) + 1 + len(other[0])), "other": place},
    }.get(plan, {})
    if plan == "coref":
        text = f"{text} {second}"
    document: Document | str = text
    if plan == "relation":
        head = Span(start=place[0], end=place[1], label="PER")
        tail = Span(start=len(text) + 1, end=len(text) + 1 + len(other[0]), label="ANI")
        text = f"{text} {second}"
        document = Document(id="a", text=text, relations=(Relation(head=head, tail=tail, label=""),))
        asked = {"label": "sees", "of": place}
    found = nlp.explain(document, steps=1024, **asked)
    assert len(found) >= 1
    for one in found:
        assert_complete(one)
        assert [text[word.start : word.end] for word in one.words] == [word.text for word in one.words] == text.split()
        assert [word.text for word in one.second] == (second.split() if plan in ("pair", "qa") else [])
        assert all(text[place.start : place.end] == place.text for place in one.places)


def test_the_score_is_the_log_odds_of_what_the_task_says(bundles):
    """By the scores of its own results."""
    label = bundles("single").explain("the red fox runs")[0]
    said = bundles("single")("the red fox runs")
    assert (label.label, label.score) == ("animal", pytest.approx(log_odds(said.scores["animal"]), rel=1e-3))
    other = bundles("single").explain("the red fox runs", label="person")[0]
    assert other.score == pytest.approx(-label.score, rel=1e-3)
    both = bundles("multi").explain("a fox near the house", label="place")[0]
    assert both.score == pytest.approx(log_odds(bundles("multi")("a fox near the house").scores["place"]), rel=1e-3)
    number = bundles("regression").explain("the fox runs")[0]
    assert (number.label, number.score) == (
        "value",
        pytest.approx(bundles("regression")("the fox runs").value, rel=1e-4),
    )
    tags = bundles("pos").explain("a fox runs", most=3)
    for one, tag in zip(tags, bundles("pos")("a fox runs").tags, strict=True):
        assert (one.label, one.score) == (tag.label, pytest.approx(log_odds(tag.score), rel=1e-3))
    nested = bundles("nested").explain("the red fox and the king")
    for one, span in zip(nested, bundles("nested")("the red fox and the king").entities, strict=True):
        assert (one.label, one.places[0]) == (span.label, replace(span, score=None))
        assert one.score == pytest.approx(log_odds(span.score), rel=1e-3)


def test_the_score_of_an_entity_is_the_mean_over_its_words(bundles):
    text = "the red fox and the king"
    found = bundles("bio").explain(text)
    words = bundles("bio")(text)["tag"].words
    assert [(one.label, one.places[0].text) for one in found] == [("ANI", "red fox"), ("PER", "king")]
    assert found[0].score == pytest.approx((log_odds(words[1].score) + log_odds(words[2].score)) / 2, rel=1e-3)
    asked = bundles("bio").explain(text, of="red fox", label="ANI")[0]
    assert asked.score == pytest.approx(found[0].score)
    assert bundles("bio").explain(text, of="king", label="ANI")[0].score < -2, "it is no animal"


def test_the_score_of_a_relation_and_of_a_link(bundles):
    text = "the king finds a dog ."
    [relation] = bundles("entities")(text).relations
    one = bundles("entities").explain(text, task="relation")[0]
    assert (one.label, [place.text for place in one.places]) == (relation.label, ["king", "dog"])
    assert one.score == pytest.approx(log_odds(relation.score), rel=1e-3)
    story = "the fox runs near a king and the old fox sleeps over the small king"
    links = bundles("coref")(story)["coref"].links
    found = bundles("coref").explain(story)
    assert len(links) == len(found) >= 2
    for one, link in zip(found, links, strict=True):
        assert [(place.start, place.end) for place in one.places] == [
            (link.mention.start, link.mention.end), (link.antecedent.start, link.antecedent.end),
        ]  # fmt: skip
        assert one.score == pytest.approx(log_odds(link.score), rel=1e-3)


def test_the_score_of_an_answer_is_its_probability_in_the_window(bundles):
    nlp, context = bundles("qa"), "the old king sleeps"
    asked = {"question": "who sees it?"}
    every = [nlp.explain(context, **asked, label="no answer")[0]]
    places = [(0, 3), (4, 7), (8, 12), (13, 19), (0, 7), (4, 12), (8, 19), (0, 12), (4, 19), (0, 19)]
    every += [nlp.explain(context, **asked, of=place)[0] for place in places]
    assert sum(math.exp(one.score) for one in every) < 1
    best = nlp.explain(context, **asked)[0]
    assert (best.label, best.places[0].text) == ("answer", nlp.answer("who sees it?", context).text)
    assert best.score == pytest.approx(max(one.score for one in every))
    assert nlp.explain("the old house sleeps", **asked)[0].label == "no answer"


def test_the_word_that_decides_counts_most(bundles):
    """What the tiny models were taught hangs on single words."""
    first_of(("fox",), bundles("single").explain("the fox runs over a near the old"))
    first_of(("queen",), bundles("single").explain("often the queen runs over a near"))
    first_of(("fox",), bundles("regression").explain("the fox runs over a near the old"))
    first_of(("king",), bundles("pair").explain("the fox runs often", pair="the king sleeps over a"))
    first_of(("king",), bundles("bio").explain("the king runs over a near"))
    first_of(("king",), bundles("qa").explain("the old king sleeps over a near", question="who sees it?"))
    first_of(("finds",), bundles("entities").explain("the king finds a dog .", task="relation"))
    first_of(("eats",), bundles("entities").explain("the king eats a dog .", task="relation", label="sees", of="king"))


def test_a_word_that_speaks_against_is_below_zero(bundles):
    one = bundles("single").explain("the fox runs near the old", label="person")[0]
    assert one.score < one.baseline_score
    assert min(one.words, key=lambda word: word.score).text == "fox"


def test_the_baseline_is_a_text_of_masks(bundles):
    nlp = bundles("single")
    special, backend = nlp.tokenizer.special, nlp._explainer.predictor.backend
    for baseline, replaced in (("mask", special["mask"]), ("pad", special["pad"])):
        one = nlp.explain("the fox runs", baseline=baseline)[0]
        ids = np.array([special["cls"], *[replaced] * 3, special["sep"]])
        [logits] = backend.run([Window(ids=ids)], {"classify": [HeadRows(rows=np.zeros(1, dtype=np.int64))]})[
            "classify"
        ]
        wanted = logits[0] - logits[1] if one.label == "animal" else logits[1] - logits[0]
        assert one.baseline_score == pytest.approx(float(wanted), rel=1e-4)
    zero = nlp.explain("the fox runs", baseline="zero")[0]
    assert_complete(zero)
    assert zero.baseline_score == pytest.approx(one.baseline_score), "this random model's [PAD] is zeros"
    assert zero.baseline_score != pytest.approx(nlp.explain("the fox runs")[0].baseline_score, rel=1e-2)


def test_attributions_are_the_integral_of_gradients(bundles):
    """Against the mean of gradients at 400 midpoints of the way, taken here."""
    import torch

    from spanbert.batches.packed import pack

    nlp = bundles("single")
    one = nlp.explain("the fox runs", steps=1024)[0]
    encoder, head = nlp._explainer.encoder, nlp._explainer.predictor.backend.heads["classify"]
    pieces = nlp.tokenizer.backend.encode("the fox runs", add_special_tokens=False).ids
    special = nlp.tokenizer.special
    batch = pack([[special["cls"], *pieces, special["sep"]]])
    table = encoder.embeddings.word.weight
    there, nothing = (
        table[torch.tensor([special["cls"], *own, special["sep"]])] for own in (pieces, [special["mask"]] * 3)
    )
    total = torch.zeros_like(there)
    number = nlp.tasks["classify"].labels.index(one.label)
    for step in range(400):
        way = (nothing + (step + 0.5) / 400 * (there - nothing)).requires_grad_()
        logits = head(encoder(batch, words_TD=way)[:1], None)["logits"][0]
        (logits[number] - logits[1 - number]).backward()
        total += way.grad / 400
    wanted = ((there - nothing) * total).sum(1)[1:-1].tolist()
    assert [word.score for word in one.words] == pytest.approx(wanted, abs=2e-3)


def test_pieces_are_summed_to_words(bundles):
    one = bundles("single").explain("the unbelievable  fox, runs")[0]
    assert [(word.text, word.start) for word in one.words] == [
        ("the", 0), ("unbelievable", 4), ("fox", 18), (",", 21), ("runs", 23),
    ]  # fmt: skip
    words = (Span(start=0, end=7), Span(start=8, end=12))
    one = bundles("bio").explain(Document(id="a", text="red fox runs", words=words), of=(0, 7), label="PER")[0]
    assert [word.text for word in one.words] == ["red fox", "runs"]
    assert_complete(one)


def test_long_texts_are_explained_over_their_windows(bundles):
    text = LONG + "the queen sleeps " + LONG
    asked = {"single": {}, "qa": {"question": "who sees it?"}, "bio": {"of": "queen", "label": "PER"}}
    for plan, more in asked.items():
        found = bundles(plan).explain(text, **more)
        assert len(found[0].words) == len(text.split()), "no word is left out"
        assert_complete(found[0])
        first_of(("queen",), found)
    short = "the old runs over a near " * 8
    pairs = bundles("pair").explain(short, pair=short + "the king sleeps")
    assert_complete(pairs[0])
    assert (len(pairs[0].words), len(pairs[0].second)) == (48, 51)
    assert all(word.score for word in pairs[0].second), "every part is read with every part"


def test_links_between_windows_are_explained(bundles):
    text = "the fox runs " + "the old runs over a near " * 12 + "and the fox sleeps"
    one = bundles("coref").explain(text, of=(len(text) - 10, len(text) - 7), other=(4, 7))[0]
    assert_complete(one)
    assert one.places[0].text == one.places[1].text == "fox"
    moved = {word.start for word in one.words if word.text == "fox" and word.score}
    assert moved == {4, len(text) - 10}


def test_a_text_without_words(bundles):
    one = bundles("single").explain("")[0]
    assert (one.words, one.delta, one.converged) == ((), 0.0, True)
    with pytest.raises(InputError, match=r"task tag: no entity to explain; got nothing"):
        bundles("bio").explain("")
    with pytest.raises(InputError, match=r"no answer to explain"):
        bundles("qa").explain("", question="who?")


def test_as_many_as_are_asked_for(bundles):
    text = "the king and a queen and the teacher"
    every = bundles("bio").explain(text)
    some = bundles("bio").explain(text, most=2)
    assert (len(every), every.left_out) == (3, 0)
    assert (len(some), some.left_out) == (2, 1)
    assert "1 more are not explained" in "\n".join(some.lines())


def test_too_few_steps_are_said(bundles):
    """A sum that is not right is handed out as such."""
    one = bundles("single").explain("the fox runs over the old", steps=1)
    assert (one[0].steps, one[0].converged) == (1, False)
    assert "take more steps" in "\n".join(one.lines())
    assert "take more steps" in one._repr_html_()


def test_steps_are_doubled_until_the_words_add_up(bundles, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gradients, "_FIRST_STEPS", 1)
    one = bundles("single").explain("the fox runs over the old")[0]
    assert one.converged
    assert one.steps > 1
    assert one.steps & (one.steps - 1) == 0


def test_little_memory_gives_the_same(bundles, monkeypatch: pytest.MonkeyPatch):
    """Few tokens at once, and activations that are computed again."""
    nlp, text = bundles("single"), "the fox runs over the old"
    before = [word.score for word in nlp.explain(text)[0].words]
    monkeypatch.setattr(gradients, "_TOKENS_AT_ONCE", 4)
    assert [word.score for word in nlp.explain(text)[0].words] == pytest.approx(before, abs=1e-4)
    monkeypatch.undo()
    assert nlp.explain(text)[0].words
    assert not nlp._explainer.encoder.checkpointing


def test_what_is_predicted_stays_the_same(bundles):
    nlp = bundles("bio")
    before = nlp("the king runs").entities
    nlp.explain("the king runs")
    assert nlp("the king runs").entities == before
    assert not any(one.requires_grad for one in nlp._explainer.encoder.parameters())


@pytest.mark.parametrize(
    ("plan", "text", "asked", "message"),
    [
        ("joint", "the fox", {"task": "nr"}, "no task 'nr'"),
        ("joint", "the fox", {}, "several tasks read this text; got kind, ner, pos. Name one"),
        ("joint", "the fox", {"task": "who"}, "this bundle has no task that reads texts"),
        ("qa", "the fox", {}, "this bundle has no task that reads texts"),
        ("single", "the fox", {"label": "anmal"}, "no label 'anmal'; did you mean 'animal'"),
        ("single", "the fox", {"of": "fox"}, "a place, where a label is of the whole text"),
        ("single", "the fox", {"baseline": "none"}, "no such baseline; got 'none'; expected mask, pad, zero"),
        ("single", "the fox", {"steps": 0}, "steps: not a count"),
        ("single", 7, {}, "not a text"),
        ("regression", "the fox", {"label": "animal"}, "no label 'animal'"),
        ("bio", "the king", {"of": "queen"}, "of: words that are not in the text; got 'queen'"),
        ("bio", "the king", {"of": (4, 99)}, "not a place in the text; got 4:99; expected within 0:8"),
        ("bio", "the king", {"of": 4}, "not a place in the text; got int 4"),
        ("bio", "the king", {"of": "the"}, r"no entity at 'the' \(0:3\) to explain; got PER 'king' \(4:8\). Name a"),
        ("bio", "the king", {"label": "ANI"}, "no ANI to explain; got PER"),
        ("bio", "the king", {"label": "LOC"}, "no type of entity 'LOC'"),
        ("bio", "the  king", {"of": (3, 5), "label": "PER"}, "no word"),
        ("bio", "the king", {"of": "king", "other": "the"}, "a second place"),
        ("pos", "the king", {"label": "VRB"}, "no tag 'VRB'"),
        ("nested", "the red fox", {"of": "the red fox", "label": "LOC"}, "no type of entity 'LOC'"),
        ("nested", "a b c d e f", {"of": "a b c d e", "label": "PER"}, "more words than an entity may have"),
        ("qa", "the king", {"question": "who?", "label": "maybe"}, "no label 'maybe'; expected 'answer' or 'no answer'"),
        ("qa", "the king", {"question": "who?", "label": "no answer", "of": "king"}, "a place, where no answer"),
        ("coref", "the fox sleeps", {"of": "the", "other": "fox"}, "an antecedent that does not come before"),
        ("coref", "the fox sleeps", {"of": "the"}, "no such link to explain; got nothing. Name two places"),
        ("coref", "a b c d e fox", {"of": "a b c d", "other": "a"}, "more words than a mention may have"),
        ("relation", "the king finds a dog .", {}, "no entities that could be related"),
        ("entities", "the king finds a dog .", {"task": "relation", "label": "loves"}, "no label 'loves'"),
        ("entities", "the king finds a dog .", {"task": "relation", "of": "finds"}, "no such relation to explain; got"),
    ],
)  # fmt: skip
def test_what_cannot_be_explained_is_said(bundles, plan: str, text, asked, message: str):
    with pytest.raises(InputError, match=message):
        bundles(plan).explain(text, **asked)


def test_texts_that_are_too_long_are_refused(bundles, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(explainer, "_MOST_TOKENS", 100)
    with pytest.raises(InputError, match="a text too long to explain; got .* expected at most 100"):
        bundles("single").explain(LONG)
    one = bundles("bio").explain(LONG + "the king")
    assert_complete(one[0])  # of a long text one window alone is read for an entity


def test_a_kind_that_cannot_be_explained(bundles, monkeypatch: pytest.MonkeyPatch):
    nlp = bundles("single")
    monkeypatch.setattr(type(nlp.tasks["classify"]), "spec", replace(nlp.tasks["classify"].spec, explain=None))
    with pytest.raises(InputError, match=r"no task that can be explained; got classify \(classify\)"):
        nlp.explain("the fox")


def test_without_captum(bundles, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "captum.attr", None)
    with pytest.raises(InputError, match=r"explanations need the library captum. pip install 'spanbert\[explain\] @ "):
        bundles("single").explain("the fox")


def test_words_are_looked_for_as_whole_words(bundles):
    """`he` stands in `the` and alone."""
    one = bundles("bio").explain("the cat and he sleep", of="he", label="PER")[0]
    assert (one.places[0].start, one.places[0].end) == (12, 14)
    assert bundles("bio").explain("the cat", of="at", label="PER")[0].places[0].text == "cat", "widened to its word"
