"""What CHECKs, keys and NOT NULLs share: how constraints stand, are validated, and where."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import psycopg
from psycopg import errors, sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.database.quoting import identifier
from lmsschema.ddl.rules import Rule, refuse_violations
from lmsschema.ddl.statement import qualified
from lmsschema.errors import UnsafeError
from lmsschema.locks import ladder
from lmsschema.locks.context import Context, Progress
from lmsschema.locks.ladder import Lock, Mode, Work

_BROKEN = (errors.CheckViolation, errors.ForeignKeyViolation, errors.UniqueViolation)


@dataclasses.dataclass(frozen=True)
class Found:
    """A constraint's place on a table or one of its partitions, and what is there of it.

    Attributes:
        table: The table or partition.
        name: The constraint's name.
        kind: PostgreSQL's letter for its kind; None if it is missing.
        validated: Whether all rows are known to keep it.
        columns: The columns that it is about.
        is_partition: Whether ``table`` is a partition of the table asked for.
        is_partitioned: Whether ``table`` has partitions itself.
        definition: The constraint in PostgreSQL's words.
        expression: A CHECK's condition in its words.
    """

    table: str
    name: str
    kind: str | None
    validated: bool | None
    columns: list[str]
    is_partition: bool
    is_partitioned: bool
    definition: str | None
    expression: str | None


def read(conn: psycopg.Connection, table: str, names: Iterable[str]) -> list[Found]:
    """Return how constraints stand on a table's partitions, then on itself.

    Raises:
        UnsafeError: There is no such table.
    """
    rows = conn.execute(query("ddl/constraints"), {"table": table, "names": list(names)})
    found = [Found(*row) for row in rows]
    if not found:
        raise UnsafeError(
            f"there is no table {table}", hint="The database is not what its revision says."
        )
    return found


def on_table(found: Iterable[Found]) -> list[Found]:
    """Return what was found on the table itself."""
    return [one for one in found if not one.is_partition]


def whole(database: Database, tables: Sequence[str], mode: Mode) -> list[Lock]:
    """Return the locks on tables and their partitions, in the order in which steps take them."""
    rows = database.conn.execute(
        query("ddl/tables"), {"schema": database.schema, "tables": list(tables)}
    )
    return [Lock(database.schema, name, mode) for (name,) in rows]


def brief(
    context: Context,
    statements: Callable[[psycopg.Connection], Sequence[sql.Composed]],
    *,
    what: str,
    tables: Sequence[str],
    mode: Mode,
) -> None:
    """Run what needs a lock for a moment, with retries.

    Args:
        context: Where, and how long to try.
        statements: Returns what is to be run, asked once the tables are locked.
        what: The same in words.
        tables: What to lock, in this order; their partitions too.
        mode: The lock.

    Raises:
        LockTimeoutError: The locks were not obtained in time.
    """

    def finish(conn: psycopg.Connection) -> None:
        for statement in statements(conn):
            conn.execute(statement)

    def prepare(_: psycopg.Connection) -> Work[None]:
        return Work(whole(context.database, tables, mode), finish=finish)

    ladder.step(context, prepare, what=what)


def validate(context: Context, table: str, names: Sequence[str], rules: Sequence[Rule]) -> None:
    """Have PostgreSQL see that all rows keep constraints; partition by partition, one read each.

    Locks: SHARE UPDATE EXCLUSIVE on the partition that is read, at the end on the table; for a
    foreign key also ROW SHARE on the table that it refers to. Readers and writers go on.

    Raises:
        UnsafeError: Rows break them.
        LockTimeoutError: Other DDL, or a vacuum, blocked it for too long.
    """
    with context.database.transaction(read_only=True) as conn:
        found = read(conn, table, names)
    places = list(dict.fromkeys(one.table for one in found if one.validated is False))
    for number, place in enumerate(places, start=1):
        if len(places) > 1:
            what = f"validating {', '.join(names)}: {place} ({number} of {len(places)})"
            context.tell(Progress(what))

        missing = [one.name for one in found if one.table == place and one.validated is False]
        try:
            _run_quietly(context, place, validation(place, missing))
        except _BROKEN:
            refuse_violations(context.database, rules)
            raise  # whoever wrote the row has taken it back meanwhile
        except errors.UndefinedTable:
            continue  # a partition that was dropped meanwhile


def addition(
    table: str, name: str, definition: str, *, valid: bool = False, schema: str | None = None
) -> sql.Composed:
    """Return the statement that adds a constraint; unless ``valid``, for new rows alone."""
    return sql.SQL("ALTER TABLE {}{}ADD CONSTRAINT {} {}{}").format(
        qualified(schema, table),
        _between(schema),
        identifier(name),
        sql.SQL(definition),
        sql.SQL("" if valid else " NOT VALID"),
    )


def validation(table: str, names: Sequence[str], schema: str | None = None) -> sql.Composed:
    """Return the statement that validates constraints of a table, in one read of it."""
    return sql.SQL("ALTER TABLE {}{}{}").format(
        qualified(schema, table),
        _between(schema),
        sql.SQL(",\n").join(
            sql.SQL("VALIDATE CONSTRAINT {}").format(identifier(name)) for name in names
        ),
    )


def _between(schema: str | None) -> sql.SQL:
    """Return what parts an ALTER from its table: one for a DBA is a line to be copied."""
    return sql.SQL("\n" if schema is None else " ")


def _run_quietly(context: Context, table: str, statement: sql.Composed) -> None:
    """Run what conflicts with no reader and no writer, only with other DDL and with vacuum."""
    work = Work(
        [Lock(context.database.schema, table, "SHARE UPDATE EXCLUSIVE")],
        finish=lambda conn: conn.execute(statement),
    )
    ladder.step(context, lambda _: work, what=f"validate constraints of {table}")
