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


@dataclasses.dataclass(frozen=True)
class LoadStatus:
    """What was loaded.

    Attributes:
        sources: The sources, oldest first.
        waiting: How many sessions wait to be computed, of all institutions.
    """

    sources: tuple[LoadSource, ...]
    waiting: int


def read(context: Context, institution: UUID) -> LoadStatus:
    """Return what was loaded for an institution."""
    with context.database.transaction(read_only=True) as conn:
        rows = conn.execute(query("load/sources"), {"institution": institution}).fetchall()
        waiting = conn.execute("SELECT count(DISTINCT session_id) FROM dirty_sessions").fetchone()
    sources = tuple(
        LoadSource(name, form, position, line, Counts(counts), begun, finished)
        for name, form, position, line, counts, begun, finished in rows
    )
    return LoadStatus(sources, int(waiting[0]) if waiting else 0)
