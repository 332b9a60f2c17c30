"""The index of a partitioned table dropped, with its parts on the partitions.

Locks:
  - ACCESS EXCLUSIVE on the table, its partitions and the index of each, for a moment: PostgreSQL
    has no CONCURRENTLY for it;
  - SHARE UPDATE EXCLUSIVE on a partition whose part an interrupted build has not attached: it is
    dropped before, while readers and writers go on.
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

    def apply(self, context: Context) -> None:
        """Drop it unless it is gone.

        Raises:
            UnsafeError: What has the name is not to be dropped.
            LockTimeoutError: The locks were not obtained in time.
        """
        with context.database.transaction(read_only=True) as conn:
            if self.done(conn):
                return
            left = self._not_attached(conn)
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

    def _not_attached(self, conn: psycopg.Connection) -> list[DropIndex]:
        """Return the drops of what an interrupted build of it has made on partitions."""
        whole = drop_index.read(conn, self.name)
        index = None if whole is None or whole.valid else whole.parsed
        if index is None:
            return []
        values = {"index": self.name, "table": self.table}
        rows = conn.execute(query("ddl/partition_indexes"), values).fetchall()
        left = []
        for partition in [partition for partition, _, attached, _ in rows if attached is None]:
            for name in dict.fromkeys(index.part_names(partition)):
                part = dataclasses.replace(index, name=name, table=partition)
                found = drop_index.read(conn, name)
                if found is not None and found.part_of is None and found.is_one(conn, part):
                    left.append(DropIndex(partition, name, part))
        return left


def removal(name: str, schema: str | None = None) -> sql.Composed:
    """Return the statement that drops the index of a partitioned table."""
    return sql.SQL("DROP INDEX {}").format(qualified(schema, name))
