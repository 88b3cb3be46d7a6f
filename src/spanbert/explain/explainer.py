"""Explains what a task said of a document.

document, result --TaskExplainer--> scores --integrated gradients--> pieces --by_word--> Attributions
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spanbert.batches.examples import Window, batches_by_length
from spanbert.core.attributions import Attribution, Baseline, OnStep, WordAttribution, no_step
from spanbert.core.errors import InputError
from spanbert.core.located import located
from spanbert.core.types import Document, FloatArray, OutputArray
from spanbert.encoder.hardware import explaining_memory
from spanbert.encoder.model import Encoder
from spanbert.explain.gradients import Integrated, integrated_gradients
from spanbert.explain.words import by_word
from spanbert.inference.predictor import Predictor
from spanbert.inference.torch_backend import TorchBackend
from spanbert.tasks.explain import Placed, ScoredOutput, TaskExplainer, Wish
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tokens.pieces import TokenizedText, read_pieces
from spanbert.tokens.tokenizer import TokenizerAdapter

_MOST_TOKENS = 4096  # whose gradients are held together
_LESS_MEMORY = "Explain a shorter text, or on the CPU: --device cpu"
PlacedTexts = tuple[Placed, Placed | None]


class Explainer:
    """Tasks with an encoder that gradients go through.

    Args:
        predictor: Of all tasks; its encoder's weights are not packed.
        tokenizer: The model's.
    """

    def __init__(self, predictor: Predictor, tokenizer: TokenizerAdapter) -> None:
        assert isinstance(predictor.backend, TorchBackend)
        self.predictor, self._backend, self._tokenizer = predictor, predictor.backend, tokenizer
        self._backend.encoder.requires_grad_(False)
        for head in self._backend.heads.values():
            head.requires_grad_(False)

    @property
    def encoder(self) -> Encoder:
        """What reads the texts."""
        return self._backend.encoder

    def explain(
        self,
        name: str,
        document: Document,
        result: object,
        wish: Wish,
        *,
        baseline: Baseline,
        most_steps: int,
        most: int,
        on_step: OnStep = no_step,
    ) -> tuple[tuple[Attribution, ...], int]:
        """Why a task said what it said.

        Args:
            name: The task's.
            document: The document.
            result: What the task said of it.
            wish: What is to be explained of that.
            baseline: What stands for a word that is not there.
            most_steps: Steps of the integral at most.
            most: How many things are explained at most, in text order.
            on_step: Is called before each pass of the encoder; what it raises ends the explanation.

        Returns:
            An attribution for each thing, and how many more there are.

        Raises:
            InputError: There is nothing of that kind, or it takes more text than can be held.
        """
        task = self.predictor.tasks[name]
        explainer = task.spec.explainer(task)
        document = explainer.document(document, result, wish)
        [windowed] = task.tokenize([document])
        if document.text.strip() and not len(windowed.pieces.ids):
            raise InputError("a text that the tokenizer reads nothing of", where=document.place)
        windows = list(task.windows(windowed))

        scored = explainer.scores(windowed, result, wish, partial(self._outputs, name, windowed, windows))
        texts = _Texts(document, explainer, windowed, self._tokenizer)
        found = []
        for one in scored[:most]:
            read = [windows[number] for number in one.windows]
            placed = [explainer.placed(windowed, number) for number in one.windows]
            _require_size(read, document)
            integrated = self._integrated(name, one, read, placed, baseline, most_steps, on_step)
            found.append(texts.attribution(one, placed, integrated))
        return tuple(found), max(len(scored) - most, 0)

    def _outputs(self, name: str, windowed: WindowedDocument, windows: Sequence[Window]) -> list[Any]:
        """What the head of a task says of each window of a document, or writes."""
        task, backend = self.predictor.tasks[name], self._backend
        rows = None if task.generation is not None else list(task.rows(windowed))
        found: list[Any] = [None] * len(windows)
        for places in batches_by_length([len(one.ids) for one in windows], backend.tokens_at_once):
            batch = [windows[place] for place in places]
            if rows is not None:
                said: Sequence[Any] = backend.run(batch, {name: [rows[place] for place in places]})[name]
            else:
                said = backend.generate(batch, name, task.generation or {}, [None] * len(batch))
            for place, one in zip(places, said, strict=True):
                found[place] = one
        return found

    def _integrated(
        self,
        name: str,
        scored: ScoredOutput,
        windows: Sequence[Window],
        placed: Sequence[PlacedTexts],
        baseline: Baseline,
        most_steps: int,
        on_step: OnStep,
    ) -> Integrated:
        moved = [np.concatenate([one.rows for one in texts if one is not None]) for texts in placed]
        encoder, head = self._backend.encoder, self._backend.heads[name]
        with explaining_memory(encoder.device, _LESS_MEMORY):
            return integrated_gradients(
                encoder, head, windows, moved, scored, self._baseline(baseline), most_steps=most_steps, on_step=on_step
            )

    def _baseline(self, baseline: Baseline) -> Tensor:
        """The vector of a word that is not there, (D,)."""
        table_VD = self._backend.encoder.embeddings.word.weight
        if baseline == "zero":
            return torch.zeros_like(table_VD[0])
        return table_VD[self._tokenizer.special[baseline]]


class _Texts:
    """The one or two texts of a document, whose pieces are made words of.

    Args:
        document: The document.
        explainer: What knows of its second text.
        windowed: The same with its pieces.
        tokenizer: The model's.
    """

    def __init__(
        self,
        document: Document,
        explainer: TaskExplainer[Any, Any],
        windowed: WindowedDocument,
        tokenizer: TokenizerAdapter,
    ) -> None:
        self._document, self._pieces = document, windowed.pieces
        self._second = explainer.second(document)
        self._second_pieces: TokenizedText | None = None
        if self._second is not None:
            [self._second_pieces] = read_pieces(tokenizer, [Document(id="second", text=self._second)])

    def attribution(self, scored: ScoredOutput, placed: Sequence[PlacedTexts], found: Integrated) -> Attribution:
        """The words of both texts, from the tokens of the windows."""
        text = self._document.text
        second: tuple[WordAttribution, ...] = ()
        first_P = _summed(len(self._pieces.ids), [one for one, _ in placed], found.pieces)
        if self._second is not None and self._second_pieces is not None:
            own = self._second_pieces
            second_P = _summed(len(own.ids), [one for _, one in placed], found.pieces)
            second = by_word(self._second, None, own.offsets, second_P)
        return Attribution(
            label=scored.label,
            places=located(scored.places, text),
            score=found.score,
            baseline_score=found.baseline_score,
            words=by_word(text, self._document.words, self._pieces.offsets, first_P),
            second=second,
            delta=found.delta,
            steps=found.steps,
            converged=found.converged,
        )


def _summed(count: int, placed: Sequence[Placed | None], of_windows: Sequence[OutputArray]) -> FloatArray:
    """What each piece of a text has over all windows that it stands in."""
    total_P = np.zeros(count)
    for one, tokens_T in zip(placed, of_windows, strict=True):
        if one is not None:
            np.add.at(total_P, one.pieces, tokens_T[one.rows])
    return total_P


def _require_size(windows: Sequence[Window], document: Document) -> None:
    tokens = sum(len(window.ids) for window in windows)
    if tokens > _MOST_TOKENS:
        raise InputError(
            "a text too long to explain",
            where=document.place,
            got=f"{tokens:,} pieces that the score is computed of",
            expected=f"at most {_MOST_TOKENS:,}",
            remedy="Explain a part of it",
        )
