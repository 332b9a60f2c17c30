"""Rows of CSV files, each with its place and its bytes."""

import collections
import contextlib
import csv
import dataclasses
import io
from collections.abc import Iterator

from lmsschema.errors import UsageError
from lmsschema.load import source
from lmsschema.load.record import Line, Reject, RejectError
from lmsschema.load.source import Source

#: The fields of a row by the names of their columns.
Fields = dict[str, str]

#: A quoted field may have line breaks; a quote that nobody closes must not take the rest of a file.
_JOINED = 50

#: Bytes of a header at most.
_HEAD = 1 << 16


def rows(
    what: Source, longest: int, required: tuple[str, ...], secrets: tuple[str, ...] = ()
) -> Iterator[tuple[Line, Fields | Reject]]:
    """Yield the rows of a file below its header, or why one can't be read.

    Args:
        what: The file.
        longest: Bytes of a line at most.
        required: Columns that it must have.
        secrets: Columns whose values are left out, of the bytes too.

    Raises:
        IncompleteSourceError: It is compressed and ends early.
        UsageError: It has no such columns.
    """
    lines = source.lines(what, 0, 0, longest)
    names = _names(what, next(lines, None), required)
    hidden = [names.index(name) for name in secrets if name in names]
    waiting: collections.deque[Line] = collections.deque()
    while line := waiting.popleft() if waiting else next(lines, None):
        if not line.raw.strip():
            continue
        found = _parsed(line, names, longest)
        if isinstance(found, Reject) and line.raw.count(b'"') % 2:
            parts: list[Line] = []
            joined = line
            while len(parts) < _JOINED and joined.raw.count(b'"') % 2 and joined.length < longest:
                more = waiting.popleft() if waiting else next(lines, None)
                if more is None:
                    break
                parts.append(more)
                raw = joined.raw + b"\n" + more.raw
                joined = Line(raw, line.number, line.position, more.end, len(raw))
            whole = _parsed(joined, names, longest)
            if isinstance(whole, Reject):
                waiting.extendleft(reversed(parts))
            else:
                line, found = joined, whole
        if hidden:
            line = _without(line, names, hidden)
            if isinstance(found, Reject):
                found = dataclasses.replace(found, line=line)
        yield line, found


def parse(raw: bytes, names: list[str]) -> Fields:
    """Return the fields of a row.

    Raises:
        RejectError: It is no row of that file.
    """
    fields = _fields(raw)
    if len(fields) != len(names):
        raise RejectError("wrong_number_of_fields", f"{len(fields)} instead of {len(names)}")
    return dict(zip(names, map(str.strip, fields), strict=True))


def columns(what: Source, required: tuple[str, ...]) -> list[str]:
    """Return the names of a file's columns.

    Raises:
        UsageError: It has not those that are required.
    """
    with contextlib.closing(source.lines(what, 0, 0, _HEAD)) as lines:
        return _names(what, next(lines, None), required)


def _names(what: Source, head: Line | None, required: tuple[str, ...]) -> list[str]:
    try:
        names = [] if head is None else [name.strip() for name in _fields(head.raw)]
    except RejectError:
        names = []
    absent = [name for name in required if name not in names]
    if absent:
        raise UsageError(f"{what.name} has no column {', '.join(absent)}")
    return names


def _parsed(line: Line, names: list[str], longest: int) -> Fields | Reject:
    if line.length > longest:
        return Reject(line, "too_long", f"{line.length} bytes")
    try:
        return parse(line.raw, names)
    except RejectError as error:
        return Reject(line, error.reason, error.detail)


def _without(line: Line, names: list[str], hidden: list[int]) -> Line:
    """Return a line without some fields; of one that can't be read only the first field is left."""
    try:
        fields = next(csv.reader([line.raw.decode("latin-1")], strict=True), [])
    except csv.Error:
        fields = []
    if len(fields) != len(names):
        return dataclasses.replace(line, raw=line.raw.partition(b",")[0])
    if not any(fields[place] for place in hidden):
        return line
    for place in hidden:
        fields[place] = ""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(fields)
    return dataclasses.replace(line, raw=text.getvalue().encode("latin-1"))


def _fields(raw: bytes) -> list[str]:
    try:
        text = raw.decode()
        fields = next(csv.reader([text], strict=True), [])
    except UnicodeDecodeError as error:
        raise RejectError("not_utf8", f"byte {error.start} of the line") from None
    except csv.Error as error:
        raise RejectError("not_csv", str(error)) from None
    if "\0" in text:
        raise RejectError("nul")
    return fields
