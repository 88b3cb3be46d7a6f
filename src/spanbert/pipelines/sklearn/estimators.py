"""Fine-tuning as estimators of scikit-learn: `fit`, `predict`, `predict_proba`, `score`, in pipelines and searches.

    SpanBertClassifier("bundle/", epochs=2).fit(texts, labels).predict(["A dull film."])
    SpanBertTagger("bundle/").fit([["Ada", "wrote", "."]], [["B-PER", "O", "O"]]).predict([["Ada", "left"]])

Shapes: N texts, W words of a text, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_consistent_length

from spanbert.core.errors import InputError
from spanbert.core.tagging import decode_tags, encode_tags
from spanbert.core.types import Document, FloatArray, Record
from spanbert.inference.predictor import Predictor
from spanbert.pipelines.load import Pipeline
from spanbert.pipelines.sklearn.base import FinetunedEstimator
from spanbert.pipelines.sklearn.data import (
    labelled_texts,
    names_of,
    read_labels,
    read_tags,
    tagged_sentences,
    text_documents,
    word_documents,
)
from spanbert.scores.entities import precision_recall_f1
from spanbert.tasks.classify.spec import CLASSIFY
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tasks.tag.spec import TAG
from spanbert.tasks.tag.task import TagTask


class SpanBertClassifier(ClassifierMixin, FinetunedEstimator):  # type: ignore[misc]
    """Classifies texts, or pairs of texts, by fine-tuning a BERT-family encoder (Devlin et al. 2019, section 4.1).

    X is a sequence of str, or of (text, other text); a column or two of pandas or numpy will do. y has a label of any
    type a text; or, for any number of labels a text, a binary matrix (N, L), which scikit-learn's cross-validation
    needs, or a sequence of lists, tuples or sets. `predict` answers in the form of the y it was fitted on. Long texts
    are read whole, in windows.

    Args:
        model: Bundle, Hugging Face directory or hub id to start from.
        epochs: Passes over the training texts; None: 3, or more where that would be fewer than 300 steps.
        lr: Peak learning rate of the encoder; None: by its size.
        batch: Examples a step.
        window: Tokens of a window; None: 512, or what the model can read.
        class_weight: `balanced` weighs every label's texts to the same sum.
        seed: Seed of everything random.
        overrides: More settings, as of `spanbert finetune --set`: `("optim.head_lr=1e-3", "train.threads=2")`.
        verbose: Print how training goes.

    Attributes:
        classes_: The labels, (L,), sorted: what the columns of `predict_proba` are for.
    """

    _kind = CLASSIFY.kind

    def __init__(
        self,
        model: str | Path,
        *,
        epochs: float | None = None,
        lr: float | None = None,
        batch: int = 16,
        window: int | None = None,
        class_weight: str | None = None,
        seed: int = 0,
        overrides: Sequence[str] = (),
        verbose: bool = False,
    ) -> None:
        super().__init__(
            model,
            epochs=epochs,
            lr=lr,
            batch=batch,
            window=window,
            seed=seed,
            overrides=overrides,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def fit(self, X: object, y: object) -> Self:
        """Fine-tunes the model.

        Args:
            X: Texts or pairs of texts, (N,).
            y: Their labels: see the class.

        Raises:
            InputError: Texts, labels or settings that cannot be used.

        Warns:
            ConvergenceWarning: So few steps that hardly anything is learned.
        """
        documents, labels = text_documents(X), read_labels(y)
        check_consistent_length(documents, labels.rows)
        several = labels.form != "single"
        if not several and len(labels.classes_L) < 2:
            raise InputError("one class alone", where="y", got=", ".join(names_of(labels.classes_L)) or "no label")
        if several and self.class_weight is not None:
            raise InputError(
                "class weights are for one label a text", where="class_weight", got=repr(self.class_weight)
            )
        weights = "none" if self.class_weight is None else self.class_weight
        self._learn(
            labelled_texts(documents, labels),
            self._settings(mode="multi" if several else "single", class_weights=weights),
        )
        self._form, self.classes_ = labels.form, labels.classes_L
        return self

    def predict_proba(self, X: object) -> FloatArray:
        """The probability of each label of each text, (N, L); a row sums to 1 where there is one label a text.

        A label of a binary matrix that no text of training had has probability 0.
        """
        nlp = self._pipeline()
        names = names_of(self.classes_)
        found = [doc.classifications[self._kind].scores for doc in nlp.predict(self._documents(nlp, X))]
        rows = [[scores.get(name, 0.0) for name in names] for scores in found]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(names))

    def predict(self, X: object) -> Any:
        """The labels of each text in the form of y: labels (N,), a binary matrix (N, L), or a list of tuples."""
        probabilities_NL = self.predict_proba(X)
        if self._form == "single":
            return self.classes_[probabilities_NL.argmax(1)]
        threshold = self._pipeline().tasks[self._kind].threshold
        assert threshold is not None
        given_NL = probabilities_NL >= threshold
        if self._form == "indicator":
            return given_NL.astype(np.int64)
        return [tuple(self.classes_[row].tolist()) for row in given_NL]

    def score(self, X: object, y: object, sample_weight: npt.ArrayLike | None = None) -> float:
        """The share of texts whose label, or all of whose labels, are right.

        Args:
            X: Texts.
            y: Their labels.
            sample_weight: What each text counts for; None: all the same.
        """
        gold, found = (read_labels(one, form=self._form).rows for one in (y, self.predict(X)))
        check_consistent_length(gold, found)
        right_N = np.array([set(one) == set(other) for one, other in zip(gold, found, strict=True)], dtype=np.float64)
        weights_N = np.ones(len(right_N)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        return float(np.average(right_N, weights=weights_N))

    def _documents(self, nlp: Pipeline, X: object) -> list[Document]:
        documents = text_documents(X)
        task = nlp.tasks[self._kind]
        if documents and (documents[0].pair is not None) == task.shares_encoder_pass:
            learned, given = ("single texts", "pairs") if task.shares_encoder_pass else ("pairs", "single texts")
            raise InputError("not what the model was fitted on", where="X", got=given, expected=learned)
        return documents

    def __sklearn_tags__(self) -> Any:
        """Says that X are texts."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        tags.classifier_tags.multi_label = True
        return tags


