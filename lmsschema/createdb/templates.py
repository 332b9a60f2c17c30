"""Template databases: at head, built once by `upgrade`, copied in milliseconds.

A template is named after all that decides what is in it, so one that is out of date is never found.
It is built under another name and renamed when it is complete, so one that is half built is never
found either. No one can connect to it: nothing changes it, and nothing hinders a copy.
"""

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
from psycopg import conninfo, errors, sql

from lmsschema.createdb.content import (
    BUILDING,
    TEMPLATE,
    UTF8,
    Addition,
    Template,
    Text,
    describe,
)
from lmsschema.database import sqlstate, throwaway
from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.errors import LockTimeoutError, UnsafeError
from lmsschema.migration import revisions

WAIT = 120.0
"""Seconds that another process may take to build the template."""

_CLASS = 0x6C6D74  # the first half of the locks' keys: one of these is held while building


def ensure(
    conn: psycopg.Connection,
    server: Target,
    owner: str | None = None,
    text: Text = UTF8,
    *,
    addition: Addition | None = None,
    before_build: Callable[[], None] = lambda: None,
) -> tuple[str, bool]:
    """Return the name of a template at head, and whether it was built: the server had none.

    Args:
        conn: An autocommit connection to a database of the server, not to be closed meanwhile.
        server: The same server, and the schema to put everything into.
        owner: The role to own the template and all that is in it; None for our own.
        text: How it is to keep text.
        addition: What it is to hold besides head.
        before_build: Called where it has to be built.

    Raises:
        LockTimeoutError: Another process still builds it.
        psycopg.Error: It can't be built; nothing is left of it.
    """
    template = describe(conn, server, owner, text, addition)
    deadline = time.monotonic() + WAIT
    while not _exists(conn, template):
        with _building(conn, template) as mine:
            if mine and not _exists(conn, template):
                before_build()
                _build(conn, template)
                _drop_old(conn, template)
                return template.name, True
        if time.monotonic() > deadline:
            raise LockTimeoutError(
                f"another process still builds {template.name} after {WAIT:g} s",
                hint="Try again, or go without: --no-template.",
            )
        time.sleep(random.uniform(0.02, 0.1))  # noqa: S311  jitter, no secret
    return template.name, False


def strategy(conn: psycopg.Connection) -> sql.SQL:
    """Return how CREATE DATABASE is to copy on this server, as part of the statement.

    Where nothing is forced to disk, copying files beats copying pages through the WAL; the copy
    also has the template's relation cache, so that its first connection is faster. Elsewhere it
    would force two checkpoints on everyone.
    """
    (fsync,) = conn.execute("SHOW fsync").fetchone() or ("on",)
    return sql.SQL(" STRATEGY file_copy" if fsync == "off" else "")


def _exists(conn: psycopg.Connection, template: Template) -> bool:
    """Say whether the template is there, complete, and the owner's: anybody may make a name."""
    row = conn.execute(
        "SELECT FROM pg_catalog.pg_database WHERE datname = %s AND datistemplate"
        " AND NOT datallowconn AND pg_catalog.pg_get_userbyid(datdba) = %s",
        [template.name, template.owner],
    ).fetchone()
    return row is not None


@contextlib.contextmanager
def _building(conn: psycopg.Connection, template: Template) -> Iterator[bool]:
    """Be the one that builds the template, or not: yields which.

    An advisory lock counts in one database; another process may be connected to another one. So
    whoever got it looks into all of them, and steps back if it is not alone.
    """
    key = int(template.content[:7], 16)
    values = [_CLASS, key]
    row = conn.execute(
        "SELECT pg_catalog.pg_try_advisory_lock(%s::int, %s::int)", values
    ).fetchone()
    if row != (True,):
        yield False
        return
    try:
        others = conn.execute(
            "SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND classid = %s"
            " AND objid = %s AND objsubid = 2 AND pid <> pg_catalog.pg_backend_pid()",
            values,
        ).fetchall()
        yield not others
    finally:
        if not conn.closed:
            conn.execute("SELECT pg_catalog.pg_advisory_unlock(%s::int, %s::int)", values)


