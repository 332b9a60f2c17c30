"""Storage parameters of a table, such as its fillfactor.

Locks: SHARE UPDATE EXCLUSIVE on the table, for a moment: readers and writers go on. Rows that are
there stay where they are: a fillfactor counts for pages that are filled from now on; VACUUM FULL
or pg_repack would write the others anew, which no step does.

A partitioned table is refused: PostgreSQL keeps parameters on each partition, and a new partition
takes none over. Name the partition.
"""

import dataclasses
from collections.abc import Mapping

import psycopg
from psycopg import sql

from lmsschema.database.queries import query
from lmsschema.database.quoting import identifier
from lmsschema.ddl import constraints
from lmsschema.ddl.once import Once
from lmsschema.errors import UnsafeError
from lmsschema.locks.context import Context

#: The one that PostgreSQL changes only while nobody reads.
_BLOCKING = "user_catalog_table"


@dataclasses.dataclass(frozen=True)
class StorageParameters(Once):
    """Storage parameters that a table is to have.

    Attributes:
        table: The table, which has no partitions.
        parameters: Each one's value; None: PostgreSQL's default.
    """

    table: str
    parameters: Mapping[str, str | float | bool | None]

    def __str__(self) -> str:
        return f"storage parameters of {self.table}"

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether it has them.

        Raises:
            UnsafeError: There is no such table, or it has partitions.
        """
        row = conn.execute(query("ddl/storage_parameters"), {"table": self.table}).fetchone()
        if row is None or row[0] not in "rp":
            raise UnsafeError(
                f"there is no table {self.table}",
                hint="The database is not what its revision says.",
            )
        if row[0] == "p":
            raise UnsafeError(
                f"{self.table} has partitions: PostgreSQL keeps {self} on each of them",
                hint="Name a partition; those that are made later have PostgreSQL's defaults.",
            )
        found = dict(one.split("=", 1) for one in row[1])
        wanted = {name: _text(value) for name, value in self.parameters.items()}
        return all(found.get(name) == value for name, value in wanted.items())

    def apply(self, context: Context) -> None:
        """Set them unless it is done.

        Raises:
            UnsafeError: There is no such table, or it has partitions.
            LockTimeoutError: Other DDL, or a vacuum, blocked it for too long.
        """
        with context.database.transaction(read_only=True) as conn:
            if self.done(conn):
                return
        constraints.brief(
            context,
            lambda conn: [] if self.done(conn) else [self.statement()],
            what=f"set {self}",
            tables=[self.table],
            mode="ACCESS EXCLUSIVE" if _BLOCKING in self.parameters else "SHARE UPDATE EXCLUSIVE",
        )

    def statement(self) -> sql.Composed:
        """Return the statement."""
        values = {name: _text(value) for name, value in self.parameters.items()}
        given = [
            sql.SQL("{} = {}").format(_name(name), sql.SQL(value))
            for name, value in values.items()
            if value is not None
        ]
        default = [_name(name) for name, value in values.items() if value is None]
        actions = [sql.SQL("SET ({})").format(sql.SQL(", ").join(given))] if given else []
        actions += [sql.SQL("RESET ({})").format(sql.SQL(", ").join(default))] if default else []
        return sql.SQL("ALTER TABLE {} {}").format(
            identifier(self.table), sql.SQL(", ").join(actions)
        )


def _text(value: str | float | bool | None) -> str | None:  # noqa: FBT001  what a parameter may be
    return None if value is None else str(value).lower()


def _name(name: str) -> sql.Composable:
    """Return a parameter's name; one of the TOAST table has two parts."""
    return sql.SQL(".").join(sql.SQL(part) for part in name.split("."))
