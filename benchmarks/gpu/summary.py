"""What was measured, in a few lines. Standard library alone: it is printed even where nothing else runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Results = Mapping[str, Mapping[str, Any]]


def summary(results: Results) -> list[str]:
    """Lines for a terminal.

    Args:
        results: By part.
    """
    lines = []
    for name, found in results.items():
        lines.append(f"{name:<10}{found.get('state', 'not run'):<8}{found.get('seconds', 0):>6.0f} s")
        lines += [f"    {line}" for line in _LINES.get(name, _nothing)(found)]
    return lines


def _nothing(found: Mapping[str, Any]) -> Iterator[str]:
    yield from ()


def _parity(found: Mapping[str, Any]) -> Iterator[str]:
    if "tests" in found:
        counts = ", ".join(f"{found[name]} {name}" for name in ("passed", "failures", "errors", "skipped"))
        yield counts + ("" if found.get("whole") else "; not all were run")
    yield from (f"{one['outcome']}: {one['name']}" for one in found.get("not_passed", ()))


def _pretrain(found: Mapping[str, Any]) -> Iterator[str]:
    for shape, result in found.get("shapes", {}).items():
        for side, one in result["sides"].items():
            speed = one.get("tokens_per_second_whole") or one.get("tokens_per_second_prepared")
            if speed is None:
                yield f"{shape:<11}{side:<11}{'failed' if 'error' in one else 'not measured'}"
                continue
            shares = [
                f"{one[f'mfu_prepared_{peak}']:.0%} of {words}"
                for peak, words in (("stated", "the stated peak"), ("product", "a large product"))
                if f"mfu_prepared_{peak}" in one
            ]
            memory = f"{one['peak_memory'] / 2**30:.0f} GiB" if one.get("peak_memory") else ""
            figures = ", ".join(filter(None, [f"{speed['median']:,.0f} tokens/s", *shares, memory]))
            yield f"{shape:<11}{side:<11}{figures}"
        if "ratio" in result:
            ratio, prepared = (result[name]["median"] for name in ("ratio", "ratio_prepared"))
            yield f"{shape:<11}{'ratio':<11}{ratio:.2f} ({prepared:.2f} with batches made before)"


def _finetune(found: Mapping[str, Any]) -> Iterator[str]:
    for where in ("device", "cpu"):
        trained, predicted = found.get(f"trained_on_{where}"), found.get(f"predicted_on_{where}")
        if predicted:
            speed, score = predicted["texts_per_second"], predicted["score"]
            yield f"{where:<8}{speed:,.0f} texts/s, {predicted['metric']} {score:.2%}"
        if trained:
            yield f"{where:<8}trained in {trained['seconds']:.1f} s, {trained['steps']} steps"


def _small(found: Mapping[str, Any]) -> Iterator[str]:
    for when in ("before", "after"):
        if when in found:
            yield f"{when:<8}MLM accuracy {found[when]['mlm_accuracy']:.1%}, loss {found[when]['mlm_loss']:.3f}"
    if "training" in found:
        one = found["training"]
        yield f"{one['tokens'] / 1e6:.1f} M tokens in {one['minutes']:.1f} min, {one['tokens_per_second']:,} tokens/s"


_LINES = {"parity": _parity, "pretrain": _pretrain, "finetune": _finetune, "small": _small}
