"""Settings of question answering."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from spanbert.core.config import Config
from spanbert.tasks.entry import TextTaskEntry


class QAConfig(Config):
    """How questions are read and answered.

    Attributes:
        language: How answers are compared: `en` as SQuAD's official scorer, `zh` as CMRC's; `auto` looks at the text.
        longest_question: Pieces of a question that are read; `doctor` tells how many questions are longer.
        longest_answer: Pieces of the longest answer.
        candidates: How many answers are kept in addition to the best.
        threshold: From how many nats in favour of no answer nothing is answered; None: tuned on the dev data where a
            question may have no answer.
    """

    language: Literal["auto", "en", "zh"] = "auto"
    longest_question: int = Field(default=64, ge=1)
    longest_answer: int = Field(default=30, ge=1)
    candidates: int = Field(default=20, ge=1)
    threshold: float | None = None


class QAEntry(TextTaskEntry):
    """What a manifest says of such a task in addition; see `QAConfig` for both."""

    language: Literal["en", "zh"]
    threshold: float | None
