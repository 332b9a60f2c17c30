"""The extensions of a database: their schemas, and their installation in a scratch database."""

import contextlib
import dataclasses
from collections.abc import Sequence

import psycopg
from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query


def installed(conn: psycopg.Connection) -> list[str]:
    """Return the names of the installed extensions, without those of initdb."""
    return [name for (name,) in conn.execute(query("database/extensions"))]


def searched(database: Database) -> Database:
    """Return the database with a search_path in which the objects of its extensions are found."""
    with database.transaction(read_only=True) as conn:
        return dataclasses.replace(database, path=path(conn, database.schema))


def path(conn: psycopg.Connection, schema: str) -> str | None:
    """Return the search_path for statements that change a schema and may use extensions.

    The schema of an extension is on it only if it holds nothing but objects of extensions, and
    PUBLIC may not create in it: an unqualified name never resolves to another table of that name.
    """
    row = conn.execute(query("database/search_path"), {"schema": schema}).fetchone()
    return None if row is None else str(row[0])


def install(conn: psycopg.Connection, names: Sequence[str]) -> None:
    """Install extensions that are available on the server and not installed in the database.

    They are created in the first schema of search_path. One that can't be installed is skipped:
    a statement that needs it fails with the server's error.
    """
    found = conn.execute(query("database/installable_extensions"), {"names": list(names)})
    for (name,) in found.fetchall():
        with contextlib.suppress(psycopg.Error), conn.transaction():
            conn.execute(sql.SQL("CREATE EXTENSION {} CASCADE").format(sql.Identifier(name)))
