"""`spanbert.load`: a bundle as an object that answers."""

from __future__ import annotations

import os
from functools import cached_property

from spanbert.checkpoint.bundle import BundleFiles, open_bundle
from spanbert.core.errors import InputError
from spanbert.core.types import Filling
from spanbert.encoder.config import EncoderConfig
from spanbert.tasks.pretrain.fill import PieceScorer, fill_template
from spanbert.tasks.pretrain.template import parse_template
from spanbert.tokens.tokenizer import TokenizerAdapter, load_tokenizer


class Pipeline:
    """A loaded bundle; weights are read when the first answer is asked for.

    Args:
        files: The opened bundle.
    """

    def __init__(self, files: BundleFiles) -> None:
        self.files = files
        self.tokenizer: TokenizerAdapter = load_tokenizer(files.path)

    @cached_property
    def _longest_segment(self) -> int:
        where = str(self.files.path / "config.json")
        return EncoderConfig.from_hugging_face(self.files.config, where=where).longest_segment

    @cached_property
    def _scorer(self) -> PieceScorer:
        from spanbert.tasks.pretrain.scorer import TorchPieceScorer

        return TorchPieceScorer.of_bundle(self.files)

    def fill(self, text: str, *, top_k: int = 5) -> list[Filling]:
        """Fills the blanks of a text: `[MASK]` one piece, `[MASK:3]` three, `[MASK:1-4]` one to four.

        Args:
            text: With one blank or more.
            top_k: How many fillings, best first.

        Raises:
            InputError: No blank, a text too long for one segment, or a bundle without heads.
        """
        if top_k < 1:
            raise InputError("nothing asked for", where="top_k", got=str(top_k), expected="at least 1")
        template = parse_template(text, self.tokenizer, positions=self._longest_segment)
        return fill_template(template, self.tokenizer, self._scorer, top_k=top_k)


def load(bundle: str | os.PathLike[str]) -> Pipeline:
    """Opens a bundle, a Hugging Face directory or a hub id.

    Raises:
        InputError: Not a model, or damaged.
    """
    return Pipeline(open_bundle(os.fspath(bundle)))
