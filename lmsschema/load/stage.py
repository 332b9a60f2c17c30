"""The temporary table that the rows of a batch are copied into, in the text format of COPY."""

from collections.abc import Sequence
from datetime import datetime

import psycopg

from lmsschema.load.identity import References
from lmsschema.load.record import Line, Record

Row = tuple[Line, Record, References]

#: Time of an event of the same id that is there, and whether it is void.
Match = tuple[datetime, bool]

_PIECE = 1 << 18

_COPY = "COPY load_stage FROM STDIN"
_NULL = b"\\N"


def _row(
    number: int,
    row: Row,
    match: Match | None,
) -> bytes:
    """Return a row in the text format of COPY."""
    _, record, references = row
    return b"\t".join(
        (
            b"%d" % number,
            match[0].isoformat().encode() if match else _NULL,
            b"%032x" % record.id.int,
            *[_NULL if one is None else b"%032x" % one.int for one in references],
            escaped(record.type.encode()),
            record.category.encode(),
            escaped(record.action.encode()),
            escaped(record.context),
            escaped(record.data),
            b"%032x" % record.session.int,
            record.at.isoformat().encode(),
        )
    )


def escaped(value: bytes) -> bytes:
    """Return a value as the text format of COPY has it."""
    value = value.replace(b"\\", b"\\\\")
    for character, letter in ((b"\t", b"\\t"), (b"\n", b"\\n"), (b"\r", b"\\r")):
        if character in value:
            value = value.replace(character, letter)
    return value


def copy(conn: psycopg.Connection, rows: Sequence[Row], matches: Sequence[Match | None]) -> None:
    """Copy rows into the stage, which the transaction has made; they are numbered from 0."""
    with conn.cursor().copy(_COPY) as copy:
        piece: list[bytes] = []
        size = 0
        for number, (whole, match) in enumerate(zip(rows, matches, strict=True)):
            row = _row(number, whole, match)
            piece.append(row)
            size += len(row)
            if size >= _PIECE:
                copy.write(b"\n".join(piece) + b"\n")
                piece, size = [], 0
        if piece:
            copy.write(b"\n".join(piece) + b"\n")
