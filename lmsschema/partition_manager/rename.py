"""Rename a table, with those of its indexes and constraints that are named after it.

Locks: ACCESS EXCLUSIVE on the table, SHARE UPDATE EXCLUSIVE on its indexes.
"""

import itertools

from psycopg import sql

from lmsschema import names
from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.partition_manager import state


def rename(database: Database, old: str, new: str) -> None:
    """Rename a table of the schema; names that would be too long are cut and get a checksum.

    An index whose new name another relation has (that of a month which was renamed) gets a number.
    """
    rows = database.conn.execute(
        query("partition_manager/names"), {"schema": database.schema, "table": old}
    ).fetchall()
    statements = [
        sql.SQL("ALTER TABLE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))
    ]
    for kind, name in rows:
        renamed = names.shortened(new + name.removeprefix(old))
        if kind == "index":
            renamed = _free(database, renamed)
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


def _free(database: Database, name: str) -> str:
    """Return the name, or the first one with a number that no relation of the schema has."""
    numbered = (names.shortened(f"{name}{number}") for number in itertools.count(1))
    wanted = itertools.chain([name], numbered)
    return next(n for n in wanted if not state.exists(database.conn, database.schema, n))
