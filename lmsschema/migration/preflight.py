"""What is looked at before a run, and refused as unsafe; nothing is changed here."""

import re
from collections.abc import Sequence

from psycopg import errors, sql

from lmsschema import names
from lmsschema.database.connection import Database, require_owner
from lmsschema.database.queries import query
from lmsschema.ddl import steps
from lmsschema.errors import LmsschemaError, UnsafeError
from lmsschema.locks.context import Tell
from lmsschema.migration import revisions, runner
from lmsschema.migration.retry import DEFAULT_RETRY, Retry

#: What a script creates, by kind and name.
_CREATED = re.compile(
    r"^CREATE (?:OR REPLACE )?(?:UNIQUE )?"
    r"(TABLE|TYPE|FUNCTION|INDEX|VIEW|MATERIALIZED VIEW|SEQUENCE|DOMAIN) "
    r"(?:CONCURRENTLY )?(?:IF NOT EXISTS )?(?:(\w+)|\"((?:[^\"]|\"\")+)\")",
    re.MULTILINE | re.IGNORECASE,
)


def look(database: Database, before: str | None, pending: Sequence[str]) -> None:
    """Raise what an upgrade would be refused for; changes nothing.

    Args:
        database: The database.
        before: The revision that it is at.
        pending: The revisions that it lacks.

    Raises:
        UnsafeError: Something has the name of what a revision makes, a table is gone, or rows break
            the rules that a revision brings.
    """
    with database.transaction(read_only=True) as conn:
        occupied = conn.execute(query("migration/schema_occupied"), {"schema": database.schema})
        if occupied.fetchone() == (False,):
            return  # spares reading the revisions
    of_steps = runner.steps(pending)
    made = {
        revision: _made(runner.offline(revisions.parent(revision) or revisions.BASE, revision))
        for revision in pending
        if of_steps[revision] is None
    }
    _refuse_taken(database, before, [one for some in made.values() for one in some])
    to_come: set[str] = set()
    for revision in pending:
        to_come |= {name for kind, name in made.get(revision, ()) if kind == "TABLE"}
        steps.look(database, of_steps[revision] or (), to_come)


def require_owned(database: Database) -> None:
    """Raise unless the role may change every table of the schema that is there.

    Raises:
        DatabaseUnavailableError: It may not; the hint is what helps.
    """
    from lmsschema.tables import TABLES

    require_owner(
        database, [*(table.name for table in TABLES), "lmsschema_version", names.SETTINGS]
    )


def _made(script: str) -> list[tuple[str, str]]:
    """Return the kind and the name of what a script creates."""
    return [
        (kind.upper(), plain or quoted.replace('""', '"'))
        for kind, plain, quoted in _CREATED.findall(script)
        if plain != "lmsschema_version"
    ]


def _refuse_taken(database: Database, before: str | None, made: Sequence[tuple[str, str]]) -> None:
    """Raise if an object has the name of one that a revision makes."""
    with database.transaction(read_only=True) as conn:
        values = {
            "schema": database.schema,
            "names": [name for _, name in made],
            "functions": [name for kind, name in made if kind == "FUNCTION"],
        }
        rows = conn.execute(query("migration/taken_names"), values).fetchall()
        taken = sorted(f"{kind} {name}" for kind, name in rows)
    if not taken:
        return
    where = f"schema {database.schema} of {database.target}"
    if before is None:
        raise UnsafeError(
            f"{where} has no version table of lmsschema, but: {', '.join(taken)}",
            hint="If they are the guide's schema, 'lmsschema adopt' finds the revision that they "
            "equal and records it, as 'lmsschema stamp REVISION' would without looking; it runs "
            "nothing, and upgrade goes on from there. Else name another --schema.",
            details={"found": taken},
        )
    raise UnsafeError(
        f"{where} has already what the pending revisions make: {', '.join(taken)}",
        hint="Nothing was changed. Rename or drop it, then run the command again.",
        details={"found": taken},
    )


def refuse_downgrade(
    database: Database,
    back: Sequence[str],
    *,
    lose_rows: bool,
    retry: Retry = DEFAULT_RETRY,
    notify: Tell = lambda _: None,
) -> None:
    """Raise UnsafeError if taking revisions back loses rows, or something depends on what goes.

    What a downgrade drops is seen, not guessed: it is run in a transaction that is rolled back.

    Args:
        database: The database.
        back: The revisions to take back, in that order.
        lose_rows: Whether tables that hold rows, and columns of them, may be dropped.
        retry: How its locks are waited for.
        notify: Told who blocks it.

    Raises:
        UnsafeError: Rows would be lost, or other objects depend on what is dropped; nothing was
            changed.
        LockTimeoutError: Tables were locked for too long.
    """
    end = revisions.parent(back[-1]) or revisions.BASE
    with database.transaction(read_only=True) as conn:
        before = conn.execute(_columns(database)).fetchall()
        tables = list(dict.fromkeys(table for table, *_ in before))
        holds_rows = sql.SQL("SELECT EXISTS (SELECT FROM {})")
        filled = {
            table
            for table in tables
            if conn.execute(holds_rows.format(sql.Identifier(table))).fetchone() == (True,)
        }
    try:
        left = runner.rehearse(
            database,
            "downgrade",
            back,
            lambda lent: {
                (table, number)
                for table, _, number in lent.exec_driver_sql(
                    _columns(database).as_string(), execution_options={"no_parameters": True}
                )
            },
            retry=retry,
            notify=notify,
        )
    except LmsschemaError as error:
        if error.details.get("sqlstate") == errors.DependentObjectsStillExist.sqlstate:
            raise UnsafeError(
                error.message,
                hint="Nothing was changed. Drop what depends on it, or keep the revision.",
                details=error.details,
            ) from error
        raise
    there = {table for table, _ in left}
    lost = [table for table in tables if table in filled - there]
    columns = [
        f"{table}.{column}"
        for table, column, number in before
        if table in filled & there and (table, number) not in left
    ]
    if (lost or columns) and not lose_rows:
        what = [
            *([f"tables that hold rows: {', '.join(lost)}"] if lost else []),
            *([f"columns of tables that hold rows: {', '.join(columns)}"] if columns else []),
        ]
        raise UnsafeError(
            f"going back to {end} drops {', and '.join(what)}",
            hint="Take a backup; then --lose-rows goes on. Nothing was changed.",
            details={"tables": lost, "columns": columns},
        )


def _columns(database: Database) -> sql.Composed:
    """Return the query for the columns of the schema's tables, partitions left out."""
    return query("database/tables").format(schema=database.schema)
