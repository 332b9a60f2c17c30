"""A UNIQUE constraint made of an index that is built CONCURRENTLY.

Locks:
  - SHARE UPDATE EXCLUSIVE while the index is built: readers and writers go on;
  - ACCESS EXCLUSIVE for the moment in which it becomes the constraint's.
"""

import dataclasses
from collections.abc import Sequence

import psycopg
from psycopg import sql

from lmsschema.database.quoting import identifier
from lmsschema.ddl import constraints, definition
from lmsschema.ddl.index import Index
from lmsschema.ddl.rules import Rule
from lmsschema.errors import UnsafeError
from lmsschema.locks.context import Context


@dataclasses.dataclass(frozen=True)
class Unique:
    """A UNIQUE constraint.

    Attributes:
        name: The name of the constraint, and of its index.
        table: The table, which has no partitions.
        columns: Its columns: ``user_id, section_id``.
    """

    name: str
    table: str
    columns: str

    def __str__(self) -> str:
        return f"unique {self.name}"

    @property
    def index(self) -> Index:
        """The index that enforces it."""
        return Index(self.name, self.table, self.columns, unique=True)

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether the table has the constraint, with a valid index.

        Raises:
            UnsafeError: Another constraint or index has its name.
        """
        [own] = constraints.on_table(constraints.read(conn, self.table, [self.name]))
        if own.kind not in {None, "u"}:
            definition.refuse(
                f"constraint {self.name} of {self.table}",
                str(own.definition),
                f"UNIQUE ({self.columns})",
            )
        return own.kind == "u" and self.index.done(conn)

    def rules(self, conn: psycopg.Connection) -> Sequence[Rule]:
        """Return the rule that the table's rows are not known to keep."""
        return self.index.rules(conn)

    def apply(self, context: Context) -> None:
        """Do what is missing.

        Raises:
            UnsafeError: Rows break it, the table has partitions, or the name is another's.
            LockTimeoutError: Old transactions or locks blocked it for too long.
        """
        with context.database.transaction(read_only=True) as conn:
            [own] = constraints.on_table(constraints.read(conn, self.table, [self.name]))
            if own.is_partitioned:
                raise UnsafeError(
                    f"{self.table} has partitions: no unique index of it is built CONCURRENTLY",
                    hint="A key of a partitioned table is made together with the table.",
                )
            if self.done(conn):
                return
        self.index.apply(context)
        constraints.brief(
            context,
            lambda _: [self._constraint()],
            what=f"add {self}",
            tables=[self.table],
            mode="ACCESS EXCLUSIVE",
        )

    def statements(self) -> list[str]:
        """Return the SQL, for a table that has neither."""
        return [*self.index.statements(), self._constraint().as_string()]

    def _constraint(self) -> sql.Composed:
        return constraints.addition(
            self.table, self.name, using_index("UNIQUE", self.name), valid=True
        )


def using_index(kind: str, index: str, deferral: str = "") -> str:
    """Return the definition of a key whose index is there: ``PRIMARY KEY`` or ``UNIQUE``."""
    return f"{kind} USING INDEX {identifier(index).as_string()}{deferral}"
