"""Settings of text classification."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from spanbert.core.config import Config
from spanbert.tasks.entry import Labels, TextTaskEntry

Mode = Literal["single", "multi", "regression"]


class ClassifyConfig(Config):
    """What is read from the files, and as what.

    Attributes:
        mode: One label a text, several, or a number; `auto` looks at the labels.
        text_column: Column of the text; None: guessed from the header, and reported.
        pair_column: Column of the second text of a pair; None: guessed.
        label_column: Column of the label; None: guessed.
        separator: The text between the labels of one cell.
        class_weights: `balanced` weighs every label's examples to the same sum.
        threshold: Probability from which one of several labels is given; None: tuned on the dev data, else 0.5.
        long_texts: `windows` reads all of a long text and averages; `truncate` reads its first window alone.
    """

    mode: Literal["auto", "single", "multi", "regression"] = "auto"
    text_column: str | None = None
    pair_column: str | None = None
    label_column: str | None = None
    separator: str | None = None
    class_weights: Literal["none", "balanced"] = "none"
    threshold: float | None = Field(default=None, gt=0, lt=1)
    long_texts: Literal["windows", "truncate"] = "windows"


class ClassifyEntry(TextTaskEntry):
    """What a manifest says of such a task in addition.

    Attributes:
        mode: As it was trained.
        labels: In the order of the logits.
        threshold: Probability from which one of several labels is given.
        pairs: It reads two texts; None: one or two.
    """

    mode: Mode
    labels: Labels
    threshold: float = Field(ge=0, le=1)
    pairs: bool | None
