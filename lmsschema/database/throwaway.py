"""Databases that belong to a process: their names say whose they are, its lock that it lives.

A process takes a key: a number of its own, held as a session's advisory lock. The names of its
databases hold the key. `pg_locks` shows the advisory locks of every database, so any process can
tell what a dead one left behind, however that died, and drop it.
"""

import contextlib

import psycopg
from psycopg import errors, sql

from lmsschema.database.queries import query
from lmsschema.errors import UsageError

_CLASS = 0x6C6D73  # "lms": the first half of the locks' keys

_BUILTIN_PROVIDER = 170000  # the version that has a locale of UTF-8 of its own
_UTF8 = ("UTF8", "UTF-8")
_ANY = "LOCALE_PROVIDER libc LOCALE 'C'"
_PLAIN = "LOCALE_PROVIDER libc LOCALE 'C.UTF-8'"
_PLAIN_BUILTIN = "LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"


def take(conn: psycopg.Connection) -> int:
    """Take a key and hold it until the connection ends; returns it."""
    import secrets

    conn.execute("SET idle_session_timeout = 0")
    while True:
        key = secrets.randbits(31)
        row = conn.execute(
            "SELECT pg_catalog.pg_try_advisory_lock(%s::int, %s::int)", [_CLASS, key]
        ).fetchone()
        if row == (True,):
            return key


def name(prefix: str, key: int, number: int) -> str:
    """Return the name of a database of the process that holds ``key``."""
    return f"{prefix}{key:08x}_{number}"


def create_empty(
    conn: psycopg.Connection,
    name: str,
    *,
    owner: str | None = None,
    encoding: str = "UTF8",
    locale: str | None = None,
) -> None:
    """Create an empty database: a copy of template0, which is the same on every server.

    Args:
        conn: An autocommit connection to any database of the server.
        name: What it is to be called.
        owner: Who is to own it; None for who connects.
        encoding: Its encoding.
        locale: Its locale; None for the server's own, or where that is of another encoding a plain
            one: C.UTF-8, or C for another encoding than UTF-8.

    Raises:
        UsageError: The server has no such encoding or locale, or they don't fit each other.
    """
    parts: list[sql.Composable] = [
        sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {}").format(
            sql.Identifier(name), encoding
        )
    ]
    if owner is not None:
        parts.append(sql.SQL("OWNER {}").format(sql.Identifier(owner)))
    if locale is not None:
        parts.append(sql.SQL("LOCALE {}").format(locale))
    elif not _default_locale_fits(conn, encoding):
        builtin = conn.info.server_version >= _BUILTIN_PROVIDER
        of_utf8 = _PLAIN_BUILTIN if builtin else _PLAIN
        parts.append(sql.SQL(of_utf8 if encoding.upper() in _UTF8 else _ANY))
    try:
        conn.execute(sql.SQL(" ").join(parts))
    except (errors.WrongObjectType, errors.InvalidParameterValue, errors.UndefinedObject) as error:
        kind = f"encoding {encoding}" + (f" and locale {locale}" if locale else "")
        raise UsageError(
            f"the server makes no database of {kind}: {error.diag.message_primary}",
            hint="'SELECT collname FROM pg_collation' lists locales; --encoding and --locale have "
            "to fit each other.",
        ) from error


def _default_locale_fits(conn: psycopg.Connection, encoding: str) -> bool:
    """Whether the server's own locale is for that encoding, or for any."""
    row = conn.execute(
        "SELECT pg_catalog.pg_encoding_to_char(encoding) = %s OR datcollate IN ('C', 'POSIX')"
        " AND datctype IN ('C', 'POSIX') AND datlocprovider <> 'b'"
        " FROM pg_catalog.pg_database WHERE datname = 'template0'",
        [encoding.upper()],
    ).fetchone()
    return row != (False,)


def drop_orphans(conn: psycopg.Connection, prefix: str) -> None:
    """Drop the databases whose process is dead.

    What another role owns, or a prepared transaction holds, is left to somebody else.

    Args:
        conn: An autocommit connection to any database of the server.
        prefix: What their names begin with.
    """
    values = {"pattern": f"^{prefix}([0-9a-f]{{8}})_[0-9]+$", "class": _CLASS}
    for (orphan,) in conn.execute(query("database/orphans"), values).fetchall():
        with contextlib.suppress(errors.InsufficientPrivilege, errors.ObjectInUse):
            drop(conn, orphan)


def drop(conn: psycopg.Connection, database: str) -> None:
    """Drop a database if it is there, with the sessions that are open on it."""
    conn.execute(
        sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
    )
