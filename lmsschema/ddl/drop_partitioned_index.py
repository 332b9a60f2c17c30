"""The index of a partitioned table dropped, with its parts on the partitions.

Locks:
  - ACCESS EXCLUSIVE on the table, its partitions and the index of each, for a moment: PostgreSQL
    has no CONCURRENTLY for it;
  - SHARE UPDATE EXCLUSIVE on a partition that has a part of it which is not attached, left by an
    interrupted build or come back with a detached partition: it is dropped before, while readers
    and writers go on.
"""

import dataclasses

import psycopg
from psycopg import sql

from lmsschema.database.queries import query
from lmsschema.ddl import constraints, drop_index
from lmsschema.ddl.drop_index import DropIndex
from lmsschema.ddl.statement import qualified
from lmsschema.locks.context import Context


class DropPartitionedIndex(DropIndex):
    """An index that a partitioned table is not to have any more."""

    _kind = ("I", "its table has no partitions", "Use the step DropIndex.")

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether there is none; if it is known what it is, nor a part of it on a partition.

        Raises:
            UnsafeError: What has the name is not to be dropped.
        """
        return super().done(conn) and not self.left(conn)

    def apply(self, context: Context) -> None:
        """Drop it unless it is gone.

        Raises:
            UnsafeError: What has the name is not to be dropped.
            LockTimeoutError: The locks were not obtained in time.
        """
        with context.database.transaction(read_only=True) as conn:
            if self.done(conn):
                return
            left = self.left(conn)
        for part in left:
            part.apply(context)
        constraints.brief(
            context,
            lambda conn: [] if self.done(conn) else [self.statement()],
            what=f"drop index {self.name}",
            tables=[self.table],
            mode="ACCESS EXCLUSIVE",
        )

    def statement(self) -> sql.Composed:
        """Return the statement."""
        return removal(self.name)

    def statements(self) -> list[str]:
        """Return the SQL, for a table that has it, with all its parts."""
        return [
            "-- squawk-ignore require-concurrent-index-deletion\n" + self.statement().as_string()
        ]

    def left(self, conn: psycopg.Connection) -> list[DropIndex]:
        """Return the drops of its parts that are attached to nothing.

        An interrupted build has left them, or they came back with a partition that was detached.
        """
        index = self.expected
        if index is None:
            whole = drop_index.read(conn, self.name)
            index = None if whole is None or whole.valid else whole.parsed
        if index is None:
            return []
        found = conn.execute(query("ddl/loose_indexes"), {"table": self.table}).fetchall()
        parts = [(name, dataclasses.replace(index, table=table)) for table, name in found]
        return [
            DropIndex(part.table, name, part)
            for name, part in parts
            if part.may_name(part.table, name)
            and (one := drop_index.read(conn, name)) is not None
            and one.is_one(conn, part)
        ]


def removal(name: str, schema: str | None = None) -> sql.Composed:
    """Return the statement that drops the index of a partitioned table."""
    return sql.SQL("DROP INDEX {}").format(qualified(schema, name))
