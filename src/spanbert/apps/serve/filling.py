"""Blanks to fill over HTTP: of one piece, as Hugging Face's task, and of any number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp
from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import override

from spanbert.apps.serve.batcher import Query, Wanted
from spanbert.apps.serve.errors import ServiceError
from spanbert.apps.serve.models import LoadedModel
from spanbert.apps.serve.operations import Operation
from spanbert.core.errors import InputError
from spanbert.core.html.style import Palette
from spanbert.core.types import Filling, Record
from spanbert.pipelines.load import Pipeline
from spanbert.tasks.pretrain.fill import tokens_read
from spanbert.tasks.pretrain.render import fillings_html
from spanbert.tasks.service import Wire
from spanbert.tokens.tokenizer import TokenizerAdapter


@dataclass(frozen=True)
class Fill:
    """Texts with blanks to the best fillings.

    Attributes:
        top_k: So many.
        targets: Of these pieces, which are words or parts of words; None: of any.
    """

    top_k: int
    targets: tuple[str, ...] | None = None

    def __call__(self, pipeline: Pipeline, payloads: Sequence[str], wanted: Sequence[Wanted]) -> list[list[Filling]]:
        """Fillings for each text; all of them are read together."""
        templates = [pipeline.template(text) for text in payloads]
        pieces = None if self.targets is None else pieces_of(self.targets, pipeline.tokenizer)
        return pipeline.fill_templates(
            templates, top_k=self.top_k, pieces=pieces, wanted=lambda number: wanted[number]()
        )

    def for_people(self) -> Fill:
        """See `Computation`."""
        return self


def pieces_of(targets: Iterable[str], tokenizer: TokenizerAdapter) -> frozenset[int]:
    """The pieces that words are, or that the vocabulary calls so.

    Raises:
        InputError: One that is not one piece.
    """
    return frozenset(_piece_of(target, tokenizer) for target in targets)


def _piece_of(target: str, tokenizer: TokenizerAdapter) -> int:
    named = tokenizer.backend.token_to_id(target)
    [ids] = tokenizer.ids_batch([f" {target}"])
    found = ids.tolist() if named is None else [named]
    if len(found) != 1 or tokenizer.is_special_V[found[0]]:
        raise InputError(
            "parameters.targets: not one piece of the vocabulary", got=repr(target), expected="a word or a part of one"
        )
    return int(found[0])


class FillParameters(Wire):
    """Parameters of filling blanks."""

    top_k: int = Field(default=5, ge=1, le=100, description="How many fillings, the best first.")


class MaskParameters(FillParameters):
    """Parameters of filling a blank of one piece."""

    targets: list[str] | None = Field(
        default=None, min_length=1, description="Only these may be filled in: words, or parts of them, of one piece."
    )


class FilledMask(Wire):
    """What may stand for the blank, with its probability."""

    sequence: str
    score: float
    token: int
    token_str: str


class FilledSpans(Wire):
    """What may stand for each blank, with the probability of a piece, on average."""

    sequence: str
    score: float
    fills: list[str]


class FillOperation(Operation):
    """Blanks of a text, of any length."""

    slug = "span-fill"
    title = "blanks of one or more pieces"
    title_zh = "填空（可填多个词元）"
    parameters = FillParameters
    output: Any = list[FilledSpans]
    example = "The [MASK:1-3] left Rome."
    cheaper = "narrow the lengths of the blanks, or ask for fewer fillings"

    @override
    def offered_by(self, model: LoadedModel) -> bool:
        return model.fills

    @override
    def query(self, model: LoadedModel, given: str, parameters: Any, where: str) -> Query:
        def answer(result: list[Filling]) -> Any:
            return [self._answer(model, one) for one in result]

        text = self._template(model, given)
        return Query(
            computation=self._computation(model, parameters),
            payload=text,
            cost=tokens_read(model.pipeline.template(text), top_k=parameters.top_k),
            answer=answer,
            draw=lambda result: fillings_html(text, result, Palette()),
        )

    def _computation(self, model: LoadedModel, parameters: Any) -> Fill:
        return Fill(parameters.top_k)

    def _template(self, model: LoadedModel, given: str) -> str:
        return given

    def _answer(self, model: LoadedModel, filling: Filling) -> Record:
        return {"sequence": filling.text, "score": exp(filling.score), "fills": list(filling.fills)}


class MaskOperation(FillOperation):
    """One blank of one piece, as Hugging Face's task."""

    slug = "fill-mask"
    title = "a blank of one piece"
    title_zh = "填空（单个词元）"
    parameters = MaskParameters
    output: Any = list[FilledMask]
    example = "Ann left [MASK]."
    _BLANK: ClassVar = "[MASK]"

    @override
    def _computation(self, model: LoadedModel, parameters: Any) -> Fill:
        if parameters.targets is None:
            return Fill(parameters.top_k)
        pieces_of(parameters.targets, model.pipeline.tokenizer)  # refuses them
        return Fill(parameters.top_k, tuple(parameters.targets))

    @override
    def _template(self, model: LoadedModel, given: str) -> str:
        tokenizer = model.pipeline.tokenizer
        text = given.replace(tokenizer.piece(tokenizer.special["mask"]), self._BLANK)
        if text.count(self._BLANK) != 1:
            raise ServiceError("unprocessable", f"one {self._BLANK} is expected here; span-fill takes several")
        return text

    @override
    def _answer(self, model: LoadedModel, filling: Filling) -> Record:
        [[piece]] = filling.pieces
        token = model.pipeline.tokenizer.backend.token_to_id(piece)
        return {"sequence": filling.text, "score": exp(filling.score), "token": token, "token_str": filling.fills[0]}
