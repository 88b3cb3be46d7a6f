"""Where the packages are installed from, for people to whom a model was given. They are not on PyPI yet."""

from __future__ import annotations

_REPOSITORY = "git+https://github.com/spanbert/spanbert"
_SOURCES = {"spanbert": _REPOSITORY, "spanbert-runtime": f"{_REPOSITORY}#subdirectory=wheels/runtime"}


def install_command(package: str, extra: str = "") -> str:
    """The command that installs a package, which any machine understands.

    Args:
        package: `spanbert` or `spanbert-runtime`.
        extra: One of its extras.
    """
    return f"pip install '{package}{f'[{extra}]' if extra else ''} @ {_SOURCES[package]}'"
