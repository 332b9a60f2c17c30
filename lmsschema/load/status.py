"""Which sources were loaded, and how far."""

import dataclasses
from datetime import datetime
from uuid import UUID

from lmsschema.database.queries import query
from lmsschema.load.write import Counts
from lmsschema.locks.context import Context


@dataclasses.dataclass(frozen=True)
class LoadSource:
    """A source that was loaded, perhaps not to its end.

    Attributes:
        name: Its name.
        format: Its format.
        position: The bytes that are loaded.
        line: The lines that are loaded.
        counts: Numbers of lines by what became of them.
        begun_at: When it was first loaded.
        finished_at: When its end was reached; None: it was not.
    """

    name: str
    format: str
    position: int
    line: int
    counts: Counts
    begun_at: datetime
    finished_at: datetime | None


def read(context: Context, institution: UUID) -> list[LoadSource]:
    """Return the sources that were loaded for an institution, oldest first."""
    with context.database.transaction(read_only=True) as conn:
        rows = conn.execute(query("load/sources"), {"institution": institution}).fetchall()
    return [
        LoadSource(name, form, position, line, Counts(counts), begun, finished)
        for name, form, position, line, counts, begun, finished in rows
    ]
