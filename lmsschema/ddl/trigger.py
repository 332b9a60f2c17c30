"""A function, and a trigger that calls one.

Locks: none on a table for the function. SHARE ROW EXCLUSIVE on the table for the moment of making
the trigger: writers wait, readers do not.
"""

import dataclasses

import psycopg
from psycopg import sql

from lmsschema.database.queries import query
from lmsschema.database.quoting import identifier
from lmsschema.ddl import definition, once
from lmsschema.ddl.once import Once
from lmsschema.locks.context import Context


@dataclasses.dataclass(frozen=True)
class Function(Once):
    """A function: for triggers, unless it says what else it returns.

    Attributes:
        name: Its name; no other function of it has as many arguments.
        body: Its body; in PL/pgSQL what is between BEGIN and END and around them.
        arguments: Their names and types.
        returns: What follows RETURNS, in the order in which PostgreSQL prints it.
    """

    name: str
    body: str
    arguments: str = ""
    returns: str = "TRIGGER LANGUAGE plpgsql"

    def __str__(self) -> str:
        return f"function {self.name}"

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether it is there, and the same.

        Raises:
            UnsafeError: Another function has its name.
        """
        arguments = [one for one in self.arguments.split(",") if one]
        values = {"name": self.name, "arguments": len(arguments)}
        rows = conn.execute(query("ddl/function"), values).fetchall()
        for body, named, found in rows:
            header = found.partition("\n RETURNS ")[2].partition("\nAS $function")[0]
            is_same = (
                body == self.body
                and definition.words(named) == definition.words(self.arguments)
                and definition.words(header) == definition.words(self.returns)
            )
            if not is_same:
                definition.refuse(str(self), found, self.statement().as_string())
        return bool(rows)

    def apply(self, context: Context) -> None:
        """Make it unless it is there."""
        once.without_lock(context.database, self)

    def statement(self) -> sql.Composed:
        """Return the statement."""
        return sql.SQL("CREATE FUNCTION {}({}) RETURNS {} AS $${}$$").format(
            identifier(self.name),
            sql.SQL(self.arguments),
            sql.SQL(self.returns),
            sql.SQL(self.body),
        )


@dataclasses.dataclass(frozen=True)
class Trigger(Once):
    """A trigger.

    Attributes:
        name: Its name.
        table: The table.
        event: What fires it, and for what: ``BEFORE UPDATE`` and the like.
        calls: How often, under which condition, and what it calls, as PostgreSQL prints it.
    """

    name: str
    table: str
    event: str
    calls: str

    def __str__(self) -> str:
        return f"trigger {self.name} of {self.table}"

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether the table has it.

        Raises:
            UnsafeError: It has another trigger of that name, or the trigger is disabled.
        """
        values = {"table": self.table, "trigger": self.name}
        row = conn.execute(query("ddl/trigger"), values).fetchone()
        if row is None:
            return False
        found, fires = row
        wanted = self.statement().as_string()
        if not fires or definition.words(found) != definition.words(wanted):
            definition.refuse(str(self), found + ("" if fires else " (disabled)"), wanted)
        return True

    def apply(self, context: Context) -> None:
        """Make it unless it is there.

        Raises:
            LockTimeoutError: The lock was not obtained in time.
        """
        with context.database.transaction(read_only=True) as conn:
            if self.done(conn):
                return
        once.with_lock(context, self, self.table, "SHARE ROW EXCLUSIVE")

    def statement(self) -> sql.Composed:
        """Return the statement."""
        return sql.SQL("CREATE TRIGGER {}\n{} ON {}\n{}").format(
            identifier(self.name), sql.SQL(self.event), identifier(self.table), sql.SQL(self.calls)
        )
