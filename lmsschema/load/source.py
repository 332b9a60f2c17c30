"""Files, folders, archives and standard input as lines or elements, each with its position.

Positions count uncompressed bytes. A compressed file can't be entered in the middle: it is read
again from its beginning, up to the position.
"""

import contextlib
import dataclasses
import hashlib
import importlib
import itertools
import sys
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

from lmsschema.errors import LmsschemaError, UsageError
from lmsschema.load import arrays
from lmsschema.load.record import KEPT, Line

STDIN = "-"

_CHUNK = 1 << 18
_GZIP, _ZIP, _ZSTD = b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_ENDS = "it ends before the end of its compressed data"


class IncompleteSourceError(Exception):
    """A compressed source ends early, or is damaged; the lines before that are whole."""


@dataclasses.dataclass(frozen=True)
class Source:
    """What lines are read from.

    Attributes:
        name: Its path; of a member of an archive with the member's name behind.
        digest: The SHA-256 of the file as it is stored, of a member of an archive with its name
            behind; "" for standard input, which can't be read twice.
        open: Opens it for reading.
    """

    name: str
    digest: str
    open: Callable[[], AbstractContextManager[BinaryIO]]


def find(paths: Iterable[str]) -> list[Source]:
    """Return the sources that paths name: of a folder and of an archive each file.

    Raises:
        UsageError: There is no such file, or it is compressed in a way that is not read.
    """
    found: list[Source] = []
    for text in paths:
        if text == STDIN:
            found.append(Source(STDIN, "", _standard_input))
            continue
        path = Path(text)
        if path.is_dir():
            files = sorted(
                one
                for one in path.rglob("*")
                if one.is_file()
                and not any(part.startswith(".") for part in one.relative_to(path).parts)
            )
            if not files:
                raise UsageError(f"folder {text} has no files")
            for file in files:
                found += _of_file(file)
        else:
            found += _of_file(path)
    return found


def _standard_input() -> BinaryIO:
    return open(sys.stdin.fileno(), "rb", closefd=False)


def _of_file(path: Path) -> list[Source]:
    """Return a file as a source; an archive as one for each member, in the order of their names."""
    try:
        with path.open("rb") as file:
            begin = file.read(4)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from error
    if begin == _ZSTD:
        _zstd()
    if begin != _ZIP:
        return [Source(str(path), digest, lambda: path.open("rb"))]
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted(one.filename for one in archive.infolist() if not one.is_dir())
    except zipfile.BadZipFile as error:
        raise UsageError(f"{path} is damaged: {error}") from error

    def opener(member: str) -> Callable[[], AbstractContextManager[BinaryIO]]:
        return lambda: _member(path, member)

    return [Source(f"{path}/{name}", f"{digest}/{name}", opener(name)) for name in members]


def _member(path: Path, name: str) -> AbstractContextManager[BinaryIO]:
    try:
        return zipfile.ZipFile(path).open(name)  # type: ignore[return-value]  # it reads bytes
    except (RuntimeError, NotImplementedError) as error:  # a password, or an unknown method
        raise LmsschemaError(
            f"{name} in {path} can't be read: {error}", hint="Unpack it, and load the folder."
        ) from error


def lines(source: Source, position: int, number: int, longest: int) -> Generator[Line, None, None]:
    """Yield the lines of a source after a position; the elements, if it begins with an array.

    Args:
        source: The source.
        position: The bytes to leave out; a line begins there.
        number: The lines to leave out.
        longest: Of a line of more bytes only the beginning is kept.

    Raises:
        IncompleteSourceError: It is compressed and ends early, or an array is broken.
    """
    with source.open() as file:
        chunks = _chunks(file)
        first = next(chunks, b"")
        after = _after(itertools.chain([first], chunks), position)
        if first.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"["):
            try:
                yield from arrays.elements(after, position, number, longest)
            except arrays.BrokenArrayError as error:
                raise IncompleteSourceError(str(error)) from error
            return
        rest = b""
        over = 0  # bytes of a line that is too long, which are not kept any more
        for chunk in after:
            data = rest + chunk if rest else chunk
            *whole, rest = data.split(b"\n")
            for raw in whole:
                number += 1
                length = len(raw) + over
                yield _line(raw, number, position, length, longest, breaks=1)
                position += length + 1
                over = 0
            if len(rest) + over > longest and len(rest) > KEPT:
                over += len(rest) - KEPT
                rest = rest[:KEPT]
        if rest:
            length = len(rest) + over
            yield _line(rest, number + 1, position, length, longest, breaks=0)


def _after(chunks: Iterable[bytes], position: int) -> Iterator[bytes]:
    """Yield the bytes after a position."""
    for chunk in chunks:
        if position < len(chunk):
            yield chunk[position:]
        position = max(position - len(chunk), 0)


def _line(
    raw: bytes, number: int, position: int, length: int, longest: int, *, breaks: int
) -> Line:
    end = position + length + breaks
    if length > longest:
        raw = raw[:KEPT]
    elif position == 0:
        raw = raw.removeprefix(_BYTE_ORDER_MARK)
    return Line(raw.removesuffix(b"\r"), number, position, end, length)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of a file, decompressed if they are compressed with gzip or zstd."""
    chunk = _read(file)
    if chunk.startswith(_GZIP):
        yield from _gunzip(file, chunk)
    elif chunk.startswith(_ZSTD):
        yield from _unzstd(file, chunk)
    else:
        while chunk:
            yield chunk
            chunk = _read(file)


def _gunzip(file: BinaryIO, chunk: bytes) -> Iterator[bytes]:
    decoder = zlib.decompressobj(wbits=31)
    while chunk:
        try:
            plain = decoder.decompress(chunk, _CHUNK)
        except zlib.error as error:
            raise IncompleteSourceError(str(error)) from error
        if plain:
            yield plain
        if decoder.eof:  # perhaps another one follows; zeros pad
            chunk = (decoder.unused_data or _read(file)).lstrip(b"\0")
            if chunk:
                decoder = zlib.decompressobj(wbits=31)
        else:
            chunk = decoder.unconsumed_tail or _read(file)
    if not decoder.eof:
        raise IncompleteSourceError(_ENDS)


def _unzstd(file: BinaryIO, chunk: bytes) -> Iterator[bytes]:
    zstd = _zstd()
    decoder = zstd.ZstdDecompressor()
    while True:
        try:
            plain = decoder.decompress(chunk, _CHUNK)
        except zstd.ZstdError as error:
            raise IncompleteSourceError(str(error)) from error
        if plain:
            yield plain
        chunk = b""
        if decoder.eof:
            chunk = decoder.unused_data or _read(file)
            if not chunk:
                return
            decoder = zstd.ZstdDecompressor()
        elif decoder.needs_input:
            chunk = _read(file)
            if not chunk:
                raise IncompleteSourceError(_ENDS)


def _zstd() -> Any:  # noqa: ANN401  a module of Python from 3.14 on
    for name in ("compression.zstd", "backports.zstd"):
        with contextlib.suppress(ModuleNotFoundError):
            return importlib.import_module(name)
    raise LmsschemaError(
        "to read files that are compressed with zstd, backports.zstd is needed, which is not"
        " installed",
        hint='Install it: pip install "lmsschema[load]"',
    )


def _read(file: BinaryIO) -> bytes:
    try:
        return file.read(_CHUNK)
    except (zlib.error, zipfile.BadZipFile, EOFError) as error:  # a member of an archive
        raise IncompleteSourceError(str(error)) from error
