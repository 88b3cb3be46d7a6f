"""Text classification as a `TextTask`: one label, several, a number; single texts and pairs; long texts in windows.

Shapes: L labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from typing_extensions import override

from spanbert.batches.examples import Example, HeadRows, Target, Window
from spanbert.core.errors import InputError
from spanbert.core.predictions import Classification
from spanbert.core.types import Document, Facts, FloatArray, OutputArray, Record, Scores
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.formats.format import ReadSettings
from spanbert.corpus.formats.registry import open_data
from spanbert.tasks.base import TextTaskBase, WindowConfig, foreign_labels
from spanbert.tasks.classify.config import ClassifyConfig, Mode
from spanbert.tasks.classify.pairs import WindowedPair, paired
from spanbert.tasks.classify.scoring import ClassifyScorer, ThresholdTuner, natural_order, number_of, single_gold
from spanbert.tasks.classify.spec import CLASSIFY
from spanbert.tasks.protocol import HeadContext, Mistake, TextTask, WindowedDocument
from spanbert.tokens.pieces import read_pieces
from spanbert.tokens.tokenizer import TokenizerAdapter

if TYPE_CHECKING:
    from spanbert.tasks.classify.head import ClassifyHead

_USUAL_WINDOW = 512
_MOST_LABELS = 1000
_PROBLEMS = {"single": "single_label_classification", "multi": "multi_label_classification", "regression": "regression"}
_FIRST_ROW = np.zeros(1, dtype=np.int64)


class ClassifyTask(TextTaskBase):
    """Labels of whole texts.

    Args:
        name: Its name in the bundle.
        tokenizer: The model's.
        window: Tokens of a window and of the overlap.
        config: Columns and so on; `mode` and `threshold` are passed separately.
        mode: What a text gets.
        labels: In the order of the logits; one without meaning for a regression.
        threshold: With several labels a text, the probability from which one is given.
        pairs: Whether it reads two texts; None: one or two, as some models of other libraries.
    """

    spec = CLASSIFY
    unit = "example"
    runtime_options = ("text_column", "pair_column", "label_column", "separator")

    def __init__(
        self,
        name: str,
        tokenizer: TokenizerAdapter,
        window: tuple[int, int],
        *,
        config: ClassifyConfig,
        mode: Mode,
        labels: Sequence[str],
        threshold: float,
        pairs: bool | None,
    ) -> None:
        super().__init__(name, tokenizer, window)
        self.config, self.mode, self.labels, self.threshold = config, mode, tuple(labels), threshold
        self.pairs = pairs
        self.reads_pairs = pairs
        self.shares_encoder_pass = (
            pairs is False and config.long_texts == "windows"
        )  # else its windows are not those of other tasks
        self.main_metric = {"single": "accuracy", "multi": "micro_f1", "regression": "pearson"}[mode]
        self.weights_L: list[float] | None = None
        self.scale = (0.0, 1.0)
        self._number = {label: number for number, label in enumerate(self.labels)}

    @classmethod
    def from_training(
        cls,
        name: str,
        documents: Iterable[Document],
        *,
        config: ClassifyConfig,
        window: WindowConfig,
        tokenizer: TokenizerAdapter,
        positions: int,
    ) -> Self:
        """The task that some training documents pose.

        Raises:
            InputError: No labels, one label alone, or texts with and without a second text.
        """
        counts: Counter[str] = Counter()
        several = False
        texts = with_pair = 0
        numbers: list[float] = []
        for document in documents:
            if document.labels is None:
                continue
            texts += 1
            with_pair += document.pair is not None
            several = several or len(document.labels) != 1
            counts.update(document.labels)
            numbers += [number_of(one) for one in document.labels]
        if not texts:
            raise InputError(
                f"task {name}: no labelled text", remedy="Name the columns with --text-column and --label-column"
            )
        if with_pair not in (0, texts):
            raise InputError(f"task {name}: texts with and without a second one", got=f"{with_pair} of {texts} with")
        numeric = not np.isnan(numbers).any()
        mode: Mode
        if config.mode != "auto":
            mode = config.mode
        elif several or config.separator is not None:
            mode = "multi"
        else:
            fractions = numeric and any(number != int(number) for number in numbers)
            mode = "regression" if fractions else "single"
        if mode == "regression" and (several or not numeric):
            raise InputError(f"task {name}: a regression needs one number a text", got=", ".join(list(counts)[:5]))
        if mode == "single" and several:
            raise InputError(
                f"task {name}: texts with several labels, or none",
                remedy="Pass --mode multi to give a text any number of labels",
            )
        if mode != "regression" and not 2 <= len(counts) <= _MOST_LABELS and (mode == "single" or not counts):
            raise InputError(
                f"task {name}: not labels to choose among",
                got=f"{len(counts)} different labels in {texts} texts",
                expected=f"2 to {_MOST_LABELS}",
                remedy="Name another column with --label-column, or pass --mode regression for numbers",
            )
        task = cls(
            name,
            tokenizer,
            window.fit(positions, usual=_USUAL_WINDOW),
            config=config,
            mode=mode,
            labels=["value"] if mode == "regression" else sorted(counts, key=natural_order),
            threshold=config.threshold or 0.5,
            pairs=with_pair > 0,
        )
        if mode == "regression":
            task.scale = float(np.mean(numbers)), float(np.std(numbers)) or 1.0
        if config.class_weights == "balanced":
            if mode != "single":
                raise InputError(f"task {name}: class weights need one label a text", got=f"the mode {mode}")
            task.weights_L = [texts / (len(counts) * counts[label]) for label in task.labels]
        return task

    @classmethod
    def from_manifest(cls, name: str, entry: Facts, *, tokenizer: TokenizerAdapter, positions: int) -> Self:
        """The task of a bundle."""
        return cls(
            name,
            tokenizer,
            cls.stored_window(entry, positions),
            config=ClassifyConfig.model_validate(entry["options"]),
            mode=entry["mode"],
            labels=entry["labels"],
            threshold=entry["threshold"],
            pairs=entry["pairs"],
        )

    @classmethod
    @override
    def foreign_entry(cls, config: Facts) -> Record:
        labels = foreign_labels(config)
        modes = {theirs: ours for ours, theirs in _PROBLEMS.items()}
        usual = "regression" if len(labels) == 1 else "single"
        mode = modes.get(str(config.get("problem_type")), usual)
        return {"window": [512, 128], "options": {}, "mode": mode, "labels": labels, "threshold": 0.5, "pairs": None}

    @override
    def hugging_face_config(self) -> Record:
        """The labels, and the kind of problem."""
        return {**super().hugging_face_config(), "problem_type": _PROBLEMS[self.mode]}

    @override
    def manifest(self) -> Record:
        return {
            **super().manifest(),
            "mode": self.mode,
            "labels": list(self.labels),
            "threshold": self.threshold,
            "pairs": self.pairs,
        }

    @staticmethod
    def open(config: ClassifyConfig, path: Path) -> DataFile:
        """A table or JSON lines, by the settings' columns or guessed ones."""
        settings = ReadSettings(
            text_column=config.text_column,
            pair_column=config.pair_column,
            label_column=config.label_column,
            separator=config.separator,
        )
        return open_data(path, among=CLASSIFY.formats, settings=settings)

    @override
    def check(self, document: Document) -> None:
        """One label, or one number, unless a text may have several."""
        if document.labels is not None and self.mode != "multi":
            single_gold(document, self.mode)

    @override
    def remarks(self, others: Sequence[TextTask]) -> Iterator[str]:
        """What a text gets, and where numbers could be something else."""
        labels = f"{len(self.labels)} labels"
        gets = {"single": f"one of {labels}", "multi": f"any number of {labels}", "regression": "a number"}[self.mode]
        guessed = self.config.mode == "auto" and self.mode == "single"
        whole = guessed and not any(np.isnan(number_of(one)) for one in self.labels)
        hint = ", all whole numbers: --mode regression learns them as numbers" if whole else ""
        yield f"{self.name}: a text gets {gets}{hint}"

    @override
    def is_labelled(self, document: Document) -> bool:
        return document.labels is not None

    @override
    def mistakes(self, document: Document, prediction: Classification) -> Iterator[Mistake]:
        if document.labels is None or set(document.labels) == set(prediction.labels):
            return
        if prediction.value is not None:
            severity = abs(prediction.value - float(document.labels[0]))
            said = f"{prediction.value:.3f}"
        else:
            severity = max((prediction.scores[label] for label in prediction.labels), default=0.0)
            said = ", ".join(prediction.labels) or "nothing"
        text = document.text + ("" if document.pair is None else f" // {document.pair}")
        yield Mistake(severity=severity, where=document.id, text=text, gold=", ".join(document.labels), predicted=said)

    @override
    def tokenize(self, documents: Sequence[Document]) -> list[WindowedDocument]:
        """Of pairs, every part of the first text with every part of the second.

        Raises:
            InputError: A text alone, where pairs were learned.
        """
        if self.pairs is False:
            return super().tokenize(documents)
        alone = next((one for one in documents if one.pair is None), None)
        if self.pairs and alone is not None:
            raise InputError(
                f"task {self.name}: a text alone",
                where=alone.place,
                expected="two texts, as in training",
                remedy='Pass nlp(text, pair=...), {"text": ..., "pair": ...}, or a file with a column for it',
            )
        seconds = [Document(id=one.id, text=one.pair or "") for one in documents]
        room = self.window[0] - self.framer.specials[1]
        both = zip(super().tokenize(documents), read_pieces(self.tokenizer, seconds), strict=True)
        return [
            windowed if windowed.document.pair is None else paired(windowed, second, self.window, room)
            for windowed, second in both
        ]

    @override
    def windows(self, windowed: WindowedDocument) -> list[Window]:
        """Of a pair, each part of the first text with each of the second."""
        if isinstance(windowed, WindowedPair):
            ids, second = windowed.pieces.ids, windowed.second
            found = [self.framer.two(ids[a:b], second[c:d]) for (a, b), (c, d) in windowed.pairs]
        else:
            found = list(super().windows(windowed))
        return found[:1] if self.config.long_texts == "truncate" else found

    @override
    def rows(self, windowed: WindowedDocument) -> list[HeadRows]:
        """The first row of every window."""
        count = 1 if self.config.long_texts == "truncate" else len(windowed.windows)
        return [HeadRows(rows=_FIRST_ROW)] * count

    @override
    def examples(self, windowed: WindowedDocument) -> list[Example]:
        """A window of a labelled text has the text's label."""
        wanted = self._gold(windowed.document)
        if wanted is None:
            return []
        target = Target(units=1, gold=wanted)
        return [
            Example(task=self.name, window=window, asked=asked, target=target)
            for window, asked in zip(self.windows(windowed), self.rows(windowed), strict=True)
        ]

    def _gold(self, document: Document) -> int | float | OutputArray | None:
        if document.labels is None:
            return None
        if self.mode != "multi":
            gold = single_gold(document, self.mode)
            if self.mode == "regression":
                return float(gold)
        unknown = [label for label in document.labels if label not in self._number]
        if unknown:
            raise InputError(
                f"task {self.name}: a label that the model does not know",
                where=document.place,
                got=repr(unknown[0]),
                expected=", ".join(self.labels[:20]),
            )
        if self.mode == "single":
            return self._number[document.labels[0]]
        wanted_L = np.zeros(len(self.labels), dtype=np.float32)
        wanted_L[[self._number[label] for label in document.labels]] = 1.0
        return wanted_L

    @override
    def build_head(self, context: HeadContext) -> ClassifyHead:
        from spanbert.tasks.classify.head import ClassifyHead

        return ClassifyHead(context.encoder, len(self.labels), self.mode, weights_L=self.weights_L, scale=self.scale)

    @override
    def decode(self, windowed: WindowedDocument, outputs: Sequence[OutputArray]) -> Classification:
        """The mean of the windows' logits decides."""
        logits_L: FloatArray = np.zeros(len(self.labels))
        if len(outputs):
            logits_L = np.stack(outputs).mean(0, dtype=np.float64)
        if self.mode == "regression":
            return Classification(scores={}, value=float(logits_L[0]))
        if self.mode == "multi":
            probabilities_L = 1 / (1 + np.exp(-logits_L))
            given = tuple(label for label, p in zip(self.labels, probabilities_L, strict=True) if p >= self.threshold)
        else:
            probabilities_L = np.exp(logits_L - logits_L.max())
            probabilities_L /= probabilities_L.sum()
            given = (self.labels[int(probabilities_L.argmax())],)
        return Classification(labels=given, scores=dict(zip(self.labels, probabilities_L.tolist(), strict=True)))

    @override
    def scorer(self, *, seed: int = 0) -> ClassifyScorer:
        return ClassifyScorer(self.mode, self.labels, self.threshold or 0.5, seed=seed)

    @override
    def selection_score(self, scores: Scores) -> float:
        """With several labels a text the best micro F1 of any threshold, where one will be tuned."""
        return float(scores[self.main_metric if self.tuner() is None else "best_micro_f1"])

    def tuner(self) -> ThresholdTuner | None:
        """What tunes the threshold on dev data; None where there is none to tune."""
        return ThresholdTuner() if self.mode == "multi" and self.config.threshold is None else None
