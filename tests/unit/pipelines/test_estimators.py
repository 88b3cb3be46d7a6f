"""The estimators of scikit-learn: what they take, what they give back, and that scikit-learn's tools work on them."""

from __future__ import annotations

import enum
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

import spanbert
from spanbert import InputError, SpanBertClassifier, SpanBertTagger
from spanbert.train.tracking import Tracker
from spanbert.train.usual import LEAST_STEPS

SETTINGS = ("optim.head_lr=1e-2", "train.precision=float32", "hidden_dropout=0")
QUICK = {"epochs": 10, "lr": 3e-3, "batch": 8, "overrides": SETTINGS}
ANIMALS = ["the fox runs", "a dog sleeps", "the cat eats", "a bird sees", "the old dog", "a small fox"] * 4
THINGS = ["the river stone", "a house near", "the road often", "a tree in winter", "the old stone", "a small house"] * 4
TEXTS = [text for both in zip(ANIMALS, THINGS, strict=True) for text in both]
KINDS = ["animal", "thing"] * 24
WORDS = [text.split() for text in TEXTS]
ENTITIES = {"fox", "dog", "cat", "bird"}
TAGS = [["B-ANIMAL" if word in ENTITIES else "O" for word in words] for words in WORDS]
POS = [["NOUN" if word in ENTITIES else "OTHER" for word in words] for words in WORDS]


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def model(hugging_face_model: Path) -> str:
    return str(hugging_face_model)


@pytest.fixture(scope="module")
def classifier(model: str) -> SpanBertClassifier:
    return SpanBertClassifier(model, **QUICK).fit(TEXTS, KINDS)


@pytest.fixture(scope="module")
def tagger(model: str) -> SpanBertTagger:
    return SpanBertTagger(model, **QUICK).fit(WORDS, TAGS)


def test_importing_the_package_imports_neither_scikit_learn_nor_torch():
    code = "import sys, spanbert; assert not {'sklearn', 'torch'} & sys.modules.keys(); spanbert.SpanBertClassifier; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_classifier_learns_and_answers_in_the_order_of_its_classes(classifier: SpanBertClassifier):
    assert classifier.classes_.tolist() == ["animal", "thing"]
    assert classifier.classes_.dtype == np.unique(KINDS).dtype
    probabilities = classifier.predict_proba(TEXTS)
    assert probabilities.shape == (48, 2)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    predicted = classifier.predict(TEXTS)
    assert predicted.tolist() == classifier.classes_[probabilities.argmax(1)].tolist()
    assert classifier.score(TEXTS, KINDS) == accuracy_score(KINDS, predicted) > 0.9
    assert is_classifier(classifier)
    weights = np.arange(48)
    assert classifier.score(TEXTS, KINDS[::-1], weights) == pytest.approx(
        accuracy_score(KINDS[::-1], predicted, sample_weight=weights)
    )


def test_probabilities_are_those_of_the_saved_bundle(classifier: SpanBertClassifier, tmp_path: Path):
    nlp = spanbert.load(classifier.save(tmp_path / "bundle"))
    expected = [[doc.scores["animal"], doc.scores["thing"]] for doc in nlp.pipe(TEXTS[:6])]
    np.testing.assert_allclose(classifier.predict_proba(TEXTS[:6]), expected, atol=1e-6)
    with pytest.raises(InputError, match="exists already"):
        classifier.save(tmp_path / "bundle")
    (tmp_path / "bundle" / "old").write_text("of an earlier model")
    classifier.save(tmp_path / "bundle", overwrite=True)
    assert not (tmp_path / "bundle" / "old").exists()
    with pytest.raises(InputError, match=r"X\[1\]: half of a surrogate pair"):
        classifier.predict(["a fox", "a \ud83d"])


def test_the_same_seed_gives_the_same_model(model: str, classifier: SpanBertClassifier):
    again = clone(classifier).fit(np.array(TEXTS, dtype=object), pd.Series(KINDS))
    np.testing.assert_array_equal(again.predict_proba(TEXTS[:4]), classifier.predict_proba(TEXTS[:4]))
    other = clone(classifier).set_params(seed=1, epochs=0.2).fit(TEXTS, KINDS)
    assert not np.allclose(other.predict_proba(TEXTS[:4]), classifier.predict_proba(TEXTS[:4]))


