"""Opening sessions, in one defined state of all settings."""

import contextlib
import os
import shlex

import psycopg
from psycopg import conninfo, errors, sql

from lmsschema.database import settings, sqlstate
from lmsschema.database.target import Target
from lmsschema.errors import DatabaseUnavailableError

OLDEST, NEWEST = 15, 18

#: The database that every server has, for commands that concern the whole server.
MAINTENANCE = "postgres"

#: The connection timeout in seconds, if neither the URL nor PGCONNECT_TIMEOUT sets one.
CONNECT_TIMEOUT = 10


def open_connection(target: Target) -> psycopg.Connection:
    """Open an autocommit connection to ``target``, without checking the database.

    Unless a pooler shares the session, it gets the state of :mod:`lmsschema.database.settings`.

    Raises:
        DatabaseUnavailableError: The server can't be reached, or refuses the login or a setting.
    """
    conn = _dial(target)
    try:
        _put_into_state(conn, target)
    except BaseException:
        conn.close()
        raise
    return conn


def is_pooled(conn: psycopg.Connection) -> bool:
    """Whether a pooler is in between: the backend is not the process that libpq reports."""
    row = conn.execute("SELECT pg_catalog.pg_backend_pid()").fetchone()
    return row != (conn.info.backend_pid,)


def require_direct(conn: psycopg.Connection, target: Target, what: str) -> None:
    """Raise if a pooler is in between, for operations that need one session throughout.

    Args:
        conn: An open connection to the target.
        target: The database, for the message.
        what: The operation, for the message.

    Raises:
        DatabaseUnavailableError: A pooler is in between.
    """
    if is_pooled(conn):
        raise DatabaseUnavailableError(
            f"{target} is behind a pooler, and {what} needs a direct connection",
            hint="Name the host and port of the server itself.",
        )


def _dial(target: Target) -> psycopg.Connection:
    """Open an autocommit connection."""
    given = conninfo.conninfo_to_dict(target.conninfo)
    extra: dict[str, str | int] = {"client_encoding": "UTF8"}
    if "connect_timeout" not in given and "PGCONNECT_TIMEOUT" not in os.environ:
        extra["connect_timeout"] = CONNECT_TIMEOUT
    if "application_name" not in given and "PGAPPNAME" not in os.environ:
        extra["application_name"] = "lmsschema"
    try:
        # behind a pooler, a prepared statement is unknown on the next server connection
        conn = psycopg.connect(
            conninfo.make_conninfo(target.conninfo, **extra),
            autocommit=True,
            prepare_threshold=None,
        )
    except psycopg.Error as error:  # a malformed parameter raises ProgrammingError
        name = target.parameters().get("dbname")
        hint = "Is the server running, and are host, port, database, user and password right?"
        if name and name in str(error) and _is_missing(target, name):
            same = " with the same --url" if target.source == "--url" else ""
            hint = f"To create it at head: lmsschema createdb {shlex.quote(name)}{same}"
        raise DatabaseUnavailableError(
            f"no connection to {target}: {sqlstate.clean(str(error), target)}", hint=hint
        ) from None
    # with a higher level, a statement that waited for a lock would read the state before the wait
    conn.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return conn


def _is_missing(target: Target, name: str) -> bool:
    """Whether the server accepts a connection to another database and has none of that name.

    libpq does not report the SQLSTATE of a failed connection, and its message may be translated.
    """
    other = conninfo.make_conninfo(target.conninfo, dbname=MAINTENANCE)
    found = "SELECT FROM pg_catalog.pg_database WHERE datname = %s"
    with contextlib.suppress(psycopg.Error), psycopg.connect(other, autocommit=True) as conn:
        return conn.execute(found, [name]).fetchone() is None
    return False


def _put_into_state(conn: psycopg.Connection, target: Target) -> None:
    """Set the session's settings to their defined state, unless a pooler shares the session."""
    try:
        conn.execute(settings.of_session(conn.info.backend_pid))
    except errors.InsufficientPrivilege as error:
        raise DatabaseUnavailableError(
            f"{target} refused: {sqlstate.clean(str(error), target)}",
            hint="The role's setting disables foreign keys and triggers. A superuser can run: "
            + sql.SQL("ALTER ROLE {} RESET session_replication_role;")
            .format(sql.Identifier(conn.info.user))
            .as_string(),
        ) from error
    except psycopg.Error as error:
        require_postgresql(conn, target)
        raise sqlstate.translate(error, target) from error


def require_postgresql(conn: psycopg.Connection, target: Target) -> None:
    """Raise DatabaseUnavailableError unless the server is a PostgreSQL."""
    try:
        banner = str((conn.execute("SELECT pg_catalog.version()").fetchone() or [""])[0])
    except psycopg.Error:
        banner = ""
    if not banner.startswith("PostgreSQL "):
        reported = banner or conn.info.parameter_status("server_version") or "no version"
        raise DatabaseUnavailableError(
            f"{target} is not PostgreSQL (reports {reported})",
            hint=f"lmsschema works on PostgreSQL {OLDEST} to {NEWEST}.",
        )
