"""Files that are either whole or absent: atomic writes, checksums, one writer at a time."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from spanbert.core.errors import InputError
from spanbert.core.exchange import exchanged

_DESCRIPTOR = re.compile(r"/(?:dev|proc/(?P<process>self|[0-9]{1,10}))/fd/(?P<number>[0-9]{1,9})")
_LEFTOVER = re.compile(r"(\..+\.)[0-9a-f]{8}\.tmp")
_STANDARD = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_MOST_LINKS = 40
_NAME_KEPT = 50  # characters of a name in that of its temporary file


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
    """Writes a small file so that a reader sees the old content or the new, never a part; see `file_written_whole`."""
    with _bytes_written_whole(path) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def file_written_whole(path: Path) -> Iterator[TextIO]:
    """A stream into a temporary file that becomes `path` when the block ends without an error, and else is removed.

    A file that is replaced keeps its mode and owner; a new one gets what the process's umask leaves. Links are
    followed, missing folders made. Devices, pipes and open descriptors (`/dev/stdout`) are written to as they are.

    Args:
        path: The file.
    """
    with _bytes_written_whole(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="\n", write_through=True)
        try:
            yield text
        finally:
            text.detach()


@contextmanager
def _bytes_written_whole(path: Path) -> Iterator[BinaryIO]:
    descriptor = open_descriptor(path)
    if descriptor is not None or is_special(path):
        with path.open("wb") if descriptor is None else os.fdopen(os.dup(descriptor), "wb") as stream:
            yield stream
        return
    target = real_path(path)
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(target)
    try:
        with temporary.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            _take_mode_and_owner(temporary, target.stat())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_file(target.parent)


def _take_mode_and_owner(path: Path, like: os.stat_result) -> None:
    own = path.stat()
    if (own.st_uid, own.st_gid) != (like.st_uid, like.st_gid):
        with suppress(PermissionError):  # only the superuser gives files away
            os.chown(path, like.st_uid, like.st_gid)
    path.chmod(stat.S_IMODE(like.st_mode))


def real_path(path: Path) -> Path:
    """The absolute path without links, as far as it exists."""
    return Path(os.path.realpath(path))  # `resolve` fails where links go in a circle


def is_special(path: Path) -> bool:
    """Whether something is there, or at the end of a link, that is neither a regular file nor a directory."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def open_descriptor(path: Path) -> int | None:
    """The number of the process's own descriptor that a path or a link names, as `/dev/stdout` does; None: no such."""
    for _ in range(_MOST_LINKS):
        name = os.path.normpath(path.absolute())
        if name in _STANDARD:
            return _STANDARD[name]
        found = _DESCRIPTOR.fullmatch(name)
        if found and found["process"] in (None, "self", str(os.getpid())):
            return int(found["number"])
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None


def temporary_beside(target: Path) -> Path:
    """A free name beside a file or directory for what will replace it; `remove_leftovers` knows it again."""
    return target.with_name(f"{_temporary_prefix(target)}{secrets.token_hex(4)}.tmp")


def _temporary_prefix(target: Path) -> str:
    own = _LEFTOVER.fullmatch(target.name)
    if own is not None:  # what lies beside a temporary one is swept with it
        return own[1]
    return f".{target.name[:_NAME_KEPT]}."  # a name may be as long as the file system takes


def remove_leftovers(target: Path) -> None:
    """Removes what writers of a file or directory left beside it when they were killed.

    Args:
        target: What they wrote; the caller is the only writer now.
    """
    target = real_path(target)
    for path in list(target.parent.iterdir()) if target.parent.is_dir() else ():
        if path.name.startswith(_temporary_prefix(target)) and is_leftover(path):
            remove(path)


def remove_leftovers_in(folder: Path) -> None:
    """Removes what writers of anything in a folder left there when they were killed; the caller is the only one now."""
    for path in list(folder.iterdir()) if folder.is_dir() else ():
        if is_leftover(path):
            remove(path)


def is_leftover(path: Path) -> bool:
    """Whether a path is named as what a writer leaves when it is killed."""
    return _LEFTOVER.fullmatch(path.name) is not None


def remove(path: Path) -> None:
    """Removes a file or link, or a directory with everything in it, where there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


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
def directory_written_whole(target: Path, *, last: str | None = None, replace: bool = False) -> Iterator[Path]:
    """A temporary directory that becomes `target` when the block ends without an error, and else is removed.

    A new target appears by one rename. Where the target is a directory already, see `move_into_place`.

    Args:
        target: The directory to make or to update.
        last: Name of the manifest.
        replace: Nothing else that was in the target stays.
    """
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(target)
    temporary.mkdir()
    try:
        yield temporary
        for path in temporary.rglob("*"):
            sync_file(path)
        sync_file(temporary)
        move_into_place(temporary, target, last=last, replace=replace)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def move_into_place(finished: Path, target: Path, *, last: str | None = None, replace: bool = False) -> None:
    """Gives a finished directory its name.

    Where the target is a directory already that is to be replaced, the two change places in one step. Where they
    cannot, or other files of the target stay, the new files replace its files of the same names one by one.

    Args:
        finished: Beside the target, synced; may be a directory still, with what was replaced, for the caller to remove.
        target: Not a link.
        last: The file that is moved last: a manifest with checksums, so that a reader can tell whether all arrived.
        replace: Nothing else that was in the target stays.
    """
    if target.is_dir() and replace:
        _take_mode_and_owner(finished, target.stat())
    if target.is_dir() and not (replace and exchanged(finished, target)):
        names = sorted((entry.name for entry in finished.iterdir()), key=lambda name: (name == last, name))
        for path in list(target.iterdir()) if replace else ():
            if path.name not in names:
                remove(path)
        for name in names:
            if (target / name).is_dir() or (finished / name).is_dir():
                remove(target / name)
            (finished / name).replace(target / name)
        sync_file(target)
    elif not target.is_dir():
        finished.rename(target)
    sync_file(target.parent)


def copy_into(source: Path, folder: Path) -> None:
    """Copies what is in a directory into another one; the first file that cannot be written ends it.

    Args:
        source: Where from.
        folder: Where to; made where it is not there.

    Raises:
        OSError: As the system said it, unlike the list of all failures that `shutil.copytree` raises.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        if path.is_dir():
            copy_into(path, folder / path.name)
        else:
            shutil.copyfile(path, folder / path.name)


@contextmanager
def only_writer(target: Path) -> Iterator[None]:
    """Holds a lock on `target` (a path that need not exist yet) while the block runs.

    What earlier writers left beside it when they were killed is removed first.

    Raises:
        InputError: Another process holds it.
    """
    if open_descriptor(target) is not None or is_special(target):
        yield  # nothing is replaced there
        return
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    lock = _lock_of(target)
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
            remove_leftovers(target)
            yield
        finally:
            lock.unlink(missing_ok=True)


def is_being_written(target: Path) -> bool | None:
    """Whether a process holds the lock of `only_writer`; changes nothing.

    Returns:
        None: A lock is there, and no process of this machine holds it: its writer was killed, or runs elsewhere.
    """
    try:
        stream = _lock_of(target.resolve()).open("rb")
    except FileNotFoundError:
        return False
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return None


def _lock_of(target: Path) -> Path:
    return target.parent / f".{target.name}.lock"
