"""Which files the user meant, and their bytes: plain, gzip, bzip2 or zstd, line by line, with the line number."""

from __future__ import annotations

import bz2
import glob
import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar, cast

from spanbert.core.errors import InputError
from spanbert.core.files import file_written_whole, is_special, parse_json
from spanbert.corpus.io.limits import bounded_lines, longest_line, read_whole, too_long

COMPRESSED = (".gz", ".bz2", ".zst")
OnBroken = Callable[[InputError], None]
MadeT = TypeVar("MadeT")


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One file to read.

    Attributes:
        path: Where it is.
        name: Its name in document ids: relative to the folder that the user gave, so that ids outlive a move.
    """

    path: Path
    name: str

    @property
    def kind(self) -> str:
        """The suffix that decides the format: `.txt` of `a.txt.gz`, `.xml` of a dump's `a.xml-p10p30302.bz2`."""
        suffixes = [suffix.lower().partition("-")[0] for suffix in self.path.suffixes]
        while suffixes and suffixes[-1] in COMPRESSED:
            suffixes.pop()
        return suffixes[-1] if suffixes else ""


def require_file(path: Path) -> None:
    """Refuses what is not a file that can be read again and again.

    Raises:
        InputError: Nothing there, a folder, or a pipe or device.
    """
    if path.is_dir():
        raise InputError("a folder, where a file is read", where=str(path), remedy="Name a file in it")
    if is_special(path):
        raise InputError(
            "a pipe or device, where a file is read", where=str(path), remedy="Write what it gives to a file first"
        )
    if not path.is_file():
        raise InputError("no such file", where=str(path))


def require_data(path: Path) -> None:
    """Refuses what is neither a file nor a folder.

    Raises:
        InputError: It is not there.
    """
    if not path.is_dir():
        require_file(path)


def require_plain(target: Path, *, option: str = "") -> None:
    """Refuses to write a file that its name says is compressed.

    Args:
        target: The file.
        option: The text before its name in the message.

    Raises:
        InputError: It is.
    """
    if target.suffix.lower() in COMPRESSED:
        raise InputError("compressed files are not written", where=f"{option}{target}", remedy="Leave the suffix out")


def readable(make: Callable[[], MadeT], on_broken: OnBroken | None) -> Iterator[MadeT]:
    """Yields what `make` returns for one record of a file; nothing where it fails and `on_broken` takes the error.

    Raises:
        InputError: `make` failed, and there is no `on_broken`.
    """
    try:
        made = make()
    except InputError as error:
        if on_broken is None:
            raise
        on_broken(error)
    else:
        yield made


def ignore_broken(error: InputError) -> None:
    """The `OnBroken` of readers that look at what can be used alone; others tell of the rest."""


def raise_broken(error: InputError) -> None:
    """The `OnBroken` of readers that end at the first record that cannot be used.

    Raises:
        InputError: The one that is passed.
    """
    raise error


def find_files(inputs: Sequence[str | Path], kinds: Sequence[str]) -> list[SourceFile]:
    """Expands files, folders (read recursively) and globs, in a stable order, each file once.

    Args:
        inputs: What the user gave.
        kinds: Suffixes that a reader exists for; a folder's other files are left alone, a file named by the user
            must be one of them.

    Raises:
        InputError: Nothing there, or no readable format.
    """
    found: dict[Path, SourceFile] = {}
    for item in map(str, inputs):
        path = Path(item).expanduser()
        if path.is_dir():
            inside = [
                SourceFile(path=file, name=f"{path.resolve().name}/{file.relative_to(path).as_posix()}")
                for file in sorted(path.rglob("*"))
                if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
            ]
            files = [file for file in inside if file.kind in kinds]
            if not files:
                raise InputError(
                    "no readable file in this folder", where=item, got=f"{len(inside)} files", expected=", ".join(kinds)
                )
        else:
            if is_special(path):
                require_file(path)
            matches = [path] if path.exists() else [Path(match) for match in sorted(glob.glob(item, recursive=True))]
            files = [SourceFile(path=match, name=match.name) for match in matches if match.is_file()]
            if not files:
                raise InputError("no such file, folder or pattern", where=item)
            for file in files:
                if file.kind not in kinds:
                    raise InputError(
                        "no reader for this kind of file",
                        where=str(file.path),
                        got=file.kind or "no suffix",
                        expected=", ".join(kinds) + ", plain, .gz, .bz2 or .zst",
                    )
        for file in files:
            found.setdefault(file.path.resolve(), file)
    return list(found.values())


@dataclass
class ByteCounter:
    """How many bytes of the files on disk have been read, for progress bars."""

    done: int = 0


def open_bytes(path: Path) -> tuple[IO[bytes], IO[bytes]]:
    """Opens a file for reading, decompressed by its suffix.

    Returns:
        The stream of content, and the raw stream below it, whose position counts bytes on the disk.
    """
    raw = path.open("rb")
    opener: dict[str, Callable[[IO[bytes]], IO[bytes]]] = {
        ".gz": lambda stream: cast(IO[bytes], gzip.GzipFile(fileobj=stream)),
        ".bz2": lambda stream: cast(IO[bytes], bz2.BZ2File(stream)),
        ".zst": _open_zstd,
    }
    suffix = path.suffix.lower()
    return (opener[suffix](raw) if suffix in opener else raw), raw


