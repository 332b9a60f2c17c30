"""Extensions of a database, as far as another place needs them as well."""

import contextlib
from collections.abc import Sequence

import psycopg
from psycopg import sql

from lmsschema.database.queries import query


def installed(conn: psycopg.Connection) -> list[str]:
    """Return the names of the extensions that somebody has installed."""
    return [name for (name,) in conn.execute(query("database/extensions"))]


def install(conn: psycopg.Connection, names: Sequence[str]) -> None:
    """Install extensions that the server has and the database lacks, where names resolve.

    What can't be installed is left out: whoever needs it gets the server's error.
    """
    found = conn.execute(query("database/installable_extensions"), {"names": list(names)})
    for (name,) in found.fetchall():
        with contextlib.suppress(psycopg.Error), conn.transaction():
            conn.execute(sql.SQL("CREATE EXTENSION {} CASCADE").format(sql.Identifier(name)))
