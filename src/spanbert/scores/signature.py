"""How figures were computed, in one line that can be compared and quoted with them.

The idea is sacreBLEU's (Post 2018, A Call for Clarity in Reporting BLEU Scores, section 4).
"""

from __future__ import annotations

from spanbert import __version__


def signature(*, task: str, **facts: str | int | float | None) -> str:
    """Facts of a scoring as `spanbert:0.1.0|task:tag|scheme:BIO|repair:conlleval`.

    Args:
        task: What was scored; always first, after the version.
        **facts: What else decides the figures, written in the order given; None is left out, a truth value is written
            as `yes` or `no`.

    Raises:
        ValueError: A value holds one of the characters that divide facts, `|` and `:`.
    """
    parts = [f"spanbert:{__version__}"]
    for name, value in {"task": task, **facts}.items():
        if value is None:
            continue
        written = ("no", "yes")[value] if isinstance(value, bool) else str(value)
        if "|" in written or ":" in written:
            raise ValueError(f"a signature cannot hold {name}={written!r}: '|' and ':' divide its facts")
        parts.append(f"{name}:{written}")
    return "|".join(parts)