@pytest.mark.parametrize("kind", ["classifier", "tagger"])
def test_a_fitted_estimator_survives_pickling_and_its_directory(kind: str, request, tmp_path: Path):
    estimator = request.getfixturevalue(kind)
    inputs = TEXTS[:5] if kind == "classifier" else WORDS[:5]
    expected = estimator.predict_proba(inputs)
    joblib.dump(estimator, tmp_path / "model.joblib")
    for again in (joblib.load(tmp_path / "model.joblib"), pickle.loads(pickle.dumps(estimator))):
        assert again.get_params() == estimator.get_params()
        for one, other in zip(again.predict_proba(inputs), expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_nothing_is_printed_unless_asked_for(model: str, capfd: pytest.CaptureFixture[str]):
    SpanBertClassifier(model, epochs=0.1).fit(TEXTS, KINDS).predict(TEXTS[:1])
    assert capfd.readouterr() == ("", "")
    SpanBertClassifier(model, epochs=1, verbose=True).fit(TEXTS, KINDS)
    printed = capfd.readouterr().out
    assert "48 texts" in printed
    assert "train 100%" in printed


def test_nothing_stays_in_the_temporary_directory(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    SpanBertClassifier(model, epochs=0.1).fit(TEXTS, KINDS).predict(TEXTS[:1])
    assert list(tmp_path.iterdir()) == []


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@pytest.mark.parametrize("labels", [(7, 3), (True, False), (1.0, 10.0), ("0.5", "1.5"), tuple(Colour)])
def test_labels_of_any_type_come_back(model: str, labels: tuple):
    y = list(labels) * 24
    fitted = SpanBertClassifier(model, epochs=0.1).fit(TEXTS, y)
    predicted = fitted.predict(TEXTS[:3])
    assert set(fitted.classes_.tolist()) == set(labels)
    assert set(predicted.tolist()) <= set(labels)
    assert predicted.dtype == fitted.classes_.dtype
    if not isinstance(labels[0], Colour):
        assert fitted.classes_.tolist() == np.unique(y).tolist()
        assert fitted.classes_.dtype == np.unique(y).dtype


def test_classes_that_a_bundle_sorts_otherwise_keep_their_columns(model: str):
    y = [str(10 - number % 3 * 4) for number in range(48)]  # "10", "6", "2": as words 10 < 2 < 6, as numbers 2 < 6 < 10
    fitted = SpanBertClassifier(model, epochs=0.1).fit(TEXTS, y)
    assert fitted.classes_.tolist() == ["10", "2", "6"]
    nlp = fitted._pipeline()
    scores = nlp("the fox runs").scores
    assert list(scores) == ["2", "6", "10"]
    np.testing.assert_allclose(fitted.predict_proba(["the fox runs"])[0], [scores["10"], scores["2"], scores["6"]])


def test_pairs_of_texts(model: str):
    pairs = list(zip(TEXTS, TEXTS[1:] + TEXTS[:1], strict=True))
    fitted = SpanBertClassifier(model, epochs=0.5).fit(pairs, KINDS)
    expected = fitted.predict_proba(pairs[:4])
    frame = pd.DataFrame(pairs, columns=["premise", "hypothesis"])
    for same in (frame[:4], frame[:4].to_numpy(), [list(pair) for pair in pairs[:4]]):
        np.testing.assert_array_equal(fitted.predict_proba(same), expected)
    swapped = [pair[::-1] for pair in pairs[:4]]
    assert not np.allclose(fitted.predict_proba(swapped), expected)
    with pytest.raises(InputError, match="not what the model was fitted on; got single texts; expected pairs"):
        fitted.predict(TEXTS)


MATRIX = np.array([[kind == "animal", "old" in text] for text, kind in zip(TEXTS, KINDS, strict=True)]).astype(int)
SETS = [{name for name, is_so in zip(("animal", "old"), row, strict=True) if is_so} for row in MATRIX]


def test_several_labels_as_a_binary_matrix(model: str):
    fitted = SpanBertClassifier(model, **QUICK).fit(TEXTS, MATRIX)
    assert fitted.classes_.tolist() == [0, 1]
    probabilities, predicted = fitted.predict_proba(TEXTS), fitted.predict(TEXTS)
    np.testing.assert_array_equal(predicted, probabilities >= 0.5)
    assert fitted.score(TEXTS, MATRIX) == accuracy_score(MATRIX, predicted) > 0.8
    assert fitted.score(TEXTS, csr_matrix(MATRIX)) == fitted.score(TEXTS, MATRIX)
    with_an_empty_column = np.column_stack([MATRIX[:, :1], np.zeros(48, dtype=int), MATRIX[:, 1:]])
    wider = SpanBertClassifier(model, **QUICK).fit(TEXTS, csr_matrix(with_an_empty_column))
    np.testing.assert_array_equal(wider.predict_proba(TEXTS[:4])[:, 1], 0)
    np.testing.assert_allclose(wider.predict_proba(TEXTS[:4])[:, [0, 2]], probabilities[:4], atol=1e-6)


def test_several_labels_as_collections(model: str):
    fitted = SpanBertClassifier(model, **QUICK).fit(TEXTS, SETS)
    assert fitted.classes_.tolist() == ["animal", "old"]
    predicted = fitted.predict(TEXTS)
    assert set(predicted) <= {(), ("animal",), ("old",), ("animal", "old")}
    right = [set(one) == other for one, other in zip(predicted, SETS, strict=True)]
    assert fitted.score(TEXTS, [list(one) for one in SETS]) == np.mean(right) > 0.8
    numbers = [tuple(np.flatnonzero(row).tolist()) for row in MATRIX]
    numbered = SpanBertClassifier(model, **QUICK).fit(TEXTS, numbers)
    named = {"animal": 0, "old": 1}
    assert numbered.predict(TEXTS) == [tuple(named[name] for name in row) for row in predicted]
    assert numbered.predict(["the old dog"]) == [(0, 1)]
    assert numbered.score(["the old dog"] * 2, [(1, 0), (0, 1)]) == 1, "labels, not a matrix"


def test_balanced_weights_reach_the_loss(model: str):
    y = ["rare"] * 6 + ["frequent"] * 42
    shares = []
    for weight in (None, "balanced"):
        same_text = SpanBertClassifier(model, class_weight=weight, **QUICK).fit(["a fox"] * 48, y)
        shares.append(same_text.predict_proba(["a fox"])[0, 1])
    assert same_text.classes_.tolist() == ["frequent", "rare"]
    np.testing.assert_allclose(shares, [6 / 48, 0.5], atol=0.06)
    with pytest.raises(InputError, match="class weights are for one label a text"):
        SpanBertClassifier(model, class_weight="balanced").fit(TEXTS, SETS)


def test_a_pipeline_and_a_grid_search(model: str):
    steps = [("upper", FunctionTransformer(lambda texts: [text.upper() for text in texts])), ("bert", None)]
    pipeline = Pipeline(steps).set_params(bert=SpanBertClassifier(model, **QUICK))
    search = GridSearchCV(pipeline, {"bert__epochs": [np.int64(8), 0.2]}, cv=2)
    search.fit(TEXTS, KINDS)
    assert search.best_params_ == {"bert__epochs": 8}
    assert search.best_score_ > 0.7
    assert search.predict(["A DOG RUNS"]).tolist() == ["animal"]
    assert len(cross_val_score(SpanBertClassifier(model, epochs=0.1), TEXTS, MATRIX, cv=2)) == 2


def test_without_epochs_the_defaults_are_those_of_finetune(model: str, monkeypatch: pytest.MonkeyPatch):
    """300 steps where 3 epochs are 9, the usual rates by the size of the encoder; too few steps are warned of."""
    steps = []
    note = Tracker.step
    monkeypatch.setattr(
        Tracker, "step", lambda self, step, one: (steps.append((step, one["lr"])), note(self, step, one))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = SpanBertClassifier(model).fit(TEXTS, KINDS)
    assert steps[-1][0] == LEAST_STEPS
    assert max(rate for _, rate in steps) == pytest.approx(1.5e-4, rel=0.02)
    assert fitted.score(TEXTS, KINDS) > 0.9
    steps.clear()
    with pytest.warns(ConvergenceWarning, match="only 3 steps: too few for most tasks") as caught:
        SpanBertTagger(model, epochs=1).fit(WORDS, TAGS)
    assert [one.filename for one in caught if one.category is ConvergenceWarning] == [__file__], "where fit was called"
    assert steps[-1][0] == 3, "epochs that somebody set stay"
    limited = SpanBertTagger(model, overrides=("train.max_steps=2",))._settings().train
    assert (limited.max_epochs, limited.max_steps) == (None, 2)


def test_a_grid_search_over_rates(model: str):
    estimator = SpanBertTagger(model, overrides=("train.max_steps=100", *SETTINGS))
    search = GridSearchCV(estimator, {"lr": [1e-12, 3e-3]}, cv=2).fit(WORDS, TAGS)
    assert search.best_params_ == {"lr": 3e-3}


def test_parameters_are_kept_as_they_are_given(model: str):
    estimator = SpanBertClassifier(Path(model), epochs=2, overrides=["a=b"], class_weight="balanced")
    assert estimator.get_params() == {
        "model": Path(model), "epochs": 2, "lr": None, "batch": 16, "window": None, "class_weight": "balanced",
        "seed": 0, "overrides": ["a=b"], "verbose": False,
    }  # fmt: skip
    assert clone(estimator).get_params() == estimator.get_params()
    assert SpanBertTagger(model).get_params().keys() == estimator.get_params().keys() - {"class_weight"}
    assert "epochs=2" in repr(estimator)
    settings = SpanBertClassifier(model, window=32, overrides=("optim.warmup=0.5",))._settings(mode="single")
    assert (settings.window.length, settings.optim.warmup, settings.batch.examples) == (32, 0.5, 16)


@pytest.mark.parametrize("estimator", [SpanBertClassifier("nowhere"), SpanBertTagger("nowhere")])
def test_before_fit_there_is_nothing_to_ask(estimator, tmp_path: Path):
    for ask in (estimator.predict, estimator.predict_proba, lambda _: estimator.save(tmp_path / "b")):
        with pytest.raises(NotFittedError):
            ask([["a"]] if isinstance(estimator, SpanBertTagger) else ["a"])
    assert not hasattr(estimator, "classes_")


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ("a text", ["x"], "X: not a sequence; got 'a text'"),
        (["a", None], ["x", "y"], r"X\[1\]: not a text; got None"),
        (["a", ("b", "c")], ["x", "y"], r"X\[1\]: single texts and pairs together"),
        ([("a", "b", "c")], ["x"], r"X\[0\]: not a text"),
        (["a", "b"], ["x", "x"], "y: one class alone; got x"),
        (["a", "b"], ["x"], "inconsistent numbers of samples"),
        (["a", "b"], [0.5, 1.5], "y: fractions are not labels; got 0.5"),
        (["a", "b"], ["x", None], "y: a label is missing; got None as label 1"),
        (["a", "b"], ["x", ["x"]], "labels and collections of labels; got 'x'"),
        (["a", "b"], np.array([1, "1"], dtype=object), "written alike"),
    ],
)
def test_what_a_classifier_cannot_use(X, y, message: str):
    with pytest.raises(ValueError, match=message):
        SpanBertClassifier("nowhere").fit(X, y)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (["a b"], [["O", "O"]], r"X\[0\]: not a list of words; got 'a b'"),
        ([["a", " "]], [["O", "O"]], r"X\[0\]: not a list of words"),
        ([["a", "b"]], [["O"]], r"y\[0\]: not a tag a word; got \['O'\]; expected 2 tags"),
        ([["a"]], ["O"], r"y\[0\]: not a tag a word"),
        ([["a"], ["b"]], [["O"]], "inconsistent numbers of samples"),
    ],
)
def test_what_a_tagger_cannot_use(X, y, message: str):
    with pytest.raises(ValueError, match=message):
        SpanBertTagger("nowhere").fit(X, y)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_weight": "even"}, "bad value for 'classify.class_weights'; got 'even'"),
        ({"epochs": 0}, "bad value for 'train.max_epochs'; got 0"),
        ({"overrides": ("optim.rate=1",)}, "unknown key 'optim.rate'"),
        ({"model": "nowhere/at/all"}, "nowhere/at/all"),
    ],
)
def test_settings_that_cannot_be_used(model: str, changes: dict, message: str):
    with pytest.raises(InputError, match=message):
        SpanBertClassifier(model).set_params(**changes).fit(TEXTS, KINDS)


