"""An encoder from scratch as a model directory that fine-tuning can start from: tokenizer, random weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from spanbert.core.files import directory_written_whole, write_json
from spanbert.core.reporter import Reporter
from spanbert.core.seeding import keyed_seed
from spanbert.corpus.data import Source, documents_of
from spanbert.encoder.config import EncoderConfig, Size
from spanbert.encoder.model import Encoder
from spanbert.encoder.saving import SavedModel
from spanbert.tokens.tokenizer import load_tokenizer
from spanbert.tokens.training import train_wordpiece
from spanbert.train.finetune_config import FinetuneConfig


def scratch_shape(size: Size | None, config: FinetuneConfig) -> EncoderConfig:
    """The dimensions of the encoder, its vocabulary aside.

    Raises:
        InputError: Dimensions that do not fit together.
    """
    assert size is not None
    changes = config.scratch.model_dump(exclude={"vocabulary", "lowercase"}, exclude_none=True)
    return EncoderConfig.of_size(size, 1).changed(**changes)


def start_from_scratch(
    directory: Path, sources: Mapping[str, Source], size: Size | None, config: FinetuneConfig, reporter: Reporter
) -> None:
    """Makes the directory of a new model.

    Args:
        directory: Where it goes.
        sources: Training data, on which a tokenizer is trained where none is given.
        size: Of the encoder.
        config: The settings; `scratch` and the seed are read.
        reporter: Receives what is being done.

    Raises:
        InputError: Dimensions that do not fit together, or no such tokenizer.
    """
    assert size is not None
    scratch = config.scratch
    if isinstance(scratch.vocabulary, int):
        reporter.say(f"training a tokenizer of {scratch.vocabulary:,} pieces on the training texts")
        texts = (
            text for source in sources.values() for one in documents_of(source) for text in (one.text, one.pair or "")
        )
        tokenizer = train_wordpiece(texts, scratch.vocabulary, lowercase=scratch.lowercase)
    else:
        tokenizer = load_tokenizer(scratch.vocabulary)
    shape = scratch_shape(size, config).changed(vocab_size=tokenizer.vocab_size)
    torch.manual_seed(keyed_seed(config.train.seed, "scratch"))
    model = SavedModel(shape=shape, weights=Encoder(shape).state_dict(), tokenizer=tokenizer, card=None)
    with directory_written_whole(directory) as temporary:
        write_json(temporary / "config.json", shape.to_hugging_face(special=tokenizer.special))
        model.write_into(temporary)
