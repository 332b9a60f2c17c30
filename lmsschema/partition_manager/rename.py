"""Rename a table, with those of its indexes and constraints that are named after it.

Locks: ACCESS EXCLUSIVE on the table, SHARE UPDATE EXCLUSIVE on its indexes.
"""

from psycopg import sql

from lmsschema import names
from lmsschema.database.connection import Database
from lmsschema.database.queries import query


def rename(database: Database, old: str, new: str) -> None:
    """Rename a table of the schema; names that would be too long are cut and get a checksum."""
    rows = database.conn.execute(
        query("partition_manager/names"), {"schema": database.schema, "table": old}
    ).fetchall()
    statements = [
        sql.SQL("ALTER TABLE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))
    ]
    for kind, name in rows:
        renamed = names.shortened(new + name.removeprefix(old))
        form = (
            sql.SQL("ALTER INDEX {old} RENAME TO {new}")
            if kind == "index"
            else sql.SQL("ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}")
        )
        statements.append(
            form.format(
                table=sql.Identifier(new), old=sql.Identifier(name), new=sql.Identifier(renamed)
            )
        )
    database.conn.execute(sql.SQL("; ").join(statements))
