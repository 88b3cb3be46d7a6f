"""Libraries that an installation may do without: what to install where one is wanted.

The same code is installed as `spanbert`, or without what trains as `spanbert-runtime`. Each can be given more libraries
by its extras; what `spanbert-runtime` cannot be given is in `spanbert`, which takes its place.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Literal

from spanbert.core.distribution import install_command
from spanbert.core.errors import InputError

Distribution = Literal["spanbert", "spanbert-runtime"]

# By the name that is imported, the extras of both that bring it; "": it is always there, None: no extra brings it.
OPTIONAL: dict[str, tuple[str, str | None]] = {
    "captum": ("explain", None),
    "ctranslate2": ("ctranslate2", "ctranslate2"),
    "datasets": ("hf", None),
    "fastapi": ("serve", "serve"),
    "ftfy": ("", None),
    "httptools": ("serve", "serve"),
    "jinja2": ("report", None),
    "matplotlib": ("report", None),
    "mwparserfromhell": ("wiki", None),
    "onnx": ("export", None),
    "onnxruntime": ("export", ""),
    "openvino": ("openvino", "openvino"),
    "prometheus_client": ("serve", "serve"),
    "py3langid": ("language", None),
    "pyarrow": ("", None),
    "ray": ("scale", None),
    "rjieba": ("zh", "zh"),
    "sacrebleu": ("translate", None),
    "scipy": ("", "scores"),
    "sklearn": ("", None),
    "spacy": ("spacy", None),
    "starlette": ("serve", "serve"),  # with fastapi
    "tensorboard": ("", None),
    "torch": ("", None),
    "transformers": ("hf", None),
    "uvicorn": ("serve", "serve"),
}


def installed_distribution() -> Distribution:
    """`spanbert-runtime` where that alone is installed, else `spanbert`."""
    for name in ("spanbert", "spanbert-runtime"):
        try:
            version(name)
        except PackageNotFoundError:
            continue
        return name
    return "spanbert"  # a source tree that is only on the path


def lacking(library: str) -> InputError:
    """What is told where an optional library is wanted and not installed.

    Args:
        library: The name that is imported, one of `OPTIONAL`.
    """
    return InputError(f"this needs the library {library}, which is not installed", remedy=how_to_get(library))


def lacking_of(error: ModuleNotFoundError) -> InputError:
    """What is told in place of an import that failed.

    Raises:
        ModuleNotFoundError: The given one: no optional library, but a fault of ours.
    """
    if error.name not in OPTIONAL:
        raise error
    return lacking(error.name)


def how_to_get(library: str) -> str:
    """The command that installs an optional library with what is installed here.

    Args:
        library: The name that is imported, one of `OPTIONAL`.
    """
    installed = installed_distribution()
    of_spanbert, of_runtime = OPTIONAL[library]
    extra = of_spanbert if installed == "spanbert" else of_runtime
    if extra is None:
        return f"{install_command('spanbert', of_spanbert)}, in an environment without spanbert-runtime"
    return install_command(installed, extra)


def require_library(library: str) -> None:
    """Refuses to go on without an optional library, which is not imported for that.

    Args:
        library: One of `OPTIONAL`.

    Raises:
        InputError: It is not installed.
    """
    if find_spec(library) is None:
        raise lacking(library)
