"""Settings: pydantic models filled from YAML and dotted overrides, with errors that name file, line and nearest key.

Keys that people know from other programs (`learning_rate`) are read as what they are called here: see `core.habits`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from spanbert.core.errors import InputError, nearest
from spanbert.core.habits import setting_hint, setting_meant


class Config(BaseModel):
    """The base of every settings model: immutable, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    if not TYPE_CHECKING:  # type checkers know the keys from the fields

        def __init__(self, **values: Any) -> None:
            """The settings with these values; sections may be given as dictionaries.

            Raises:
                InputError: A key that does not exist (names the nearest), or a value that does not fit.
            """
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise self._explain(error, {}) from None

        # Without this mark pydantic would call __init__ for each section too, and errors would lose their keys.
        __init__.__pydantic_base_init__ = True

    @classmethod
    def of(cls, given: Self | Mapping[str, Any] | None) -> Self:
        """The settings that a caller of a Python function passed: as they are, or from a dictionary.

        Args:
            given: Settings; a dictionary of them, nested (`{"optim": {"lr": 3e-5}}`) or dotted (`{"optim.lr": 3e-5}`);
                None: the defaults.

        Raises:
            InputError: Neither, a key that does not exist, or a value that does not fit.
        """
        if isinstance(given, cls):
            return given
        if given is not None and not isinstance(given, Mapping):
            expected = f'{cls.__name__}, or a dictionary such as {{"optim.lr": 3e-5}}'
            raise InputError("not settings", where="config", got=type(given).__name__, expected=expected)
        return cls.assemble(base=given)

    @classmethod
    def assemble(
        cls,
        *,
        file: Path | None = None,
        overrides: Sequence[str] = (),
        base: Mapping[str, Any] | None = None,
        among: Collection[str] | None = None,
    ) -> Self:
        """Builds the settings: defaults, then `base`, then the YAML file, then the overrides.

        Args:
            file: A YAML mapping of sections.
            overrides: `section.key=value`, the value read as YAML.
            base: Values that the caller sets, in nested sections or by dotted keys.
            among: The dotted keys that other names may mean; None: all.

        Raises:
            InputError: A key that does not exist (names the nearest), or a value that does not fit.
        """
        values: dict[str, Any] = {}
        known = frozenset(cls.dotted_keys() if among is None else among)
        origin: dict[str, str] = {}
        cls._take(values, base or {}, known)
        if file is not None:
            loaded, lines = _read_yaml(file)
            cls._take(values, loaded, known)
            origin.update({cls._spelled(key, known): f"{file}:{line}" for key, line in lines.items()})
        for override in overrides:
            key, value = parse_override(override)
            cls._take(values, {key: value}, known)
            origin[cls._spelled(key, known)] = f"--set {override}"
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise cls._explain(error, origin, known) from None

    @classmethod
    def _take(cls, values: dict[str, Any], given: Mapping[str, Any], known: Collection[str]) -> None:
        """Puts values under the keys that theirs mean."""
        for key, value in _flat(given):
            nested: Any = value
            for part in reversed(cls._spelled(key, known).split(".")):
                nested = {part: nested}
            _merge(values, nested)

    @classmethod
    def _spelled(cls, key: str, known: Collection[str]) -> str:
        """The key that is meant by one that may be none."""
        is_known = key in known or any(one.startswith(f"{key}.") for one in known)
        return key if is_known else setting_meant(key, known) or key

    @classmethod
    def dotted_keys(cls) -> list[str]:
        """Every dotted key, such as `optim.lr`."""
        found = []
        for name, field in cls.model_fields.items():
            inner = field.annotation
            if isinstance(inner, type) and issubclass(inner, Config):
                found += [f"{name}.{key}" for key in inner.dotted_keys()]
            else:
                found.append(name)
        return found

    @classmethod
    def is_switch(cls, key: str) -> bool:
        """Whether a dotted key is of a setting that is on or off."""
        section, dot, rest = key.partition(".")
        found = cls.model_fields[section].annotation if section in cls.model_fields else None
        if not dot:
            return found is bool
        return isinstance(found, type) and issubclass(found, Config) and found.is_switch(rest)

    @classmethod
    def _explain(
        cls, error: ValidationError, origin: Mapping[str, str], known: Collection[str] | None = None
    ) -> InputError:
        first = error.errors()[0]
        parts = [str(part) for part in first["loc"]]
        key = ".".join(parts)
        where = next((origin[key[:n]] for n in range(len(key), 0, -1) if key[:n] in origin), None)
        if first["type"] == "extra_forbidden":
            keys = cls.dotted_keys() if known is None else known
            return InputError(f"unknown key {key!r}; {setting_hint(key, keys) or nearest(key, keys)}", where=where)
        return InputError(f"bad value for {key!r}", where=where, got=repr(first["input"]), expected=_said(first["msg"]))

    def to_yaml(self) -> str:
        """All the settings as YAML that `assemble` reads back unchanged."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


def _said(message: str) -> str:
    """What was expected, of a message of pydantic."""
    return message.removeprefix("Input should be ").removeprefix("Value error, ")


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values; an empty section is a value."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _merge(into: dict[str, Any], new: Mapping[str, Any]) -> None:
    for key, value in new.items():
        if isinstance(value, Mapping):
            inner = into.setdefault(key, {})
            if isinstance(inner, dict):
                _merge(inner, value)
                continue
        into[key] = value


def parse_override(override: str) -> tuple[str, Any]:
    """Key and value of `section.key=value`, the value read as YAML.

    Raises:
        InputError: Not of this form.
    """
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise InputError("not a setting", where=f"--set {override}", expected="section.key=value, e.g. optim.lr=3e-5")
    try:
        return key.strip(), yaml.safe_load(text)
    except yaml.YAMLError:
        raise InputError("the value is not YAML", where=f"--set {override}", got=repr(text)) from None


def _read_yaml(file: Path) -> tuple[dict[str, Any], dict[str, int]]:
    try:
        text = file.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        loaded = yaml.safe_load(text)
    except FileNotFoundError:
        raise InputError("no such settings file", where=str(file)) from None
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8 text", where=str(file), got=f"byte {error.start}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError("not valid YAML", where=f"{file}:{line}", got=str(error.problem)) from None
    except yaml.YAMLError as error:
        raise InputError("not valid YAML", where=str(file), got=str(error).splitlines()[0]) from None
    except OSError as error:
        raise InputError("cannot be read", where=str(file), got=str(error.strerror)) from None
    if loaded is None:
        return {}, {}
    if not isinstance(loaded, dict):
        raise InputError("not a mapping of settings", where=f"{file}:1", got=type(loaded).__name__)
    lines: dict[str, int] = {}

    def note_lines(mapping: Any, prefix: str) -> None:
        if isinstance(mapping, yaml.MappingNode):
            for key, value in mapping.value:
                lines[prefix + str(key.value)] = key.start_mark.line + 1
                note_lines(value, f"{prefix}{key.value}.")

    note_lines(node, "")
    return loaded, lines
