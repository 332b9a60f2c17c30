"""Sessions of a server: opened as the user asked, in one known state."""

import contextlib
import os
import shlex

import psycopg
from psycopg import conninfo, errors, sql

from lmsschema.database import settings, sqlstate
from lmsschema.database.target import Target
from lmsschema.errors import DatabaseUnavailableError

OLDEST, NEWEST = 15, 18

#: The database that every server has, for what concerns the server.
MAINTENANCE = "postgres"

#: Seconds that a connection may take where neither the URL nor PGCONNECT_TIMEOUT says.
CONNECT_TIMEOUT = 10


def open_connection(target: Target) -> psycopg.Connection:
    """Open a plain autocommit connection to ``target``, without asking anything of it.

    Where its session is ours it is in the state of :mod:`lmsschema.database.settings`.
    """
    conn = _dial(target)
    try:
        _put_into_state(conn, target)
    except BaseException:
        conn.close()
        raise
    return conn


def is_pooled(conn: psycopg.Connection) -> bool:
    """Whether a pooler sits between: the process that runs a statement is not the connection's."""
    row = conn.execute("SELECT pg_catalog.pg_backend_pid()").fetchone()
    return row != (conn.info.backend_pid,)


def require_direct(conn: psycopg.Connection, target: Target, what: str) -> None:
    """Raise if a pooler sits between, for what needs one session from beginning to end.

    Args:
        conn: An open connection to the target.
        target: The database, for the message.
        what: What needs it, for the message.

    Raises:
        DatabaseUnavailableError: A pooler does.
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
        # a statement prepared on one server connection is unknown on a pooler's next one
        conn = psycopg.connect(
            conninfo.make_conninfo(target.conninfo, **extra),
            autocommit=True,
            prepare_threshold=None,
        )
    except psycopg.Error as error:  # a parameter that can't be read is a ProgrammingError
        name = target.parameters().get("dbname")
        hint = "Is the server running, and are host, port, database, user and password right?"
        if name and name in str(error) and _is_missing(target, name):
            same = " with the same --url" if target.source == "--url" else ""
            hint = f"Make it, at head: lmsschema createdb {shlex.quote(name)}{same}"
        raise DatabaseUnavailableError(
            f"no connection to {target}: {sqlstate.clean(str(error), target)}", hint=hint
        ) from None
    # under the others, what is read after a lock was waited for is how it was before
    conn.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return conn


def _is_missing(target: Target, name: str) -> bool:
    """Whether the server lets us into another database, and has none of that name.

    libpq tells a failed connection's SQLSTATE to nobody, and its message is in any language.
    """
    other = conninfo.make_conninfo(target.conninfo, dbname=MAINTENANCE)
    found = "SELECT FROM pg_catalog.pg_database WHERE datname = %s"
    with contextlib.suppress(psycopg.Error), psycopg.connect(other, autocommit=True) as conn:
        return conn.execute(found, [name]).fetchone() is None
    return False


def _put_into_state(conn: psycopg.Connection, target: Target) -> None:
    """Put the session into the state that every connection is in, if it is ours."""
    try:
        conn.execute(settings.of_session(conn.info.backend_pid))
    except errors.InsufficientPrivilege as error:
        raise DatabaseUnavailableError(
            f"{target} refused: {sqlstate.clean(str(error), target)}",
            hint="Its value turns foreign keys and triggers off. A superuser can run: "
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
