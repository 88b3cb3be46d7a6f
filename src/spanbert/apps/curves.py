"""Loss curves as pictures."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SMOOTHING = 0.9


def loss_curves(
    metrics: Sequence[Mapping[str, Any]], evaluations: Sequence[Mapping[str, Any]], *, unigram_loss: float | None
) -> bytes:
    """Training and held-out losses over tokens as a PNG picture.

    Args:
        metrics: Lines of metrics.jsonl.
        evaluations: Lines of evaluations.jsonl; a line of step 0 holds the figures before training.
        unigram_loss: Drawn as a level line.
    """
    figure, [axes] = _figure(1, width=8)
    for name, label, colour in (("mlm", "MLM", "tab:blue"), ("sbo", "SBO", "tab:orange")):
        trained = [line for line in metrics if f"{name}_loss" in line]
        if trained:
            millions = [line["tokens"] / 1e6 for line in trained]
            axes.plot(
                millions,
                _smooth([line[f"{name}_loss"] for line in trained]),
                color=colour,
                alpha=0.35,
                label=f"{label}, training (smoothed)",
            )
        scored = [line for line in evaluations if f"{name}_loss" in line]
        if scored:
            axes.plot(
                [line["tokens"] / 1e6 for line in scored],
                [line[f"{name}_loss"] for line in scored],
                color=colour,
                marker="o",
                label=f"{label}, held out",
            )
    if unigram_loss is not None:
        axes.axhline(unigram_loss, color="grey", linestyle="--", label="unigram model, held out")
    axes.set_xlabel("million tokens trained on")
    axes.set_ylabel("loss (nats a piece)")
    axes.grid(alpha=0.3)
    axes.legend()
    return _png(figure)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One set of axes with a line for each contender.

    Attributes:
        across: What the horizontal axis shows.
        up: What the vertical axis shows.
        lines: Points (x, y) by contender.
        logarithmic: Both axes in powers of two and ten.
    """

    across: str
    up: str
    lines: Mapping[str, Sequence[tuple[float, float]]]
    logarithmic: bool = False


def panels(*shown: Panel) -> bytes:
    """Panels side by side as a PNG picture; a contender has the same colour in all of them."""
    figure, axes = _figure(len(shown), width=7)
    colours = {name: f"C{number}" for number, name in enumerate(dict.fromkeys(n for one in shown for n in one.lines))}
    for panel, place in zip(shown, axes, strict=True):
        for name, points in panel.lines.items():
            place.plot(*zip(*points, strict=True), marker="o", color=colours[name], label=name)
        if panel.logarithmic:
            place.set_xscale("log", base=2)
            place.set_yscale("log")
        place.set_xlabel(panel.across)
        place.set_ylabel(panel.up)
        place.grid(alpha=0.3)
        place.legend()
    return _png(figure)


def _figure(panels: int, *, width: float) -> tuple[Any, Sequence[Any]]:
    """An empty figure for a file, and its axes from left to right, each so many inches wide."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, panels, figsize=(width * panels, 4.5), dpi=110, squeeze=False)
    return figure, list(axes[0])


def _png(figure: Any) -> bytes:
    """The figure as PNG; it is closed."""
    from matplotlib import pyplot

    figure.tight_layout()
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    pyplot.close(figure)
    return picture.getvalue()


def _smooth(values: Sequence[float]) -> list[float]:
    """Exponential moving average, without the pull of the first value (bias-corrected)."""
    smoothed, mean = [], 0.0
    for count, value in enumerate(values, start=1):
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * value
        smoothed.append(mean / (1 - _SMOOTHING**count))
    return smoothed
