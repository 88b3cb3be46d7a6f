"""What a JSON file must hold before any of it is used: schemas, and errors that name file and key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from spanbert.core.errors import InputError
from spanbert.core.files import read_json


class Schema(BaseModel):
    """The base of what a file must hold: the types are exact (no "3" for 3), and keys that are not named may be there.

    Keys of newer versions are thus read over.
    """

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)


SchemaT = TypeVar("SchemaT", bound=Schema)


def _inside(name: str) -> str:
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\\" in name or not name.isprintable():
        raise ValueError("a path that stays inside the directory")
    return name


def _whole_number(name: str) -> str:
    if not (name.isascii() and name.isdecimal()):
        raise ValueError("a number")
    return name


FileName = Annotated[str, AfterValidator(_inside)]  # below the directory of the file that names it
TaskName = Annotated[str, Field(pattern=r"\A[A-Za-z][A-Za-z0-9_-]*\z")]
NumberName = Annotated[str, AfterValidator(_whole_number)]  # a number that is the name of a directory
Count = Annotated[int, Field(ge=0)]


class FileEntry(Schema):
    """What is noted of a file, to tell later whether it is whole."""

    bytes: Count
    sha256: str = Field(pattern=r"\A[0-9a-f]{64}\z")


def checked(schema: type[SchemaT], value: Any, where: str, *, key: str = "") -> SchemaT:
    """A value as its schema has it.

    Args:
        schema: What it must hold.
        value: What was read.
        where: The file, for messages.
        key: The key of the file that the value is under, for messages.

    Raises:
        InputError: It does not fit; names the key.
    """
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        raise misfit(error, where, key=key) from None


def read_checked(schema: type[Schema], path: Path) -> dict[str, Any]:
    """The JSON object of a file, all of it, once it is known to hold what its schema names.

    Raises:
        InputError: Missing, not JSON, or it does not fit.
    """
    facts: dict[str, Any] = read_json(path)
    checked(schema, facts, str(path))
    return facts


def misfit(error: ValidationError, where: str, *, key: str = "", names: Mapping[str, str] | None = None) -> InputError:
    """The first thing that a value does not fit its schema by, in one line.

    Args:
        error: What pydantic found.
        where: The file.
        key: The key of the file that the value is under.
        names: What the file calls fields of the schema that have other names there.
    """
    first = error.errors(include_url=False)[0]
    parts = ([key] if key else []) + [(names or {}).get(str(part), str(part)) for part in first["loc"]]
    place = ".".join(part for part in parts if part != "[key]")
    if first["type"] == "missing":
        return InputError(f"no {place!r}", where=where)
    if not place and first["type"] in ("model_type", "dict_type"):
        return InputError("not a JSON object", where=where, got=type(first["input"]).__name__)
    if not place:
        return InputError("values that do not fit together", where=where, got=_said(first))
    return InputError(f"bad value for {place!r}", where=where, got=repr(first["input"]), expected=_said(first))


def _said(error: Any) -> str:
    return (
        str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should be ").removeprefix("String should ")
    )