def test_a_tagger_learns_spans(tagger: SpanBertTagger):
    assert tagger.classes_.tolist() == ["B-ANIMAL", "I-ANIMAL", "O"]
    predicted = tagger.predict(WORDS)
    assert [len(row) for row in predicted] == [len(row) for row in WORDS]
    assert predicted == TAGS
    assert tagger.score(WORDS, TAGS) == 1
    gold = [TAGS[0], ["B-ANIMAL", "I-ANIMAL", "O"], ["B-ANIMAL", "O", "O"]]
    words = [WORDS[0], WORDS[2], WORDS[1]]
    found = [["O", "B-ANIMAL", "O"], ["O", "B-ANIMAL", "O"], ["O", "O", "O"]]
    assert tagger.predict(words) == found
    assert tagger.score(words, gold) == pytest.approx(2 * 1 / (2 + 3)), "1 right, 2 found, 3 to find"
    probabilities = tagger.predict_proba(WORDS[:3])
    for row, tags in zip(probabilities, predicted, strict=False):
        assert row.shape == (len(tags), 3)
        np.testing.assert_allclose(row.sum(1), 1)
        assert tagger.classes_[row.argmax(1)].tolist() == tags


def test_tags_of_the_saved_bundle_are_the_same(tagger: SpanBertTagger, tmp_path: Path):
    nlp = spanbert.load(tagger.save(tmp_path / "bundle"))
    for words, tags in zip(WORDS[:6], tagger.predict(WORDS[:6]), strict=True):
        doc = nlp(" ".join(words))
        assert [word.label for word in doc.taggings["tag"].words] == tags
        assert [doc.text[one.start : one.end] for one in doc.entities] == [
            word for word, tag in zip(words, tags, strict=True) if tag == "B-ANIMAL"
        ]


