"""The extensions of a database, and their installation in a scratch database."""

import contextlib
from collections.abc import Sequence

import psycopg
from psycopg import sql

from lmsschema.database.queries import query


def installed(conn: psycopg.Connection) -> list[str]:
    """Return the names of the installed extensions, without those of initdb."""
    return [name for (name,) in conn.execute(query("database/extensions"))]


def install(conn: psycopg.Connection, names: Sequence[str]) -> None:
    """Install extensions that are available on the server and not installed in the database.

    They are created in the first schema of search_path. One that can't be installed is skipped:
    a statement that needs it fails with the server's error.
    """
    found = conn.execute(query("database/installable_extensions"), {"names": list(names)})
    for (name,) in found.fetchall():
        with contextlib.suppress(psycopg.Error), conn.transaction():
            conn.execute(sql.SQL("CREATE EXTENSION {} CASCADE").format(sql.Identifier(name)))
