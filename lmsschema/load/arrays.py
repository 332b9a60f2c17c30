"""The elements of a JSON array, each with its place and its bytes, as lines are."""

import json
import re
from collections.abc import Generator, Iterator
from typing import Any

from lmsschema.load.record import KEPT, Line

#: What is between elements; arrays within arrays, and several arrays, are read as one.
_BETWEEN = re.compile("[ \t\r\n,\\[\\]\xef\xbb\xbf]*")  # a byte order mark, too

# what a number is does not matter here: Python refuses some that are very long
_decode = json.JSONDecoder(strict=False, parse_int=str, parse_float=str).raw_decode

#: The longest literal, such as false: as near to the end one may be cut.
_NEAR = 12


class BrokenArrayError(Exception):
    """An array is no JSON from some byte on; the elements before are whole."""


def elements(
    chunks: Iterator[bytes], position: int, number: int, longest: int
) -> Generator[Line, None, None]:
    """Yield the elements of arrays.

    Bytes are taken for characters, one by one: what is between quotes does not matter here.

    Args:
        chunks: The bytes behind the position.
        position: The bytes that are left out.
        number: The elements that are left out.
        longest: Of an element of more bytes only the beginning is kept.

    Raises:
        BrokenArrayError: It is no JSON from some byte on.
    """
    text, at, more = "", 0, True
    while True:
        if at >= len(text) // 2:
            text, position, at = text[at:], position + at, 0
        begin = _end(text, at)
        try:
            end = _decode(text, begin)[1] if begin < len(text) else begin
            whole = end < len(text) or not more
        except json.JSONDecodeError as error:
            near = error.pos > len(text) - _NEAR or error.msg.startswith("Unterminated string")
            end, whole = begin, False
            if not (more and near and len(text) - begin <= 2 * longest):
                rest = text[begin:].encode("latin-1")
                where = position + begin
                yield Line(rest[:KEPT], number + 1, where, where, len(rest))
                raise BrokenArrayError(
                    f"it is no JSON, or too long, from byte {where} on"
                ) from error
        if whole:
            if end == begin:
                return
            raw = text[begin:end].encode("latin-1")
            number += 1
            kept = raw if len(raw) <= longest else raw[:KEPT]
            yield Line(kept, number, position + begin, position + end, len(raw))
            at = end
            continue
        read: list[bytes] = []
        wanted = len(text) - begin  # twice as much, so that a long element is not tried often
        while more and sum(map(len, read)) <= wanted:
            chunk: Any = next(chunks, None)
            more = chunk is not None
            read.append(chunk or b"")
        text += b"".join(read).decode("latin-1")


def _end(text: str, at: int) -> int:
    match = _BETWEEN.match(text, at)
    return at if match is None else match.end()
