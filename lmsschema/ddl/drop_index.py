"""An index dropped CONCURRENTLY.

Locks: SHARE UPDATE EXCLUSIVE on the table and the index: readers and writers go on, and the last of
them that may know the index is waited for. Interrupted, it leaves the index INVALID: the next run
drops that.
"""

import dataclasses
from typing import ClassVar, NoReturn

import psycopg
from psycopg import errors, rows, sql

from lmsschema.database.queries import query
from lmsschema.ddl.index_definition import IndexDefinition
from lmsschema.ddl.once import Once
from lmsschema.ddl.statement import OUTSIDE_A_TRANSACTION, qualified
from lmsschema.errors import LmsschemaError, UnsafeError
from lmsschema.locks import concurrently
from lmsschema.locks.context import Context

_ATTEMPTS = 3

_KINDS = {"r": "table", "p": "table", "f": "table", "v": "view", "m": "view", "S": "sequence"}


@dataclasses.dataclass(frozen=True)
class FoundIndex:
    """What has the name of an index: a row of ``ddl/indexes.sql``.

    Attributes:
        kind: PostgreSQL's letter for what it is; ``i``, or ``I`` for a partitioned table's index.
        table_name: Its table.
        valid: Whether queries use it.
        definition: Its CREATE INDEX in PostgreSQL's words.
        part_of: The partitioned table's index that it is a part of.
        constraint_name: A constraint that needs it.
        is_replica_identity: Whether its columns tell replicas which row is meant.
    """

    kind: str
    table_name: str | None
    valid: bool | None
    definition: str | None
    part_of: str | None
    constraint_name: str | None
    is_replica_identity: bool | None

    @property
    def parsed(self) -> IndexDefinition | None:
        """Its definition; None if no step makes such an index."""
        try:
            return IndexDefinition.parse(str(self.definition))
        except LmsschemaError:
            return None

    def is_one(self, conn: psycopg.Connection, wanted: IndexDefinition) -> bool:
        """Whether it is the index that a definition says."""
        found = self.parsed
        return found is not None and wanted.equals(conn, found)


def read(conn: psycopg.Connection, name: str) -> FoundIndex | None:
    """Return what has the name of an index; None if nothing has.

    Raises:
        UnsafeError: It is no index.
    """
    cursor = conn.cursor(row_factory=rows.class_row(FoundIndex))
    found = cursor.execute(query("ddl/indexes"), {"index": name}).fetchone()
    if found is not None and found.definition is None:
        raise UnsafeError(
            f"{name} is there already and is no index, but a {_KINDS.get(found.kind, 'type')}",
            hint="Nothing was changed by this step. Rename it, then run the command again.",
        )
    return found


@dataclasses.dataclass(frozen=True)
class DropIndex(Once):
    """An index that a table is not to have any more; this one is for a table without partitions.

    Attributes:
        table: Its table.
        name: Its name.
        expected: What it is; another one of the name is refused. None: whatever it is.
    """

    table: str
    name: str
    expected: IndexDefinition | None = None

    #: PostgreSQL's letter for the kind of index, and why one of the other kind is refused.
    _kind: ClassVar[tuple[str, str, str]] = (
        "i",
        "it has partitions",
        "Use the step DropPartitionedIndex.",
    )

    def __str__(self) -> str:
        return f"drop of index {self.name}"

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether there is none.

        Raises:
            UnsafeError: What has the name is not to be dropped.
        """
        found = read(conn, self.name)
        if found is None:
            return True
        kind, *other = self._kind
        if found.table_name != self.table:
            self._refuse(f"it is on {found.table_name}, not on {self.table}")
        if found.kind != kind:
            self._refuse(*other)
        if found.constraint_name is not None:
            self._refuse(
                f"constraint {found.constraint_name} needs it", "Drop the constraint instead."
            )
        if found.part_of is not None:
            self._refuse(f"it is a part of index {found.part_of}", "Drop that one instead.")
        if found.is_replica_identity:
            self._refuse(
                f"it is the replica identity of {self.table}, whose updates would fail",
                f"ALTER TABLE {self.table} REPLICA IDENTITY gives it another one.",
            )
        if self.expected is not None and not found.is_one(conn, self.expected):
            self._refuse(f"it is another one: {found.definition}")
        return False

    def _refuse(self, reason: str, hint: str = "Rename it, or drop it by hand.") -> NoReturn:
        raise UnsafeError(
            f"index {self.name} is not dropped: {reason}",
            hint=f"Nothing was changed by this step. {hint}",
        )

    def apply(self, context: Context) -> None:
        """Drop it unless it is gone.

        Raises:
            UnsafeError: What has the name is not to be dropped.
            LockTimeoutError: Old transactions did not end in time.
        """
        what = f"drop index {self.name}"
        statement = removal(self.name, context.database.schema)
        for _ in range(_ATTEMPTS):
            with context.database.transaction(read_only=True) as conn:
                if self.done(conn):
                    return
            concurrently.wait_for_builds(context, self.table, what)
            try:
                concurrently.run(context, statement, table=self.table, what=what, drops=True)
            except (errors.UndefinedObject, errors.UndefinedTable):
                continue  # somebody else has dropped it meanwhile

    def statement(self) -> sql.Composed:
        """Return the statement."""
        return removal(self.name)

    def statements(self) -> list[str]:
        """Return the SQL, for a table that has it."""
        return [OUTSIDE_A_TRANSACTION + self.statement().as_string()]


def removal(name: str, schema: str | None = None) -> sql.Composed:
    """Return the statement that drops an index while writers go on."""
    return sql.SQL("DROP INDEX CONCURRENTLY {}").format(qualified(schema, name))