class _TagProbabilities(TagTask):
    """Tells the probability of every tag instead of the best tags."""

    def decode(self, windowed: WindowedDocument, outputs: Sequence[npt.NDArray[Any]]) -> FloatArray:  # type: ignore[override]
        """(W, L); where the tokenizer leaves nothing of a text, all the same."""
        scores_WL = self.log_probabilities(outputs)
        words = self.words(windowed)
        if len(words) and not len(scores_WL):
            return np.full((len(words), len(self.tags)), 1 / len(self.tags))
        return np.exp(scores_WL)


class SpanBertTagger(FinetunedEstimator):
    """Tags words by fine-tuning a BERT-family encoder (Devlin et al. 2019, section 5.3).

    X is a sequence of lists of words, y one of lists of tags: spans in BIO, IOB1, BIOES, BMES or BILOU, or one tag of
    any type a word (parts of speech). Spans are predicted as legal sequences of tags, in the scheme of y.

    Args:
        model: Bundle, Hugging Face directory or hub id to start from.
        epochs: Passes over the training sentences; None: 3, or more where that would be fewer than 300 steps.
        lr: Peak learning rate of the encoder; None: by its size.
        batch: Examples a step.
        window: Tokens of a window; None: 512, or what the model can read.
        seed: Seed of everything random.
        overrides: More settings, as of `spanbert finetune --set`: `("optim.head_lr=1e-3", "train.threads=2")`.
        verbose: Print how training goes.

    Attributes:
        classes_: The tags of the model, (L,), sorted: what the columns of `predict_proba` are for. For spans, all
            tags of the scheme for every label; IOB1 is learned as BIO.
    """

    _kind = TAG.kind

    def fit(self, X: object, y: object) -> Self:
        """Fine-tunes the model.

        Args:
            X: Lists of words, (N,).
            y: Lists of tags, one a word, (N,).

        Raises:
            InputError: Words, tags or settings that cannot be used.

        Warns:
            ConvergenceWarning: So few steps that hardly anything is learned.
        """
        sentences = word_documents(X)
        check_consistent_length(sentences, y)
        tags = read_tags(y, sentences)
        self._learn(tagged_sentences(sentences, tags), self._settings())
        self._scheme, self.classes_ = tags.scheme, tags.classes_L
        if tags.scheme is not None:
            self.classes_ = np.unique(self._task(self._pipeline()).tags)
        return self

    def predict(self, X: object) -> list[list[Any]]:
        """The tags of the words of each sentence."""
        nlp = self._pipeline()
        of_name = dict(zip(names_of(self.classes_), self.classes_.tolist(), strict=True))
        none = next(iter(of_name)) if self._scheme is None else "O"  # for what the tokenizer leaves nothing of
        found = []
        for doc in nlp.predict(word_documents(X)):
            words = doc.taggings[self._kind].words
            names = [none if word.label is None else word.label for word in words]
            if self._scheme == "IOB1":
                names = encode_tags(decode_tags(names, "BIO"), len(names), "IOB1")
            found.append([of_name[name] for name in names])
        return found

    def predict_proba(self, X: object) -> list[FloatArray]:
        """The probability of each tag of each word, an array (W, L) a sentence; rows sum to 1.

        Words are scored one by one: `predict` may choose another tag if the likeliest ones do not make legal spans.
        """
        nlp = self._pipeline()
        task = self._task(nlp)
        probing = _TagProbabilities.from_manifest(
            self._kind, task.manifest(), tokenizer=task.tokenizer, positions=task.window[0]
        )
        order = [task.tags.index(name) for name in names_of(self.classes_)]
        tasks: Record = {self._kind: probing}
        predictor = Predictor(nlp.predictor.backend, tasks)
        return [found[self._kind][:, order] for _, found in predictor.predict(word_documents(X))]

    def score(self, X: object, y: object) -> float:
        """F1 of exact spans over all sentences (CoNLL-2003), or where tags make no spans the share of right tags.

        Args:
            X: Lists of words.
            y: Lists of tags.
        """
        gold, found = read_tags(y, word_documents(X)).rows, self.predict(X)
        if self._scheme is None:
            right = [one == other for row, rows in zip(gold, found, strict=True) for one, other in zip(row, rows)]
            return float(np.mean(right))
        spans, predicted = (
            {(number, *span) for number, row in enumerate(rows) for span in decode_tags(row, self._scheme)}
            for rows in (gold, found)
        )
        return precision_recall_f1(len(spans & predicted), len(predicted), len(spans))["f1"]

    @staticmethod
    def _task(nlp: Pipeline) -> TagTask:
        task = nlp.tasks[SpanBertTagger._kind]
        assert isinstance(task, TagTask)
        return task
