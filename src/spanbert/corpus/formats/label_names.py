"""What numbers in a column of tags stand for, as data sets of Hugging Face state it beside their rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from spanbert.core.errors import InputError
from spanbert.core.files import read_json

_METADATA = b"huggingface"
_INFO_FILES = ("dataset_info.json", "dataset_infos.json")


def stated_names(given: str) -> tuple[str, ...]:
    """The names that a user gives: separated by commas, or a file with one a line, in the order of the numbers.

    Raises:
        InputError: None, one twice, or one alone that is no file.
    """
    path = Path(given)
    if given.strip() and "," not in given and not path.is_file():
        expected = "O,B-PER,I-PER or a file with one a line"
        raise InputError(
            "neither names with commas between nor a file", where="--label-names", got=given, expected=expected
        )
    parts = path.read_text(encoding="utf-8").splitlines() if path.is_file() else given.split(",")
    names = tuple(part.strip() for part in parts if part.strip())
    if not names or len(set(names)) < len(names):
        what = "a label named twice" if names else "no names of labels"
        raise InputError(what, where="--label-names", got=given, expected="O,B-PER,I-PER or a file with one a line")
    return names


def names_in_schema(schema: Any, column: str) -> tuple[str, ...] | None:
    """The names that an Arrow schema's metadata states for a column; None where it states none."""
    stated = (schema.metadata or {}).get(_METADATA)
    if stated is None:
        return None
    try:
        features = json.loads(stated)["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return None
    return names_of_feature(features.get(column)) if isinstance(features, Mapping) else None


def names_beside(file: Path, column: str) -> tuple[str, ...] | None:
    """The names that `dataset_info.json` or the head of `README.md` states, in the file's folder or the one above.

    Args:
        file: A file of the data set.
        column: The column of the tags.

    Raises:
        InputError: Several configurations of the data set name them in different ways.
    """
    for folder in (file.absolute().parent, file.absolute().parent.parent):
        found = {names for features in _features_in(folder) if (names := names_of_feature(features.get(column)))}
        if len(found) > 1:
            raise InputError(
                "the configurations of this data set name the labels in different ways",
                where=str(folder),
                got=" and ".join(", ".join(names[:4]) + " ..." for names in sorted(found)),
                remedy="State them with --label-names",
            )
        if found:
            return found.pop()
    return None


def _features_in(folder: Path) -> Iterator[Mapping[str, Any]]:
    """The features of each configuration that the files of a folder describe."""
    infos: list[Any] = []
    for name in _INFO_FILES:
        if (folder / name).is_file():
            content = read_json(folder / name)
            plain = isinstance(content, Mapping) and "features" in content
            infos += [content] if plain else list(content.values()) if isinstance(content, Mapping) else []
    card = folder / "README.md"
    if card.is_file():
        stated = _head(card.read_text(encoding="utf-8", errors="replace")).get("dataset_info")
        infos += stated if isinstance(stated, list) else [stated]
    for info in infos:
        features = info.get("features") if isinstance(info, Mapping) else None
        if isinstance(features, list):  # as cards write them: a list of {name, sequence: {class_label: ...}}
            features = {one["name"]: one for one in features if isinstance(one, Mapping) and "name" in one}
        if isinstance(features, Mapping):
            yield features


def _head(card: str) -> Mapping[str, Any]:
    """The YAML between the first two lines of `---`."""
    lines = card.splitlines()
    if not lines or lines[0].strip() != "---":
        return {}
    end = next((number for number, line in enumerate(lines[1:], start=1) if line.strip() == "---"), 0)
    try:
        head = yaml.safe_load("\n".join(lines[1:end]))
    except yaml.YAMLError:
        return {}
    return head if isinstance(head, Mapping) else {}


def names_of_feature(feature: Any) -> tuple[str, ...] | None:
    """The names in the description of a column, whichever way it is written; None where it has none.

    `{"feature": {"names": [...], "_type": "ClassLabel"}, "_type": "List"}` in JSON, in YAML
    `{"sequence": {"class_label": {"names": {"0": "O", "1": "B-PER"}}}}`.
    """
    if isinstance(feature, list) and len(feature) == 1:
        return names_of_feature(feature[0])
    if not isinstance(feature, Mapping):
        return None
    names = feature.get("names")
    if isinstance(names, Mapping) and all(str(key).isdecimal() for key in names):
        names = [names[key] for key in sorted(names, key=lambda key: int(str(key)))]
    if isinstance(names, list) and names:
        return tuple(map(str, names))
    inner = ("feature", "sequence", "list", "class_label", "dtype")
    return next((found for key in inner if (found := names_of_feature(feature.get(key)))), None)


def class_label_metadata(schema: Any, column: str, names: tuple[str, ...]) -> dict[bytes, bytes] | None:
    """The metadata by which `datasets` knows the names of a column; None where it cannot describe a column.

    Args:
        schema: The Arrow schema.
        column: The column of numbers.
        names: What they stand for.
    """
    features = {field.name: _feature(field.type) for field in schema}
    features[column] = {"feature": {"names": list(names), "_type": "ClassLabel"}, "_type": "Sequence"}
    if None in features.values():
        return None
    return {_METADATA: json.dumps({"info": {"features": features}}).encode()}


def _feature(kind: Any) -> dict[str, Any] | None:
    import pyarrow

    if pyarrow.types.is_list(kind):
        inner = _feature(kind.value_type)
        return None if inner is None else {"feature": inner, "_type": "Sequence"}
    known = {"string": "string", "int64": "int64", "double": "float64", "bool": "bool"}
    return {"dtype": known[str(kind)], "_type": "Value"} if str(kind) in known else None
