"""Index profiles: which of the declared indexes a database has, and how full its pages are written.

``faithful`` is the guide's set and the default; ``lean`` is what the statements of an LMS were
measured to need. An index says in its ``info`` if only one profile has it, a table which fillfactor
a profile gives it. ``create_all`` makes the guide's.
"""

from collections.abc import Iterable

from sqlalchemy import Index, Table

from lmsschema.names import FAITHFUL, PROFILES

#: The columns that a learner updates all the time, by table. If an index has one of them, each such
#: update writes a new entry into every index of the table.
HOT = {
    "users": ("last_active_at",),
    "enrollments": ("last_accessed_at", "progress_percentage", "total_time_spent"),
    "section_progress": ("time_spent", "interaction_count", "last_accessed_at"),
    "lesson_progress": ("completion_percentage", "sections_completed", "total_time_spent"),
    "learning_sessions": ("session_end", "total_duration", "active_duration", "interactions_count"),
}


def has(index: Index, profile: str) -> bool:
    """Whether a profile has an index: one that names no profile is in all."""
    return profile in index.info.get("profiles", PROFILES)


def indexes(table: Table, profile: str) -> list[Index]:
    """Return the indexes of a table that a profile has, by their names."""
    found = [index for index in table.indexes if has(index, profile)]
    return sorted(found, key=lambda index: str(index.name))


def having(index: Index) -> tuple[str, ...]:
    """Return the profiles that have an index."""
    return tuple(profile for profile in PROFILES if has(index, profile))


def fillfactor(table: Table, profile: str) -> int | None:
    """Return how full the pages of a table are written, in percent; None: PostgreSQL's default."""
    wanted: dict[str, int] = table.info.get("fillfactor", {})
    return wanted.get(profile)


def listen(tables: Iterable[Table]) -> None:
    """Have ``create_all`` leave out the indexes that the default profile does not have."""
    for table in tables:
        for index in table.indexes:
            if not has(index, FAITHFUL):
                index.ddl_if(callable_=_never)


def _never(*_: object, **__: object) -> bool:
    return False
