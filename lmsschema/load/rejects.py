"""Lines that could not be loaded: kept, counted, printed, tried again."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import psycopg

from lmsschema.database.queries import query
from lmsschema.errors import UsageError
from lmsschema.load.record import Reject
from lmsschema.locks.context import Context

#: So many rejected lines, and bytes of them, are read at once.
_LINES = 1_000
_BYTES = 4 << 20


def keep(
    conn: psycopg.Connection, institution: UUID, source: UUID, rejects: Sequence[Reject]
) -> None:
    """Keep rejected lines with the bytes that they have."""
    conn.execute(
        query("load/reject"),
        {
            "institution": institution,
            "source": source,
            "digests": [one.digest for one in rejects],
            "lines": [one.line.number for one in rejects],
            "positions": [one.line.position for one in rejects],
            "reasons": [one.reason for one in rejects],
            "details": [one.detail for one in rejects],
            "raws": [one.line.raw for one in rejects],
            "lengths": [one.line.length for one in rejects],
            "states": [one.state for one in rejects],
        },
    )


def left(context: Context, institution: UUID, sources: Sequence[UUID]) -> dict[str, int]:
    """Return numbers of lines of some sources that are still rejected, by reason."""
    values = {"institution": institution, "sources": list(sources)}
    with context.database.transaction(read_only=True) as conn:
        return dict(conn.execute(query("load/left"), values).fetchall())


@dataclasses.dataclass(frozen=True)
class Reason:
    """The rejected lines of one reason.

    Attributes:
        reason: The reason.
        number: How many lines there are.
        source: The name of the source of the first.
        line: Its number.
        position: The bytes before it.
        detail: What exactly is the matter with it.
    """

    reason: str
    number: int
    source: str
    line: int
    position: int
    detail: str


def summary(context: Context, institution: UUID, reason: str | None) -> list[Reason]:
    """Return the rejected lines by reason; only of one, if one is named."""
    values = {"institution": institution, "reason": reason}
    with context.database.transaction(read_only=True) as conn:
        return [Reason(*row) for row in conn.execute(query("load/rejects"), values)]


def export(context: Context, institution: UUID, reason: str | None, file: Path) -> int:
    """Write rejected lines as they are to a new file; return how many.

    Raises:
        UsageError: The file is there, or can't be written.
    """
    number = 0
    try:
        with file.open("xb") as output:
            for lines in kept(context, institution, reason, None):
                for _, _, raw in lines:
                    output.write(raw + b"\n")
                number += len(lines)
    except OSError as error:
        raise UsageError(f"{file} can't be written: {error.strerror}") from error
    return number


def kept(
    context: Context, institution: UUID, reason: str | None, form: str | None
) -> Iterator[list[tuple[bytes, UUID, bytes]]]:
    """Yield digest, source and bytes of rejected lines, not more at once than fit into memory.

    Args:
        context: The database.
        institution: The institution.
        reason: Only of this reason; None: of all, but for lines that are not kept as a whole.
        form: Only of sources of this format; None: of all.
    """
    after = b""
    while True:
        values = {
            "institution": institution,
            "reason": reason,
            "format": form,
            "after": after,
            "limit": _LINES,
            "bytes": _BYTES,
        }
        with context.database.transaction(read_only=True) as conn:
            found = conn.execute(query("load/rejected_lines"), values).fetchall()
        if not found:
            return
        yield found
        after = found[-1][0]
