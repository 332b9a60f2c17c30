"""Template databases: at head, built once by `upgrade`, copied in milliseconds.

The name of a template contains a digest of everything that determines its content, so an outdated
template is never used. It is built under another name and renamed when it is complete, so an
incomplete one is never used either. It accepts no connections, so nothing changes it, and no
session prevents copying it.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
from psycopg import conninfo, errors, sql

from lmsschema import names
from lmsschema.createdb.content import (
    BUILDING,
    TEMPLATE,
    UTF8,
    Addition,
    Template,
    Text,
    describe,
)
from lmsschema.database import profile as index_profile
from lmsschema.database import sqlstate, throwaway
from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.deadline import Deadline
from lmsschema.errors import LockTimeoutError, UnsafeError
from lmsschema.migration import revisions

WAIT = 120.0
"""Seconds to wait for another process that builds the template."""

_CLASS = 0x6C6D74  # first half of the keys of the advisory locks that are held while building


def ensure(
    conn: psycopg.Connection,
    server: Target,
    owner: str | None = None,
    text: Text = UTF8,
    *,
    addition: Addition | None = None,
    profile: str = names.FAITHFUL,
    before_build: Callable[[], None] = lambda: None,
) -> tuple[str, bool]:
    """Return the name of a template at head, and whether it had to be built.

    Args:
        conn: An autocommit connection to a database of the server, which stays open meanwhile.
        server: The same server, and the schema to create everything in.
        owner: The owner of the template and of all objects in it; None for the connected role.
        text: The encoding and locale.
        addition: What it contains besides the schema at head.
        profile: Its index profile.
        before_build: Called if it has to be built.

    Raises:
        UsageError: There is no such profile.
        LockTimeoutError: Another process has been building it for longer than ``WAIT``.
        psycopg.Error: It can't be built. Nothing is left behind.
    """
    index_profile.require(profile)
    template = describe(conn, server, owner, text, addition=addition, profile=profile)
    deadline = Deadline(WAIT, pause=0.1)
    while not _exists(conn, template):
        with _building(conn, template) as mine:
            if mine and not _exists(conn, template):
                before_build()
                _build(conn, template)
                _drop_old(conn, template)
                return template.name, True
        if deadline.expired:
            raise LockTimeoutError(
                f"another process is still building {template.name} after {WAIT:g} s",
                hint="Try again, or create the database without a template: --no-template.",
            )
        deadline.pause()
    return template.name, False


def strategy(conn: psycopg.Connection) -> sql.SQL:
    """Return the STRATEGY clause of CREATE DATABASE for this server.

    With fsync off, copying files is faster than copying pages through the WAL, and the copy has the
    template's relation cache, so that its first connection is faster. With fsync on, FILE_COPY
    forces two checkpoints, so the default is used.
    """
    (fsync,) = conn.execute("SHOW fsync").fetchone() or ("on",)
    return sql.SQL(" STRATEGY file_copy" if fsync == "off" else "")


def _exists(conn: psycopg.Connection, template: Template) -> bool:
    """Whether the template exists, is complete and belongs to its owner.

    Any role may create a database with that name, hence the check of the owner.
    """
    row = conn.execute(
        "SELECT FROM pg_catalog.pg_database WHERE datname = %s AND datistemplate"
        " AND NOT datallowconn AND pg_catalog.pg_get_userbyid(datdba) = %s",
        [template.name, template.owner],
    ).fetchone()
    return row is not None


@contextlib.contextmanager
def _building(conn: psycopg.Connection, template: Template) -> Iterator[bool]:
    """Try to become the only process that builds the template; yields whether it succeeded.

    Advisory locks are local to a database, and other processes may be connected to other ones. So
    the process that obtains the lock looks for holders in all databases, and gives up if it finds
    one.
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
    """Build the template. The last step renames it."""
    _drop(conn, template.building)
    _drop(conn, template.name)  # a template whose drop was interrupted
    building, name = sql.Identifier(template.building), sql.Identifier(template.name)
    try:
        throwaway.create_empty(
            conn,
            template.building,
            owner=template.owner,
            encoding=template.text.encoding,
            locale=template.text.locale,
        )
        upgrade(template.server, template.building, template.owner, template.profile)
        if template.addition is not None:
            template.addition.apply(_target(template.server, template.building))
        for statement in (
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                building,
                f"lmsschema at {revisions.head()}, schema {template.server.schema or 'public'},"
                f" owner {template.owner}: copied by 'lmsschema createdb' and tests;"
                " may be dropped, and is rebuilt when needed",
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


def upgrade(server: Target, name: str, owner: str, profile: str) -> None:
    """Upgrade a database of the server to head, including partitions, as its owner."""
    from lmsschema.migration import upgrade as migration_upgrade

    given = conninfo.conninfo_to_dict(server.conninfo)
    role = owner.replace("\\", "\\\\").replace(" ", "\\ ")
    options = f"{given.get('options') or ''} -c role={role}".strip()
    target = _target(server, name, options)
    database = connect(target)
    with contextlib.closing(database.conn), sqlstate.translated(target):
        migration_upgrade.upgrade(database, profile=None if profile == names.FAITHFUL else profile)


def _drop_old(conn: psycopg.Connection, template: Template) -> None:
    """Drop older templates, and incomplete ones that killed processes left behind.

    Templates that are being copied are left for the next time, those being built to their builder.
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
                errors.InsufficientPrivilege,  # a superuser's session is on an incomplete one
            ),
            _building(conn, other) as free,
        ):
            if free:
                _drop(conn, name)


def _drop(conn: psycopg.Connection, name: str) -> None:
    """Drop a database if it exists, also if it is marked as a template."""
    known = conn.execute("SELECT FROM pg_catalog.pg_database WHERE datname = %s", [name]).fetchone()
    if known is not None:
        database = sql.Identifier(name)
        conn.execute(sql.SQL("ALTER DATABASE {} WITH IS_TEMPLATE false").format(database))
        # a complete one has no sessions; an incomplete one may have that of a dead process
        force = sql.SQL(" WITH (FORCE)" if name.startswith(BUILDING) else "")
        conn.execute(sql.SQL("DROP DATABASE {}{}").format(database, force))