def _build(conn: psycopg.Connection, template: Template) -> None:
    """Build the template; its last step is its name."""
    _drop(conn, template.building)
    _drop(conn, template.name)  # what is left of it if a drop was interrupted
    building, name = sql.Identifier(template.building), sql.Identifier(template.name)
    try:
        throwaway.create_empty(
            conn,
            template.building,
            owner=template.owner,
            encoding=template.text.encoding,
            locale=template.text.locale,
        )
        upgrade(template.server, template.building, template.owner)
        if template.addition is not None:
            template.addition.apply(_target(template.server, template.building))
        for statement in (
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                building,
                f"lmsschema at {revisions.head()}, schema {template.server.schema or 'public'},"
                f" owner {template.owner}: what 'lmsschema createdb' and tests copy;"
                " may be dropped, is built anew when needed",
            ),
            sql.SQL("ALTER DATABASE {} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false").format(
                building
            ),
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(building, name),
        ):
            conn.execute(statement)
    except BaseException as error:
        with contextlib.suppress(psycopg.Error):
            _drop(conn, template.building)
        if isinstance(error, errors.ObjectInUse):
            raise UnsafeError(
                f"what was put into {template.building} left a connection open",
                hint="It has to close what it opens: dispose of its engine.",
            ) from error
        raise


def _target(server: Target, name: str, options: str | None = None) -> Target:
    """Return a database of the server."""
    given = conninfo.make_conninfo(server.conninfo, dbname=name, options=options)
    return Target(given, server.source, server.schema)


def upgrade(server: Target, name: str, owner: str) -> None:
    """Bring a database of the server to head, partitions included, working as its owner."""
    from lmsschema.migration import upgrade as migration_upgrade

    given = conninfo.conninfo_to_dict(server.conninfo)
    role = owner.replace("\\", "\\\\").replace(" ", "\\ ")
    options = f"{given.get('options') or ''} -c role={role}".strip()
    target = _target(server, name, options)
    database = connect(target)
    with contextlib.closing(database.conn), sqlstate.translated(target):
        migration_upgrade.upgrade(database)


def _drop_old(conn: psycopg.Connection, template: Template) -> None:
    """Drop the template's predecessors, and what processes that were killed left of others.

    One that is just being copied is left to the next time, one that is being built to its builder.
    """
    rows = conn.execute(
        "SELECT datname FROM pg_catalog.pg_database"
        " WHERE datname ~ %s AND datname <> %s AND pg_catalog.pg_get_userbyid(datdba) = %s",
        [
            f"^({TEMPLATE}|{BUILDING}){template.kind}_[0-9a-f]{{24}}$",
            template.name,
            template.owner,
        ],
    ).fetchall()
    for (name,) in rows:
        other = replace(template, content=name[-24:])
        with (
            contextlib.suppress(
                errors.ObjectInUse,
                errors.InvalidCatalogName,
                errors.InsufficientPrivilege,  # to end a superuser's session on a half-built one
            ),
            _building(conn, other) as free,
        ):
            if free:
                _drop(conn, name)


def _drop(conn: psycopg.Connection, name: str) -> None:
    """Drop a database, a template or not, if it is there."""
    known = conn.execute("SELECT FROM pg_catalog.pg_database WHERE datname = %s", [name]).fetchone()
    if known is not None:
        database = sql.Identifier(name)
        conn.execute(sql.SQL("ALTER DATABASE {} WITH IS_TEMPLATE false").format(database))
        # nobody can connect to a complete one; to one that is half built, a dead process's session
        force = sql.SQL(" WITH (FORCE)" if name.startswith(BUILDING) else "")
        conn.execute(sql.SQL("DROP DATABASE {}{}").format(database, force))
