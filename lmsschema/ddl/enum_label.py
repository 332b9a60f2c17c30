"""Labels of an enumeration: one added, one renamed.

Locks: none on any table, and no row is read; ALTER TYPE locks the type against being dropped alone.
A label that was added can be used once its transaction is over.
"""

import dataclasses

import psycopg
from psycopg import sql

from lmsschema.database.queries import query
from lmsschema.database.quoting import identifier
from lmsschema.ddl import once
from lmsschema.ddl.once import Once
from lmsschema.errors import UnsafeError
from lmsschema.locks.context import Context


@dataclasses.dataclass(frozen=True)
class AddLabel(Once):
    """A label that an enumeration is to have.

    Attributes:
        type: The enumeration.
        label: The label.
        before: The label that it stands before; None: it comes last.
    """

    type: str
    label: str
    before: str | None = None

    def __str__(self) -> str:
        return f"label {self.label} of {self.type}"

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether the enumeration has it."""
        return self.label in labels(conn, self.type)

    def apply(self, context: Context) -> None:
        """Add it unless it is there."""
        once.without_lock(context.database, self)

    def statement(self) -> sql.Composed:
        """Return the statement."""
        place: sql.Composable = sql.SQL("")
        if self.before is not None:
            place = sql.SQL(" BEFORE {}").format(sql.Literal(self.before))
        return sql.SQL("ALTER TYPE {} ADD VALUE {}{}").format(
            identifier(self.type), sql.Literal(self.label), place
        )


@dataclasses.dataclass(frozen=True)
class RenameLabel(Once):
    """A label that is to be called otherwise; the rows that have it follow.

    Attributes:
        type: The enumeration.
        old: The label as it is.
        new: As it is to be.
    """

    type: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"label {self.new} of {self.type}"

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether it is called so.

        Raises:
            UnsafeError: There is neither the one nor the other, or there are both.
        """
        found = {self.old, self.new} & set(labels(conn, self.type))
        if len(found) != 1:
            what = "both" if found else "neither"
            raise UnsafeError(
                f"{self.type} has {what} of the labels {self.old} and {self.new}",
                hint="The database is not what its revision says.",
            )
        return found == {self.new}

    def apply(self, context: Context) -> None:
        """Rename it unless it is done."""
        once.without_lock(context.database, self)

    def statement(self) -> sql.Composed:
        """Return the statement."""
        return sql.SQL("ALTER TYPE {} RENAME VALUE {} TO {}").format(
            identifier(self.type), sql.Literal(self.old), sql.Literal(self.new)
        )

    def statements(self) -> list[str]:
        """Return the SQL; that clients which write the old label get an error is meant."""
        return [f"-- squawk-ignore renaming-object\n{self.statement().as_string()}"]


def labels(conn: psycopg.Connection, enum: str) -> list[str]:
    """Return the labels of an enumeration in their order."""
    return [str(row[0]) for row in conn.execute(query("ddl/labels"), {"type": enum})]
