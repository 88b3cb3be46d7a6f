"""The scores of a task on a file, as a dictionary that people can read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spanbert.core.in_lines import InLines
from spanbert.scores.scorer import figure_lines

_LABELS = 40


class Evaluation(InLines, dict[str, Any]):
    """What `evaluate` found; Python shows it as the command line does."""

    @property
    def lines(self) -> list[str]:
        """The main of it for people."""
        return list(self._all_lines())

    def _all_lines(self) -> Iterator[str]:
        yield f"{self['task']} ({self['kind']}) on {self['data']}"
        yield from (f"  {line}" for line in figure_lines(self))
        by_label = self.get("by_label", {})
        for label, figures in list(by_label.items())[:_LABELS]:
            shown = "  ".join(f"{name} {figures[name]:.4f}" for name in ("f1", "precision", "recall"))
            yield f"    {label:<20} {shown}  gold {figures['gold']}"
        if len(by_label) > _LABELS:
            yield f"    and {len(by_label) - _LABELS} more labels; by_label has all (--json)"
        yield f"  {self['signature']}"
        yield from (f"  warning: {one}" for one in self.get("warnings", ()))
        if "compared" in self:
            yield from self._comparison()

    def _comparison(self) -> Iterator[str]:
        other = self["compared"]
        low, high = other["interval"]
        yield (
            f"  {self['main']} minus that of {other['with']} ({other['score']:.4f}): {other['difference']:+.4f}, "
            f"95% interval {low:+.4f} to {high:+.4f}, p = {other['p_value']:.4f} over {other['units']:,} units"
        )
        for name, test in other.get("test", {}).items():
            yield (
                f"  {name}: {test['difference']:+.2f}, p = {test['p_value']:.4f} by sacreBLEU's paired bootstrap test "
                f"({test['signature']})"
            )
