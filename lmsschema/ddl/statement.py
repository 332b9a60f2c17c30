"""A statement as it is printed for a DBA: with the lock that it takes, and how long it waits."""

import dataclasses
from collections.abc import Iterable, Iterator

from psycopg import sql

from lmsschema.database.quoting import identifier

BRIEFLY = "ACCESS EXCLUSIVE, for a moment: reads and writes wait"
OTHER_BRIEFLY = "ACCESS EXCLUSIVE, for a moment, on the table referred to as well: reads wait"
INDEX_BRIEFLY = "ACCESS EXCLUSIVE, for a moment, on the index: plans for the partition wait"
WRITES_WAIT = "SHARE ROW EXCLUSIVE, for a moment: writes wait"
BOTH_WAIT = "SHARE ROW EXCLUSIVE, for a moment, on both tables: writes wait"
EMPTY_INDEX = "SHARE, for a moment: writes wait"
UNNOTICED = "SHARE UPDATE EXCLUSIVE: reads and writes go on"
DOMAIN_READ = "SHARE, while they are read, on the tables with such a column: writes wait"
ENDS_DETACH = "ACCESS EXCLUSIVE, for a moment, on the partition: its reads and writes wait"
NO_TABLE = "none on a table"

#: The linter allows one such statement a revision, unless the revision can be run again.
OUTSIDE_A_TRANSACTION = (
    "-- lint: ignore second-non-transactional: done or not is seen in the catalogs\n"
)


@dataclasses.dataclass(frozen=True)
class LockedStatement:
    """A statement without its semicolon, and the lock that it takes."""

    sql: str
    lock: str

    @property
    def lock_timeout(self) -> str:
        """How long it should wait for its lock: not long where others queue behind it."""
        return "10min" if self.lock in {UNNOTICED, NO_TABLE} else "2s"

    def data(self) -> dict[str, str]:
        """Return it for ``--json``."""
        return {"sql": self.sql, "lock": self.lock, "lock_timeout": self.lock_timeout}


def locked(lock: str, text: str, *parts: sql.Composable) -> LockedStatement:
    """Return a statement; ``text`` is a constant with a place for each of the parts."""
    return LockedStatement(sql.SQL(text).format(*parts).as_string(), lock)


def with_timeouts(
    statements: Iterable[LockedStatement], before: str = "", *, locks: bool = False
) -> Iterator[str]:
    """Yield the statements, and before each that needs another lock timeout its setting.

    Args:
        statements: In their order.
        before: The lock timeout that is set already.
        locks: Say in a comment before each statement which lock it takes.
    """
    for one in statements:
        if one.lock_timeout != before:
            before = one.lock_timeout
            yield f"SET lock_timeout TO '{before}';"
        if locks:
            yield f"-- lock: {one.lock}"
        yield f"{one.sql};"


def qualified(schema: str | None, name: str) -> sql.Composable:
    """Return the name of a table, index or type, with its schema's unless that is None."""
    if schema is None:
        return identifier(name)
    return sql.SQL("{}.{}").format(identifier(schema), identifier(name))
