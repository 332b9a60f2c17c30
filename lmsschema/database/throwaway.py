"""Databases that belong to a process: their names say whose they are, its lock that it lives.

A process takes a key: a number of its own, held as a session's advisory lock. The names of its
databases hold the key. `pg_locks` shows the advisory locks of every database, so any process can
tell what a dead one left behind, however that died, and drop it.
"""

import contextlib

import psycopg
from psycopg import errors, sql

from lmsschema.database.queries import query

_CLASS = 0x6C6D73  # "lms": the first half of the locks' keys


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
