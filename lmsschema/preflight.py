"""What is looked at before a run, and refused as unsafe; nothing is changed here."""

from psycopg import sql

from lmsschema import db, runner
from lmsschema.db import Database
from lmsschema.errors import UnsafeError


def refuse_taken_names(database: Database) -> None:
    """Raise UnsafeError if a table or type that the revisions make is there already."""
    with database.transaction(read_only=True) as conn:
        occupied = conn.execute(db.query("schema_occupied"), {"schema": database.schema})
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
        taken = [f"{kind} {name}" for kind, name in conn.execute(db.query("taken_names"), names)]
    if taken:
        raise UnsafeError(
            f"schema {database.schema} of {database.target} has no version table of lmsschema, "
            f"but: {', '.join(taken)}",
            hint="If they are the guide's schema, 'lmsschema adopt' finds the revision that they "
            "equal and records it, as 'lmsschema stamp REVISION' would without looking; it runs "
            "nothing, and upgrade goes on from there. Else name another --schema.",
            details={"found": taken},
        )


def refuse_loss(database: Database, end: str) -> None:
    """Raise UnsafeError if going back to the revision ``end`` drops tables that hold rows.

    What a downgrade drops is seen, not guessed: it is run in a transaction that is rolled back.
    """
    filled = _filled_tables(database)
    if not filled:
        return
    from alembic import command

    with runner.connection(database) as lent, lent.begin() as scratch:
        command.downgrade(runner.config(connection=lent), end)
        tables = lent.exec_driver_sql(
            _tables_query(database), execution_options={"no_parameters": True}
        )
        left = set(tables.scalars())
        scratch.rollback()
    lost = [name for name in filled if name not in left]
    if lost:
        raise UnsafeError(
            f"going back to {end} drops tables that hold rows: {', '.join(lost)}",
            hint="Take a backup; then --lose-rows goes on. Nothing was changed.",
            details={"tables": lost},
        )


def _filled_tables(database: Database) -> list[str]:
    """Return the names of the schema's tables that hold at least one row."""
    with database.transaction(read_only=True) as conn:
        names = [str(row[0]) for row in conn.execute(_tables_query(database))]
        holds_rows = sql.SQL("SELECT EXISTS (SELECT FROM {})")
        return [
            name
            for name in names
            if conn.execute(holds_rows.format(sql.Identifier(name))).fetchone() == (True,)
        ]


def _tables_query(database: Database) -> str:
    """Return the query for the names of the schema's tables, partitions left out."""
    return db.query("tables").format(schema=database.schema).as_string()
