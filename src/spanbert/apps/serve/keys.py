"""Keys that clients must have, from a file: a key a line, `#` comments, `NAME: KEY` to know clients by a name."""

from __future__ import annotations

import hashlib
import hmac
import logging
from pathlib import Path

from spanbert.core.errors import InputError

log = logging.getLogger("spanbert.serve")
_SHORTEST = 16


class Keys:
    """Known keys, as digests.

    Args:
        names: The name of the client of each key.
    """

    def __init__(self, names: dict[str, str]) -> None:
        self._names = [(_digest(key), name) for key, name in names.items()]

    @classmethod
    def read(cls, path: Path) -> Keys:
        """The keys of a file.

        Raises:
            InputError: None, one that could be guessed, or one that no header could carry.
        """
        names: dict[str, str] = {}
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            raise InputError("not a file of keys: it is no UTF-8", where=str(path)) from None
        for number, line in enumerate(lines, start=1):
            stated = line.strip()
            if not stated or stated.startswith("#"):
                continue
            before, colon, after = stated.partition(": ")
            name, key = (before.strip(), after.strip()) if colon else (f"key {number}", stated)
            if len(key) < _SHORTEST or not key.isascii() or ":" in key or any(one.isspace() for one in key):
                expected = f"NAME: KEY or KEY, of {_SHORTEST} ASCII characters or more without blanks and colons"
                remedy = "Make one: python -c 'import secrets; print(secrets.token_urlsafe())'"
                raise InputError("not a key", where=f"{path}:{number}", expected=expected, remedy=remedy)
            names[key] = name
        if not names:
            raise InputError("no keys", where=str(path), expected="a key a line")
        return cls(names)

    def client(self, authorization: str | None) -> str | None:
        """The name of the client with this header `Authorization`; None: it has no key.

        All keys are compared, in a time that says nothing of how much of one was right.
        """
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        given, found = _digest(key.strip()), None
        for digest, name in self._names:
            if hmac.compare_digest(digest, given):
                found = name
        return found


class KeyFile:
    """The keys of a file, as they were when it was last read.

    Args:
        path: The file.

    Raises:
        InputError: See `Keys.read`.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._keys = path, Keys.read(path)

    def client(self, authorization: str | None) -> str | None:
        """See `Keys.client`."""
        return self._keys.client(authorization)

    def read_again(self) -> None:
        """Takes the keys that the file has now; where it is broken, the old ones stay, and the log says so."""
        try:
            self._keys = Keys.read(self._path)
        except (InputError, OSError) as error:
            log.error("the keys were not read again, the old ones stay: %s", error)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
