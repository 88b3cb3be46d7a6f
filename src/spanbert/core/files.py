"""Files that are either whole or absent: atomic writes, checksums, one writer at a time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, cast

from spanbert.core.errors import InputError


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content in hexadecimal; reads the file once, in bounded memory."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sync_file(path: Path) -> None:
    """Forces a written file (or a directory's list of names) to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Writes a small file so that a reader sees the old content or the new, never a part."""
    data = content.encode() if isinstance(content, str) else content
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
        temporary = Path(stream.name)
        try:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    sync_file(path.parent)


@contextmanager
def file_written_whole(path: Path) -> Iterator[TextIO]:
    """A stream into a temporary file that becomes `path` when the block ends without an error, and else is removed."""
    with tempfile.NamedTemporaryFile(
        "w", dir=path.absolute().parent, prefix=f".{path.name}.", encoding="utf-8", newline="\n", delete=False
    ) as stream:
        temporary = Path(stream.name)
        try:
            yield cast(TextIO, stream)
            stream.flush()
            os.fsync(stream.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    sync_file(path.absolute().parent)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as readable JSON, atomically."""
    write_atomically(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        InputError: The file is missing, unreadable or not JSON; names file and line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError("no such file", where=str(path)) from None
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8 text", where=str(path), got=f"byte {error.start}") from None
    return parse_json(text, str(path), whole_file=True)


def parse_json(text: str, where: str, expected: str | None = None, *, whole_file: bool = False) -> Any:
    """The value of a text that is JSON.

    Args:
        text: The text.
        where: Its place, for messages.
        expected: What would have been right, for messages.
        whole_file: `where` is a file, whose broken line is named after it.

    Raises:
        InputError: Not JSON, half of a surrogate pair in it, or more digits or levels than Python reads.
    """
    try:
        value = json.loads(text)
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InputError(
            "half of a surrogate pair, which is not a character", where=where, expected="valid Unicode"
        ) from None
    except json.JSONDecodeError as error:
        place = f"{where}:{error.lineno}" if whole_file else where
        got = f"{error.msg} in column {error.colno}"
        raise InputError("not valid JSON", where=place, got=got, expected=expected) from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, nesting of thousands of levels
        raise InputError("JSON that cannot be read", where=where, got=str(error), expected=expected) from None
    return value


@contextmanager
def directory_written_whole(target: Path, *, last: str | None = None) -> Iterator[Path]:
    """A temporary directory that becomes `target` when the block ends without an error, and else is removed.

    A new target appears by one rename. Where the target is a directory already, the new files replace its files of
    the same names one by one and the rest of it stays; `last` then names the file that is moved last (a manifest
    with checksums, so that a reader can tell whether all arrived).

    Args:
        target: The directory to make or to update.
        last: Name of the manifest.
    """
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        yield temporary
        temporary.chmod(0o755)
        names = sorted((entry.name for entry in temporary.iterdir()), key=lambda name: (name == last, name))
        for path in temporary.rglob("*"):
            sync_file(path)
        if target.is_dir():
            for name in names:
                if (target / name).is_dir():
                    shutil.rmtree(target / name)
                (temporary / name).replace(target / name)
            sync_file(target)
        else:
            temporary.rename(target)
        sync_file(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def only_writer(target: Path) -> Iterator[None]:
    """Holds a lock on `target` (a path that need not exist yet) while the block runs.

    Raises:
        InputError: Another process holds it.
    """
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    lock = target.parent / f".{target.name}.lock"
    with lock.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not lock.exists() or lock.stat().st_ino != os.fstat(stream.fileno()).st_ino:
                raise BlockingIOError  # another process removed and recreated the file in between
        except BlockingIOError:
            raise InputError(
                "another process is writing here", where=str(target), remedy="Wait for it, or choose another --out"
            ) from None
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
