"""Curves as pictures: PNG, or SVG that follows the reader's light or dark style."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

_POINTS = 500  # of a line: more are not seen, and would only make the file large
_COLOURS = ("#3b87c8", "#d9702b", "#3a9d5d", "#b05cc6")  # distinct from each other, from white and from black
_INK = "#000001"  # stands for the colour of the page's text until the picture is written
_INK_STYLE = (
    b"<defs><style>:root{color:#1a1a1a}@media (prefers-color-scheme:dark){:root{color:#e8e8e8}}</style></defs><defs>"
)
_VECTOR_STYLE: Any = {  # matplotlib types its keys as literals
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK),
    "font.family": "sans-serif",
    "font.size": 11,
    "svg.fonttype": "none",  # text stays text: sharp at any size, and small
    "svg.hashsalt": "spanbert",  # the same figures give the same bytes
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


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


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A score of one evaluation.

    Attributes:
        step: When it was taken.
        value: The score.
        interval: Its 95% interval, where one was computed.
    """

    step: int
    value: float
    interval: tuple[float, float] | None = None


def training_curve(steps: Sequence[int], losses: Sequence[float], rates: Sequence[float]) -> bytes:
    """Training loss over steps, raw and smoothed, above the learning rate, as an SVG picture.

    Args:
        steps: N steps, rising.
        losses: The loss of each.
        rates: The learning rate of each.
    """

    def draw(figure: Any) -> None:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        above.plot(*_thinned(steps, losses), color=_COLOURS[0], alpha=0.3, linewidth=1)
        above.plot(*_thinned(steps, _smooth(losses, memory=max(3.0, len(losses) / 20))), color=_COLOURS[0], linewidth=2)
        above.set_ylabel("loss (line: smoothed)")
        below.plot(*_thinned(steps, rates), color=_COLOURS[2])
        below.set_ylim(bottom=0)
        below.set_ylabel("rate")
        below.ticklabel_format(axis="y", style="sci", scilimits=(-3, 3))
        below.set_xlabel("step")

    return _drawing(draw, height=4.0)


def score_curve(
    scores: Mapping[str, Sequence[Scored]], *, best: int | None, up: str = "score on the dev data"
) -> bytes:
    """Scores over steps as an SVG picture; the first with a band for its interval.

    Args:
        scores: By name, the one that matters first.
        best: The step whose weights were kept; marked.
        up: What the vertical axis shows.
    """

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for number, (name, points) in enumerate(scores.items()):
            colour, steps = _COLOURS[number % len(_COLOURS)], [point.step for point in points]
            axes.plot(
                steps,
                [point.value for point in points],
                color=colour,
                marker="o" if number == 0 else ".",
                linewidth=2 if number == 0 else 1,
                label=name,
            )
            if number == 0:
                bounds = [point.interval or (point.value, point.value) for point in points]
                axes.fill_between(steps, *zip(*bounds, strict=True), color=colour, alpha=0.18, linewidth=0)
        if best is not None:
            axes.axvline(best, color=_INK, linestyle="--", linewidth=1, label=f"kept: step {best:,}")
        axes.set_xlabel("step")
        axes.set_ylabel(up)
        axes.legend(loc="best")

    return _drawing(draw, height=4.0)


def interval_chart(scores: Mapping[str, tuple[float, float, float]], *, across: str) -> bytes:
    """A score of each contender with its interval, one below the other, as an SVG picture.

    Args:
        scores: Value, low and high by contender, the first on top.
        across: What the score is.
    """

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for number, (name, (value, low, high)) in enumerate(scores.items()):
            place, colour = len(scores) - number, _COLOURS[number % len(_COLOURS)]
            axes.plot([low, high], [place, place], color=colour, linewidth=6, alpha=0.35, solid_capstyle="round")
            axes.plot([value], [place], color=colour, marker="o", markersize=9)
            axes.annotate(f"{name} {value:.3f}", (value, place), (0, 12), textcoords="offset points", ha="center")
        axes.set_ylim(0.5, len(scores) + 0.75)
        axes.set_yticks([])
        axes.margins(x=0.25)
        axes.set_xlabel(across)

    return _drawing(draw, height=0.8 + 0.8 * len(scores))


def reliability_diagram(bins: Sequence[Mapping[str, Any]]) -> bytes:
    """How often predictions of each confidence were right, above how many there were, as an SVG picture.

    Args:
        bins: `low`, `high`, `count`, mean `confidence` and `accuracy` of each bin that holds anything.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, figure 1.
    """

    def draw(figure: Any) -> None:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        left, widths = [one["low"] for one in bins], [one["high"] - one["low"] for one in bins]
        above.plot([0, 1], [0, 1], color=_INK, linestyle="--", linewidth=1, label="as sure as right")
        above.bar(left, [one["accuracy"] for one in bins], widths, align="edge", color=_COLOURS[0], alpha=0.35)
        points = [one["confidence"] for one in bins], [one["accuracy"] for one in bins]
        above.plot(*points, color=_COLOURS[0], marker="o", label="this model")
        above.set_ylim(0, 1.03)
        above.set_ylabel("share that was right")
        above.legend(loc="upper left")
        below.bar(left, [one["count"] for one in bins], widths, align="edge", color=_COLOURS[2], alpha=0.6)
        below.set_xlim(0, 1)
        below.set_ylabel("number")
        below.set_xlabel("how sure the model was")

    return _drawing(draw, height=4.6)


def _drawing(draw: Callable[[Any], None], *, height: float) -> bytes:
    """A picture as SVG, narrow enough for a phone; its ink follows the reader's light or dark style."""
    import matplotlib
    from matplotlib.figure import Figure

    picture = io.BytesIO()
    with matplotlib.rc_context(_VECTOR_STYLE):
        figure = Figure(figsize=(5.2, height), layout="constrained")
        draw(figure)
        figure.savefig(picture, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return picture.getvalue().replace(_INK.encode(), b"currentColor").replace(b"<defs>", _INK_STYLE, 1)


def _thinned(steps: Sequence[int], values: Sequence[float]) -> tuple[list[float], list[float]]:
    """At most `_POINTS` points of a line: means over stretches of equal length."""
    stretch = -(-len(values) // _POINTS)
    starts = range(0, len(values), stretch)
    return (
        [fmean(steps[start : start + stretch]) for start in starts],
        [fmean(values[start : start + stretch]) for start in starts],
    )


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


def _smooth(values: Sequence[float], *, memory: float = 10.0) -> list[float]:
    """Exponential moving average over about `memory` values, without the pull of the first (bias-corrected)."""
    smoothed, mean, kept = [], 0.0, 1 - 1 / memory
    for count, value in enumerate(values, start=1):
        mean = kept * mean + (1 - kept) * value
        smoothed.append(mean / (1 - kept**count))
    return smoothed