def test_a_word_that_the_tokenizer_drops_has_a_tag(tagger: SpanBertTagger):
    words = [["the", "fox"], ["\u200b"], [], ["\u200b", "dog"]]
    assert [len(row) for row in tagger.predict(words)] == [2, 1, 0, 2]
    assert tagger.predict([["\u200b"]]) == [["O"]]
    assert [row.shape for row in tagger.predict_proba(words)] == [(2, 3), (1, 3), (0, 3), (2, 3)]
    np.testing.assert_allclose(tagger.predict_proba([["\u200b"]])[0], 1 / 3)


@pytest.mark.parametrize("pos", [POS, [[int(tag == "NOUN") + 9 for tag in row] for row in POS]])
def test_one_tag_of_any_type_a_word(model: str, pos: list):
    fitted = SpanBertTagger(model, **QUICK).fit(WORDS, pos)
    flat = [tag for row in pos for tag in row]
    assert fitted.classes_.tolist() == np.unique(flat).tolist()
    predicted = [tag for row in fitted.predict(WORDS) for tag in row]
    assert fitted.score(WORDS, pos) == accuracy_score(flat, predicted) > 0.9
    for row, tags in zip(fitted.predict_proba(WORDS[:3]), fitted.predict(WORDS[:3]), strict=True):
        assert fitted.classes_[row.argmax(1)].tolist() == tags


IN_SCHEMES = {
    "BIOES": [["O", "B-X", "E-X"], ["S-X", "O", "O"]],
    "IOB1": [["O", "I-X", "I-X"], ["I-X", "B-X", "O"]],
    "BILOU": [["O", "B-X", "L-X"], ["U-X", "O", "O"]],
}


@pytest.mark.parametrize("scheme", IN_SCHEMES)
def test_tags_come_back_in_their_scheme(model: str, scheme: str):
    words = [["the", "red", "fox"], ["dog", "cat", "sleeps"]] * 8
    tags = IN_SCHEMES[scheme] * 8
    fitted = SpanBertTagger(model, **{**QUICK, "epochs": 20}).fit(words, tags)
    assert fitted.predict(words) == tags
    assert fitted.score(words, tags) == 1


def test_a_tagger_in_a_grid_search(model: str):
    search = GridSearchCV(SpanBertTagger(model, **QUICK), {"batch": [np.int64(8), 48]}, cv=2)
    search.fit(WORDS, TAGS)
    assert search.best_params_ == {"batch": 8}
    assert search.best_score_ > 0.5
