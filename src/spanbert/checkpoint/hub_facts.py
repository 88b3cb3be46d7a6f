"""What a model card tells the Hugging Face hub, in the YAML at its head: licence, languages, task, scores."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from spanbert.checkpoint.bundle import BundleFiles
from spanbert.core.errors import InputError

LIBRARY = "spanbert"
CARD = "README.md"
LICENCES = (
    "apache-2.0", "mit", "afl-3.0", "artistic-2.0", "bsl-1.0", "bsd", "bsd-2-clause", "bsd-3-clause",
    "bsd-3-clause-clear", "c-uda", "cc", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0",
    "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0",
    "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cdla-sharing-1.0",
    "cdla-permissive-1.0", "cdla-permissive-2.0", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1", "eupl-1.2",
    "agpl-3.0", "gfdl", "gpl", "gpl-2.0", "gpl-3.0", "isc", "lgpl", "lgpl-2.1", "lgpl-3.0", "lppl-1.3c", "mpl-2.0",
    "ms-pl", "ncsa", "odbl", "odc-by", "ofl-1.1", "openrail", "openrail++", "osl-3.0", "pddl", "postgresql",
    "unlicense", "wtfpl", "zlib",
)  # fmt: skip
"""Licences that the hub knows by name; it takes `other` for the rest, with a name and an address."""

_HEAD = re.compile(r"\A---\n(.*?)^---[ \t]*\n", flags=re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Result:
    """Scores of a task, for the hub's index.

    Attributes:
        task: What the hub calls such tasks.
        title: What the task is called here.
        data: What it was scored on.
        figures: The hub's name of a figure, ours, the value.
    """

    task: str
    title: str
    data: str
    figures: Sequence[tuple[str, str, float]]


@dataclass(frozen=True, kw_only=True)
class HubFacts:
    """The head of a card.

    Attributes:
        title: Name of the model.
        tags: For searching.
        licence: In words; see `licence_id`.
        languages: ISO 639 codes.
        base_model: The hub id of the model that training began with.
        datasets: Hub ids of the data.
        pipeline_tag: What the hub calls the task.
        results: Scores.
    """

    title: str
    tags: Sequence[str]
    licence: str | None = None
    languages: Sequence[str] = ()
    base_model: str | None = None
    datasets: Sequence[str] = ()
    pipeline_tag: str | None = None
    results: Sequence[Result] = ()

    def as_yaml(self) -> str:
        """The head between its two lines of dashes; what is not known is left out."""
        from huggingface_hub import EvalResult, ModelCardData

        found = [
            EvalResult(
                task_type=result.task,
                task_name=result.title,
                dataset_type=self.datasets[0] if self.datasets else "custom",
                dataset_name=result.data,
                metric_type=metric,
                metric_name=name,
                metric_value=round(value, 4),
            )
            for result in self.results
            for metric, name, value in result.figures
        ]
        data = ModelCardData(
            library_name=LIBRARY,
            tags=list(self.tags),
            language=list(self.languages) or None,
            base_model=self.base_model,
            datasets=list(self.datasets) or None,
            metrics=list(dict.fromkeys(one.metric_type for one in found)) or None,
            pipeline_tag=self.pipeline_tag,
            model_name=self.title if found else None,
            eval_results=found or None,
        )
        for key, value in licence_facts(self.licence).items():
            data[key] = value
        return f"---\n{data.to_yaml().strip()}\n---"


def licence_id(text: str | None) -> str | None:
    """The hub's name of the licence that a statement begins with: `cc-by-sa-3.0` of "CC BY-SA 3.0, their authors"."""
    if text is None:
        return None
    first = re.split(r"[,;:(]", text, maxsplit=1)[0].strip().lower()
    name = re.sub(r"[\s_-]+", "-", first.removeprefix("the ").removesuffix(" licence").removesuffix(" license"))
    name = {"cc0": "cc0-1.0", "apache-license-2.0": "apache-2.0", "apache-2": "apache-2.0"}.get(name, name)
    return name if name in LICENCES else None


def licence_facts(text: str | None) -> dict[str, str]:
    """The keys of a head that say a licence; none where none is stated."""
    if text is None:
        return {}
    known = licence_id(text)
    return {"license": known} if known else {"license": "other", "license_name": _as_name(text)}


def head_of(card: str, where: str) -> dict[str, Any]:
    """What the head of a card says; empty where it has none.

    Raises:
        InputError: A head that is not YAML.
    """
    match = _HEAD.match(card)
    if match is None:
        return {}
    try:
        found = yaml.safe_load(match[1])
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"{where}:{mark.line + 2}" if mark is not None else where
        raise InputError("the head of the card is not YAML", where=line, got=str(error).splitlines()[0]) from None
    if not isinstance(found, dict):
        raise InputError("the head of the card says nothing", where=where, expected="lines such as license: mit")
    return found


def with_head(card: str, changes: Mapping[str, Any], where: str) -> str:
    """A card whose head says something else, or no longer says what is changed to None; the rest stays as it is.

    Raises:
        InputError: A head that is not YAML.
    """
    head = {key: value for key, value in {**head_of(card, where), **changes}.items() if value is not None}
    match = _HEAD.match(card)
    body = card if match is None else card[match.end() :]
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---\n{body}"


def inherited(files: BundleFiles) -> dict[str, Any]:
    """What a model passes on to those that are trained from it: `languages`, and the hub id of its own `base_model`."""
    data = files.manifest.get("data", {})
    languages = data.get("languages")
    card = files.path / CARD
    if languages is None and card.is_file():
        languages = _languages(card.read_text(encoding="utf-8", errors="replace"))
    return {"languages": list(languages or ()), "base_model": files.manifest.get("base_model")}


def _languages(card: str) -> list[str]:
    """Those that somebody's card states; a head that cannot be read states none."""
    try:
        stated = head_of(card, CARD).get("language", [])
    except InputError:
        return []
    return [str(one) for one in (stated if isinstance(stated, list) else [stated])]


def _as_name(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")
