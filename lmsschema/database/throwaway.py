"""Temporary databases that belong to a process, and removal of those whose process has ended.

A process takes a random key and holds it as a session-level advisory lock. The names of its
databases contain the key. `pg_locks` shows the advisory locks of all databases, so any process can
find the databases of ended processes, however these ended, and drop them.
"""

import contextlib

import psycopg
from psycopg import errors, sql

from lmsschema.database.queries import query
from lmsschema.errors import UsageError

_CLASS = 0x6C6D73  # "lms": the first half of the locks' keys

_BUILTIN_PROVIDER = 170000  # the first version with a built-in UTF-8 locale
_UTF8 = ("UTF8", "UTF-8")
_ANY = "LOCALE_PROVIDER libc LOCALE 'C'"
_PLAIN = "LOCALE_PROVIDER libc LOCALE 'C.UTF-8'"
_PLAIN_BUILTIN = "LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"


def take(conn: psycopg.Connection) -> int:
    """Take a key, hold it until the connection ends, and return it."""
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
    """Return the name of the ``number``-th database of the process that holds ``key``."""
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
        name: The database's name.
        owner: The database's owner; None for the connected role.
        encoding: The database's encoding.
        locale: The database's locale; None for the server's own. If that does not fit the encoding,
            C.UTF-8 for UTF-8 and C for other encodings.

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
            f"the server can't create a database with {kind}: {error.diag.message_primary}",
            hint="'SELECT collname FROM pg_collation' lists locales; --locale has to fit "
            "--encoding.",
        ) from error


def _default_locale_fits(conn: psycopg.Connection, encoding: str) -> bool:
    """Whether the server's own locale fits the encoding."""
    row = conn.execute(
        "SELECT pg_catalog.pg_encoding_to_char(encoding) = %s OR datcollate IN ('C', 'POSIX')"
        " AND datctype IN ('C', 'POSIX') AND datlocprovider <> 'b'"
        " FROM pg_catalog.pg_database WHERE datname = 'template0'",
        [encoding.upper()],
    ).fetchone()
    return row != (False,)


def drop_orphans(conn: psycopg.Connection, prefix: str) -> None:
    """Drop the databases whose process has ended.

    Databases that another role owns, or that a prepared transaction uses, are skipped.

    Args:
        conn: An autocommit connection to any database of the server.
        prefix: The beginning of the databases' names.
    """
    values = {"pattern": f"^{prefix}([0-9a-f]{{8}})_[0-9]+$", "class": _CLASS}
    for (orphan,) in conn.execute(query("database/orphans"), values).fetchall():
        with contextlib.suppress(errors.InsufficientPrivilege, errors.ObjectInUse):
            drop(conn, orphan)


def drop(conn: psycopg.Connection, database: str) -> None:
    """Drop a database if it exists, and end the sessions that are connected to it."""
    conn.execute(
        sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
    )
