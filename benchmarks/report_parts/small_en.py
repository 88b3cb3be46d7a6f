"""The packaged English model: scores beside spaCy's small one, blanks, the curve of its pre-training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from report_parts.text import measured_with, table
from report_parts.training import curve_tables

_MAIN = {"entities": "f1", "parts of speech": "accuracy", "clusters": "conll_f1", "sentiment": "accuracy",
         "questions": "f1", "relations": "micro_f1"}  # fmt: skip


def small_en(result: dict[str, Any]) -> str:
    scores, peers, speed, size = (result[key] for key in ("scores", "scores_of_peer", "speed", "bytes"))
    rates = speed["words_a_second"]
    sides = {"small-en": scores["tests"], "small-en, int8": result.get("scores_of_int8", {}), "en_core_web_sm": peers}
    rows = [
        [name, *(_shown(sides[side].get(name), _MAIN[name.split(",")[0]]) for side in rates)]
        for name in scores["tests"]
    ]
    rows += [
        ["words a second, entities and parts of speech", *(f"{rates[name]['median']:,.0f}" for name in rates)],
        ["megabytes", *(f"{size[name] / 1e6:.0f}" for name in rates)],
    ]
    ratio = speed["ratio"]
    text = scores["text"]
    return "\n\n".join([
        "## small-en, beside spaCy's small English model",
        f"The model in `models/small-en`, on test data that nothing was chosen by, and {result['peer']}, its types mapped "
        "to ours in the way that suits it best. Main scores with 95% intervals.",
        table(["test data", *rates], rows),
        f"From raw text, both in turn, 5 rounds: small-en reads {ratio['median']:.2f} times as many words "
        f"({ratio['min']:.2f} to {ratio['max']:.2f}){_of_int8(speed)}.",
        f"Hidden pieces of the held-out documents of enwiki_core: {text['mlm_accuracy']:.1%} right from context, "
        f"{text['sbo_accuracy']:.1%} from the borders, {text['exact_match']:.1%} of whole spans. The blanks, a list that was "
        "written before training:",
        table(["text", "rank of a right word", "the three best"], list(_blanks(scores["blanks"]))),
        "The third of the four stages of its pre-training, the first on all texts, in segments of 128:",
        *curve_tables(result["run"], "small_en"),
        measured_with(result),
    ])  # fmt: skip


def _of_int8(speed: dict[str, Any]) -> str:
    if "ratio_int8" not in speed:
        return ""
    ratio = speed["ratio_int8"]
    return f", in int8 (onnxruntime) {ratio['median']:.2f} times ({ratio['min']:.2f} to {ratio['max']:.2f})"


def _shown(found: dict[str, Any] | None, key: str) -> str:
    if found is None:
        return "-"
    low, high = found["interval"][key]
    return f"{100 * found[key]:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def _blanks(blanks: list[dict[str, Any]]) -> Iterator[list[str]]:
    for one in blanks:
        yield [one["text"], "not among 10" if one["rank"] is None else str(one["rank"]), ", ".join(one["first"])]
