"""A column added, its type widened, or its default dropped.

Refused if PostgreSQL would write the table anew for it.

Locks: ACCESS EXCLUSIVE on the table and its partitions, for a moment; to widen a type also SHARE on
it and ACCESS EXCLUSIVE on the column's indexes. Whether it would be more than a moment is tried
beforehand, on an empty copy of the table, in a transaction that is rolled back (a temporary table
is what a role may not be allowed to make):
PostgreSQL itself tells, by giving the copy another file or not.
"""

import dataclasses

import psycopg
from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.database.quoting import identifier
from lmsschema.ddl import definition, once
from lmsschema.ddl.once import Once
from lmsschema.errors import UnsafeError
from lmsschema.locks.context import Context


@dataclasses.dataclass(frozen=True)
class AddColumn(Once):
    """A column that a table is to have.

    Attributes:
        table: The table.
        name: The column's name.
        definition: Its type and default: ``INTEGER NOT NULL DEFAULT 0``.
    """

    table: str
    name: str
    definition: str

    def __str__(self) -> str:
        return f"column {self.name} of {self.table}"

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether the table has it.

        Raises:
            UnsafeError: It has another column of that name.
        """
        for name, *found in conn.execute(query("ddl/columns"), {"table": self.table}):
            if name == self.name:
                not_null, kind, value = found
                if not definition.is_column(
                    conn, self.table, (not_null, kind, value), self.definition
                ):
                    default = "" if value is None else f" DEFAULT {value}"
                    definition.refuse(
                        str(self),
                        f"{kind}{' NOT NULL' if not_null else ''}{default}",
                        self.definition,
                    )
                return True
        return False

    def apply(self, context: Context) -> None:
        """Add it unless it is there.

        Raises:
            UnsafeError: It would write the table anew.
            LockTimeoutError: The lock was not obtained in time.
        """
        _alter(context, self)

    def statement(self) -> sql.Composed:
        """Return the statement."""
        return sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(
            identifier(self.table), identifier(self.name), sql.SQL(self.definition)
        )


@dataclasses.dataclass(frozen=True)
class WidenType(Once):
    """A column whose type is to take more: ``VARCHAR(100)`` to ``VARCHAR(200)`` or ``TEXT``.

    Attributes:
        table: The table.
        name: The column's name.
        type: The new type, as PostgreSQL prints it: ``character varying(200)``.
    """

    table: str
    name: str
    type: str

    def __str__(self) -> str:
        return f"type of {self.table}.{self.name}"

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether the column has the type."""
        return types(conn, self.table).get(self.name) == self.type

    def apply(self, context: Context) -> None:
        """Change the type unless it is done.

        Raises:
            UnsafeError: It would read the table, or write it or an index anew.
            LockTimeoutError: The lock was not obtained in time.
        """
        _alter(context, self)

    def statement(self) -> sql.Composed:
        """Return the statement."""
        return sql.SQL("ALTER TABLE {} ALTER COLUMN {} TYPE {}").format(
            identifier(self.table),
            identifier(self.name),
            sql.SQL(self.type if '"' in self.type else self.type.upper()),
        )

    def statements(self) -> list[str]:
        """Return the SQL: nothing is written anew, which was tried."""
        return [f"-- squawk-ignore changing-column-type\n{self.statement().as_string()}"]


@dataclasses.dataclass(frozen=True)
class DropDefaults(Once):
    """Columns that are to have no default: NULL where an INSERT says nothing.

    Rows that are there stay as they are.

    Attributes:
        table: The table.
        columns: The columns' names.
    """

    table: str
    columns: tuple[str, ...]

    def __str__(self) -> str:
        return f"no default for {self.table}.{', '.join(self.columns)}"

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether none of the columns has a default."""
        rows = conn.execute(query("ddl/columns"), {"table": self.table}).fetchall()
        return all(value is None for name, _, _, value in rows if name in self.columns)

    def apply(self, context: Context) -> None:
        """Drop the defaults unless it is done.

        Raises:
            LockTimeoutError: The lock was not obtained in time.
        """
        with context.database.transaction(read_only=True) as conn:
            if self.done(conn):
                return
        once.with_lock(context, self, self.table, "ACCESS EXCLUSIVE")

    def statement(self) -> sql.Composed:
        """Return the statement."""
        dropped = [
            sql.SQL("ALTER COLUMN {} DROP DEFAULT").format(identifier(name))
            for name in self.columns
        ]
        return sql.SQL("ALTER TABLE {}\n{}").format(
            identifier(self.table), sql.SQL(",\n").join(dropped)
        )


def types(conn: psycopg.Connection, table: str) -> dict[str, str]:
    """Return the types of a table's columns by their names."""
    rows = conn.execute(query("ddl/columns"), {"table": table}).fetchall()
    return {name: kind for name, _, kind, _ in rows}


def _alter(context: Context, step: AddColumn | WidenType) -> None:
    with context.database.transaction(read_only=True) as conn:
        if step.done(conn):
            return
    _refuse_work(context.database, step)
    once.with_lock(context, step, step.table, "ACCESS EXCLUSIVE")


def _refuse_work(database: Database, step: AddColumn | WidenType) -> None:
    """Try the statement on an empty copy; raise if the copy is read or written anew.

    PostgreSQL reads all rows where a CHECK is about the column.
    """
    with database.transaction() as conn, conn.transaction(force_rollback=True):
        copy = dataclasses.replace(step, table="lmsschema_copy")
        conn.execute(
            sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(
                identifier(copy.table), identifier(step.table)
            )
        )
        before, scans = _files(conn, copy.table), _scans(conn, copy.table)
        conn.execute(copy.statement())
        after, read = _files(conn, copy.table), _scans(conn, copy.table) > scans
    if read and before == after:
        raise UnsafeError(
            f"{step}: PostgreSQL would read all rows of {step.table} for a CHECK of the column, "
            "and stop all its readers meanwhile",
            hint="Drop the CHECK in a revision before, and bring it back with a Checks step in one "
            "after: it reads the rows while others go on.",
        )
    if before != after:
        raise UnsafeError(
            f"{step}: PostgreSQL would write {step.table} or an index of it anew, and stop all its "
            "readers meanwhile",
            hint="Add a column with a constant default or none, fill it in batches, then change "
            "over to it.",
        )


def _files(conn: psycopg.Connection, table: str) -> list[tuple[str, int]]:
    """Return the files of a table and its indexes."""
    return conn.execute(query("ddl/files"), {"table": table}).fetchall()


def _scans(conn: psycopg.Connection, table: str) -> int:
    """Return how often the transaction has read all rows of a table."""
    row = conn.execute(
        "SELECT pg_catalog.pg_stat_get_xact_numscans(%s::regclass)", [identifier(table).as_string()]
    ).fetchone()
    return int(row[0]) if row else 0
