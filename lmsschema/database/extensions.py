"""Extensions of a database, as far as another place needs them as well."""

import contextlib
import dataclasses
from collections.abc import Sequence

import psycopg
from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query


def installed(conn: psycopg.Connection) -> list[str]:
    """Return the names of the extensions that somebody has installed."""
    return [name for (name,) in conn.execute(query("database/extensions"))]


def searched(database: Database) -> Database:
    """Return the database with transactions that find what its extensions have made as well."""
    with database.transaction(read_only=True) as conn:
        return dataclasses.replace(database, path=path(conn, database.schema))


def path(conn: psycopg.Connection, schema: str) -> str | None:
    """Return the search_path for work on a schema that may use what extensions have made.

    So that nobody else's table is ever taken for one of the schema, a schema of an extension is
    searched only while it holds nothing else, and not everybody may create in it.
    """
    row = conn.execute(query("database/search_path"), {"schema": schema}).fetchone()
    return None if row is None else str(row[0])


def install(conn: psycopg.Connection, names: Sequence[str]) -> None:
    """Install extensions that the server has and the database lacks, where names resolve.

    What can't be installed is left out: whoever needs it gets the server's error.
    """
    found = conn.execute(query("database/installable_extensions"), {"names": list(names)})
    for (name,) in found.fetchall():
        with contextlib.suppress(psycopg.Error), conn.transaction():
            conn.execute(sql.SQL("CREATE EXTENSION {} CASCADE").format(sql.Identifier(name)))
