"""Creates databases at head, and drops them; a failure leaves no incomplete database."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
from psycopg import conninfo, errors, sql

from lmsschema import names
from lmsschema.createdb import roles, templates
from lmsschema.createdb.content import UTF8, Text
from lmsschema.database import profile as index_profile
from lmsschema.database import session, sqlstate, throwaway
from lmsschema.database.target import Target
from lmsschema.errors import DatabaseUnavailableError, LmsschemaError, UnsafeError, UsageError

Confirm = Callable[[str], None]
"""Called with a question before data is deleted; raises UnsafeError unless the answer is yes."""

_NEW = "lmsschema_new_"
_ATTEMPTS = 5
_INSUFFICIENT_RESOURCES = "53"  # the class of SQLSTATEs: disk full, out of memory, connections


@dataclass(frozen=True)
class Created:
    """A database that was created.

    Attributes:
        name: Its name.
        template: The template that it was copied from; None if it was built by `upgrade`.
        template_built: Whether the template had to be built first.
        replaced: Whether an existing database of that name was dropped.
    """

    name: str
    template: str | None
    template_built: bool
    replaced: bool


@dataclass(frozen=True)
class Cluster:
    """A connection to a server, to whichever of its databases accepts one.

    Attributes:
        conn: The connection, in autocommit mode.
        target: The server, and the schema to work in.
    """

    conn: psycopg.Connection
    target: Target


@contextlib.contextmanager
def connect(target: Target) -> Iterator[Cluster]:
    """Connect to a server; the database that the target names need not exist.

    Raises:
        DatabaseUnavailableError: The server can't be reached, refuses the login, is older than
            PostgreSQL 15, or is behind a pooler.
    """
    conn = _open(target)
    with contextlib.closing(conn), _translated(target):
        if conn.info.server_version // 10000 < session.OLDEST:
            raise DatabaseUnavailableError(
                f"{target} is PostgreSQL {conn.info.parameter_status('server_version')},"
                f" older than {session.OLDEST}",
                hint=f"lmsschema works on PostgreSQL {session.OLDEST} to {session.NEWEST}.",
            )
        session.require_direct(conn, target, "creating databases")
        yield Cluster(conn, target)


def create(
    server: Cluster,
    name: str,
    *,
    template: bool = True,
    owner: str | None = None,
    text: Text = UTF8,
    profile: str = names.FAITHFUL,
    replace: Confirm | None = None,
) -> Created:
    """Create a database at head, with the partitions that `upgrade` would create today.

    Args:
        server: The server.
        name: The database's name.
        template: Copy a template, which is built and kept if the server has none.
        owner: The owner of the database and of all objects in it; None for the connected role.
        text: The database's encoding and locale.
        profile: Its index profile.
        replace: Asked before an existing database of that name is dropped. It is dropped once the
            new one is complete. None: an existing database is an error.

    Raises:
        UsageError: The name, the encoding, the locale or the profile is invalid.
        DatabaseUnavailableError: The role may not create databases, there is no such owner, or the
            server has no room. Nothing is left behind.
        UnsafeError: The name is taken, or the database to be replaced is in use.
    """
    if text.encoding.upper().replace("-", "_") == "SQL_ASCII":
        raise UsageError(
            "with --encoding SQL_ASCII the server does not validate text",
            hint="Leave the option out: the default is UTF8.",
        )
    if not name or "\0" in name or not names.fits(name):
        raise UsageError(
            f"a database can't be named {name!r}: a name has 1 to {names.MAX_BYTES} bytes"
        )
    index_profile.require(profile)
    roles.require_createdb(server.conn, server.target)
    if owner is not None:
        roles.require_role(server.conn, server.target, owner)
    taken = exists(server, name)
    if taken and replace is None:
        raise UnsafeError(
            f"the database {name} exists already",
            hint="To drop it with all its data and create it anew: --replace",
        )
    if taken and replace is not None:
        _require_droppable(server, name)
        replace(f"Replace the database {name}, with all its data?")
    throwaway.drop_orphans(server.conn, _NEW)
    if template and not taken:
        return Created(name, *_copy(server, name, owner, text, profile), replaced=False)
    with _under_another_name(server, name) as interim:
        source, built = (_copy if template else _build)(server, interim, owner, text, profile)
        if taken:
            _drop(server, name)
    return Created(name, source, built, replaced=taken)


def drop(server: Cluster, name: str, confirm: Confirm) -> None:
    """Drop a database with all its data.

    Raises:
        DatabaseUnavailableError: There is no such database, or the role may not drop it.
        UnsafeError: A session is connected to it, or it is a template.
    """
    if not exists(server, name):
        raise DatabaseUnavailableError(f"there is no database {name} on {server.target}")
    _require_droppable(server, name)
    confirm(f"Drop the database {name} with all its data?")
    _drop(server, name)


def exists(server: Cluster, name: str) -> bool:
    """Whether the server has a database of that name."""
    found = "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = %s)"
    return bool(_scalar(server, found, name))


def _copy(
    server: Cluster, name: str, owner: str | None, text: Text, profile: str
) -> tuple[str, bool]:
    """Copy the template; return its name, and whether it had to be built first."""
    strategy = templates.strategy(server.conn)
    for _ in range(_ATTEMPTS):
        source, built = templates.ensure(server.conn, server.target, owner, text, profile=profile)
        owned = sql.SQL(" OWNER {}").format(sql.Identifier(owner)) if owner else sql.SQL("")
        try:
            server.conn.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}{}{}").format(
                    sql.Identifier(name), sql.Identifier(source), owned, strategy
                )
            )
        except errors.InvalidCatalogName:  # another version of lmsschema has just dropped it
            continue
        except errors.DuplicateDatabase:
            raise _taken_meanwhile(name) from None
        return source, built
    raise LmsschemaError(
        f"another process dropped the template {_ATTEMPTS} times before it could be copied",
        hint="To create the database without a template: --no-template.",
    )


def _taken_meanwhile(name: str) -> UnsafeError:
    return UnsafeError(
        f"another process has just created the database {name}", hint="Choose another name."
    )


def _build(
    server: Cluster, name: str, owner: str | None, text: Text, profile: str
) -> tuple[None, bool]:
    """Create a database by `upgrade`, without a template."""
    owned_by = owner or str(_scalar(server, "SELECT current_user"))
    throwaway.create_empty(
        server.conn, name, owner=owned_by, encoding=text.encoding, locale=text.locale
    )
    templates.upgrade(server.target, name, owned_by, profile)
    return None, False


@contextlib.contextmanager
def _under_another_name(server: Cluster, name: str) -> Iterator[str]:
    """Let a database be created under an interim name, then rename it; drop it on an error."""
    key = throwaway.take(server.conn)
    interim = throwaway.name(_NEW, key, 1)
    try:
        yield interim
        server.conn.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                sql.Identifier(interim), sql.Identifier(name)
            )
        )
    except BaseException as error:
        with contextlib.suppress(psycopg.Error):
            throwaway.drop(server.conn, interim)
        if isinstance(error, errors.DuplicateDatabase):
            raise _taken_meanwhile(name) from None
        raise


def _drop(server: Cluster, name: str) -> None:
    try:
        server.conn.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
    except errors.ObjectInUse as error:
        _require_droppable(server, name)
        # not by a session, but by a prepared transaction, a replication slot or a subscription
        detail = error.diag.message_detail or error.diag.message_primary
        raise UnsafeError(
            f"{name} is in use: {detail}", hint="End that use, then run the command again."
        ) from error


def _require_droppable(server: Cluster, name: str) -> None:
    """Raise UnsafeError if the database is a template, or a session is connected to it."""
    if _scalar(server, "SELECT datistemplate FROM pg_catalog.pg_database WHERE datname = %s", name):
        raise UnsafeError(
            f"{name} is marked as a template database",
            hint=f'If it may be dropped: ALTER DATABASE "{name}" IS_TEMPLATE false;',
        )
    rows = server.conn.execute(  # backend_type is NULL if the role may not see it
        "SELECT pid, usename, application_name FROM pg_catalog.pg_stat_activity WHERE datname = %s"
        " AND coalesce(backend_type, 'client backend') = 'client backend' ORDER BY pid",
        [name],
    ).fetchall()
    if rows:
        who = ", ".join(f"{user} (pid {pid}{f', {app}' if app else ''})" for pid, user, app in rows)
        raise UnsafeError(
            f"sessions are connected to {name}: {who}",
            hint="Close them, or terminate each: SELECT pg_terminate_backend(pid);",
        )


def _scalar(server: Cluster, statement: str, *values: str) -> object:
    row = server.conn.execute(statement.encode(), values).fetchone()
    return row[0] if row else None


def _open(target: Target) -> psycopg.Connection:
    """Open a connection to the server's maintenance database, else to the target's own."""
    maintenance = conninfo.make_conninfo(target.conninfo, dbname=session.MAINTENANCE)
    try:
        return session.open_connection(Target(maintenance, target.source))
    except DatabaseUnavailableError:
        return session.open_connection(target)


@contextlib.contextmanager
def _translated(target: Target) -> Iterator[None]:
    """Raise the driver's errors as lmsschema's; a lack of resources as DatabaseUnavailableError."""
    try:
        yield
    except psycopg.Error as error:
        if (error.sqlstate or "")[:2] != _INSUFFICIENT_RESOURCES:
            raise sqlstate.translate(error, target) from error
        raise DatabaseUnavailableError(
            f"{target} has not enough resources: {sqlstate.clean(str(error), target)}",
            hint="Nothing was left behind. Free resources on the server, then try again.",
            details={"sqlstate": error.sqlstate},
        ) from error