def _open_zstd(stream: IO[bytes]) -> IO[bytes]:
    import pyarrow

    return cast(IO[bytes], io.BufferedReader(pyarrow.CompressedInputStream(stream, "zstd")))


def read_lines(
    file: SourceFile,
    counter: ByteCounter,
    *,
    longest: int | None = None,
    on_long: OnBroken | None = None,
    cut: bool = False,
) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers from 1, without line ends; memory is bounded by the longest line.

    Args:
        file: Plain or compressed.
        counter: Counts the bytes that were read.
        longest: Bytes of the longest line; None: see `limits.longest_line`.
        on_long: Called with the error of each line that is longer, which is then left out; None: it is raised.
        cut: Give the beginning of such a line instead.

    Raises:
        InputError: A line that is longer, or a compressed file that is damaged or cut short; names file and line.
    """
    most = longest_line() if longest is None else longest
    content, raw = open_bytes(file.path)
    number = 0
    base = counter.done
    with raw, content:
        try:
            for line, whole in bounded_lines(content, most):
                number += 1
                if not (whole or cut):
                    error = too_long("a line", f"{file.path}:{number}", most)
                    if on_long is None:
                        raise error
                    on_long(error)
                    continue
                if number % 64 == 0:
                    counter.done = base + raw.tell()
                yield number, line.rstrip(b"\r\n")
        except (EOFError, zlib.error, gzip.BadGzipFile, OSError) as error:
            if file.path.suffix.lower() not in COMPRESSED:
                raise
            raise InputError(
                "the compressed file is damaged or cut short",
                where=f"{file.path}:{number + 1}",
                got=str(error),
                remedy="Fetch or compress it again",
            ) from None
        counter.done = base + file.path.stat().st_size


def decode_line(line: bytes, where: str, *, first: bool) -> str:
    """Decodes one line as UTF-8, dropping a byte order mark at the start of a file.

    Raises:
        InputError: Not UTF-8, or binary.
    """
    if first and line[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError("UTF-16 text", where=where, expected="UTF-8", remedy="Convert it: iconv -f UTF-16 -t UTF-8")
    if b"\0" in line:
        raise InputError("a binary file, not text (NUL byte)", where=where, got=repr(line[:16]), expected="UTF-8 text")
    try:
        return line.decode("utf-8-sig" if first else "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            "not UTF-8",
            where=where,
            got=f"byte 0x{line[error.start]:02x} in column {error.start + 1}",
            expected="UTF-8 text",
            remedy="Convert it with iconv (or, with prepare, leave such lines out: --on-error skip)",
        ) from None


def text_lines(file: SourceFile, counter: ByteCounter | None = None) -> Iterator[tuple[int, str]]:
    """The lines of a file as text, with their numbers from 1.

    Raises:
        InputError: Not UTF-8, or a compressed file that is damaged; names file and line.
    """
    for number, raw in read_lines(file, counter or ByteCounter()):
        yield number, decode_line(raw, f"{file.path}:{number}", first=number == 1)


def json_lines(
    file: SourceFile, make: Callable[[Any, str, str], MadeT], expected: str, on_broken: OnBroken | None
) -> Iterator[MadeT]:
    """What is made of the JSON value of each line that is not blank.

    Args:
        file: Plain or compressed.
        make: Of a value, a name for it, and its place for messages.
        expected: What a line should be, for messages.
        on_broken: See `readable`.

    Raises:
        InputError: Not UTF-8, not JSON, or nothing can be made of it; names file and line.
    """

    def made(raw: bytes, number: int) -> MadeT:
        where = f"{file.path}:{number}"
        value = parse_json(decode_line(raw, where, first=number == 1), where, expected)
        return make(value, f"{file.name}:{number}", where)

    for number, raw in read_lines(file, ByteCounter(), on_long=on_broken):
        if raw.strip():
            yield from readable(partial(made, raw, number), on_broken)


def write_lines(target: Path, lines: Iterable[str]) -> None:
    """Writes a file of lines, whole or not at all.

    Args:
        target: The file.
        lines: Without line ends; in memory one by one.
    """
    with file_written_whole(target) as stream:
        stream.writelines(f"{line}\n" for line in lines)


def whole_text(path: Path, most: int | None = None) -> str:
    """The text of a file, plain or compressed, or of its beginning.

    Args:
        path: The file.
        most: Bytes to read at most; what is not UTF-8 is then no error.

    Raises:
        InputError: Not UTF-8, or a compressed file that is damaged.
    """
    content, raw = open_bytes(path)
    with raw, content:
        try:
            data = read_whole(content, str(path)) if most is None else content.read(most)
            return data.decode("utf-8-sig", "replace" if most else "strict")
        except UnicodeDecodeError as error:
            raise InputError("not UTF-8 text", where=str(path), got=f"byte {error.start}") from None
        except (EOFError, zlib.error, OSError) as error:
            raise InputError("the compressed file is damaged or cut short", where=str(path), got=str(error)) from None
