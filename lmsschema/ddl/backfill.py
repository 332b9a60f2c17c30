"""A column that a trigger fills, filled in the rows that were there before the trigger.

Locks: ROW EXCLUSIVE on the table, as every UPDATE; of the rows, those of one batch at a time. A row
that somebody else has locked is not waited for: it is tried again after the others.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import psycopg
from psycopg import errors, sql

from lmsschema.database.queries import query
from lmsschema.database.quoting import identifier
from lmsschema.ddl.rules import Rule
from lmsschema.deadline import Deadline
from lmsschema.errors import LockTimeoutError
from lmsschema.locks.context import Context, Progress

#: The rows of one transaction: other writers of these wait for some tenths of a second at most.
_BATCH = 100

_LEFT = sql.SQL("SELECT count(*) FROM {table} WHERE {column} IS NULL{where}")
_ANY_LEFT = sql.SQL("SELECT EXISTS (SELECT FROM {table} WHERE {column} IS NULL{where})")
_NEXT = sql.SQL(
    "SELECT id FROM {table} WHERE {column} IS NULL{where}"
    " AND (%(last)s::UUID IS NULL OR id > %(last)s)"
    " ORDER BY id LIMIT %(batch)s FOR NO KEY UPDATE SKIP LOCKED"
)
_FILL = sql.SQL("UPDATE {table} SET {column} = {column} WHERE id = ANY(%(keys)s)")
_FILL_ALL = sql.SQL(
    "-- lint: ignore unbatched-write: upgrade writes in batches\n"
    "UPDATE {table}\nSET {column} = {column}\nWHERE {column} IS NULL{where}"
)


@dataclasses.dataclass(frozen=True)
class Backfill:
    """A column whose rows with NULL are written once, as they are, so that the trigger fills them.

    Attributes:
        table: The table; its key is ``id``, a UUID.
        column: The column, which the trigger never leaves NULL in these rows.
        where: Which rows; "" for all.
    """

    table: str
    column: str
    where: str = ""

    def __str__(self) -> str:
        return f"values of {self.table}.{self.column}"

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether the column is there, and none of the rows has NULL in it."""
        columns = conn.execute(query("ddl/columns"), {"table": self.table}).fetchall()
        if self.column not in {name for name, *_ in columns}:
            return False
        return conn.execute(self._of(_ANY_LEFT)).fetchone() == (False,)

    def rules(self, conn: psycopg.Connection) -> Sequence[Rule]:  # noqa: ARG002  as every step's
        """Return none."""
        return []

    def apply(self, context: Context) -> None:
        """Fill what is left, batch by batch.

        Raises:
            LockTimeoutError: Rows stayed locked for too long; the others are filled.
        """
        with context.database.transaction(read_only=True) as conn:
            row = conn.execute(self._of(_LEFT)).fetchone()
        total, filled = row[0] if row else 0, 0
        deadline = Deadline(context.patience.total, longest=2.0)
        while True:
            before = filled
            for number in self._fill(context):
                filled += number
                context.tell(Progress(f"filling {self}", min(filled, total), total))
            with context.database.transaction(read_only=True) as conn:
                if self.done(conn):
                    return
            if filled > before:
                deadline = Deadline(context.patience.total, longest=2.0)
            elif deadline.expired:
                raise LockTimeoutError(
                    f"other transactions keep rows of {self.table} locked: "
                    f"not all {self} are filled",
                    hint="lmsschema doctor names old transactions. Run the command again once they "
                    "have ended: what was done is in place.",
                )
            deadline.pause()

    def statements(self) -> list[str]:
        """Return it as one statement."""
        return [self._of(_FILL_ALL).as_string()]

    def _fill(self, context: Context) -> Iterator[int]:
        """Yield how many rows each batch has filled; rows that others have locked are left out."""
        last = None
        while True:
            try:
                with context.database.transaction(lock_timeout=context.patience.longest) as conn:
                    batch = {"last": last, "batch": _BATCH}
                    keys = [key for (key,) in conn.execute(self._of(_NEXT), batch)]
                    if not keys:
                        return
                    conn.execute(self._of(_FILL), {"keys": keys})
            except (errors.LockNotAvailable, errors.DeadlockDetected):
                return
            last = keys[-1]
            yield len(keys)

    def _of(self, statement: sql.SQL) -> sql.Composed:
        return statement.format(
            table=identifier(self.table),
            column=identifier(self.column),
            where=sql.SQL(f" AND ({self.where})" if self.where else ""),
        )
