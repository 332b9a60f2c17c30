"""What is looked at before a run, and refused as unsafe; nothing is changed here."""

from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.errors import UnsafeError
from lmsschema.locks.context import Tell
from lmsschema.migration import runner
from lmsschema.migration.retry import DEFAULT_RETRY, Retry


def refuse_taken_names(database: Database) -> None:
    """Raise UnsafeError if a table or type that the revisions make is there already."""
    with database.transaction(read_only=True) as conn:
        occupied = conn.execute(query("migration/schema_occupied"), {"schema": database.schema})
        if occupied.fetchone() == (False,):
            return  # spares the import of the tables
    from lmsschema.tables import metadata

    names = {
        "schema": database.schema,
        "tables": list(metadata.tables),
        "types": sorted(
            str(column.type.name)  # type: ignore[attr-defined]  # an enum type has one
            for table in metadata.tables.values()
            for column in table.columns
            if hasattr(column.type, "enums")
        ),
    }
    with database.transaction(read_only=True) as conn:
        taken = [
            f"{kind} {name}" for kind, name in conn.execute(query("migration/taken_names"), names)
        ]
    if taken:
        raise UnsafeError(
            f"schema {database.schema} of {database.target} has no version table of lmsschema, "
            f"but: {', '.join(taken)}",
            hint="If they are the guide's schema, 'lmsschema adopt' finds the revision that they "
            "equal and records it, as 'lmsschema stamp REVISION' would without looking; it runs "
            "nothing, and upgrade goes on from there. Else name another --schema.",
            details={"found": taken},
        )


def refuse_loss(
    database: Database,
    end: str,
    revision: str,
    *,
    retry: Retry = DEFAULT_RETRY,
    notify: Tell = lambda _: None,
) -> None:
    """Raise UnsafeError if going back to ``end`` drops tables that hold rows, or columns of them.

    What a downgrade drops is seen, not guessed: it is run in a transaction that is rolled back.

    Args:
        database: The database.
        end: The revision to go back to.
        revision: The one to be taken back first.
        retry: How its locks are waited for.
        notify: Told who is in the way.

    Raises:
        UnsafeError: Rows would be lost; nothing was changed.
        LockTimeoutError: Tables were locked for too long.
    """
    with database.transaction(read_only=True) as conn:
        before = conn.execute(_columns(database)).fetchall()
        tables = list(dict.fromkeys(table for table, *_ in before))
        holds_rows = sql.SQL("SELECT EXISTS (SELECT FROM {})")
        filled = {
            table
            for table in tables
            if conn.execute(holds_rows.format(sql.Identifier(table))).fetchone() == (True,)
        }
    if not filled:
        return
    left = runner.rehearse(
        database,
        "downgrade",
        end,
        revision,
        lambda lent: {
            (table, number)
            for table, _, number in lent.exec_driver_sql(
                _columns(database).as_string(), execution_options={"no_parameters": True}
            )
        },
        retry=retry,
        notify=notify,
    )
    there = {table for table, _ in left}
    lost = [table for table in tables if table in filled - there]
    columns = [
        f"{table}.{column}"
        for table, column, number in before
        if table in filled & there and (table, number) not in left
    ]
    if lost or columns:
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
