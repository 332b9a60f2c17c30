"""Connections to the database: what is asked of it first, transactions with limits."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from datetime import datetime

import psycopg
from psycopg import conninfo, sql

from lmsschema.database import sqlstate
from lmsschema.database.backend import Backend
from lmsschema.database.queries import query
from lmsschema.database.target import Target
from lmsschema.errors import DatabaseUnavailableError, LmsschemaError, UnsafeError

OLDEST, NEWEST = 15, 18

#: Seconds that a connection may take where neither the URL nor PGCONNECT_TIMEOUT says.
CONNECT_TIMEOUT = 10

#: Seconds that a statement waits for a lock where the caller does not say.
LOCK_TIMEOUT = 5.0


#: What lets a transaction take its time, as statement_timeout does; the setting is PostgreSQL 17's.
NO_TRANSACTION_TIMEOUT = sql.SQL(
    "CASE WHEN pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL"
    " THEN pg_catalog.set_config('transaction_timeout', '0', true) END"
)

#: The timeout, and who the transaction's backend is.
_OF_EVERY_TRANSACTION = NO_TRANSACTION_TIMEOUT + sql.SQL(
    ", pg_catalog.pg_backend_pid(),"
    " (pg_catalog.date_part('epoch', pg_catalog.now()) * 1000000)::bigint"
)


@dataclasses.dataclass(frozen=True)
class Database:
    """An open connection, and what the server said of itself when it was opened.

    Attributes:
        conn: The psycopg connection, in autocommit mode; use :meth:`transaction` for work.
        target: Which database it is.
        schema: The schema to work in; it need not exist yet.
        schema_exists: Whether it did when the connection was opened.
        user: The role that the session runs as.
        version: The server's major version, 15 or later.
        read_only: Why the server takes no changes (a standby, a read-only database), or "".
        can_use: Whether the role may use the schema; where not, no name in it is found.
        can_create: Whether the role may create objects in the schema, or the schema itself.
        warnings: What the user should be told.
        backend: Who runs the connection's transaction on the server.
    """

    conn: psycopg.Connection
    target: Target
    schema: str
    schema_exists: bool
    user: str
    version: int
    read_only: str
    can_use: bool
    can_create: bool
    warnings: tuple[str, ...]
    backend: Backend = dataclasses.field(default_factory=Backend, compare=False)

    @contextlib.contextmanager
    def transaction(
        self, *, lock_timeout: float = LOCK_TIMEOUT, read_only: bool = False
    ) -> Iterator[psycopg.Connection]:
        """Run a transaction whose settings are its own, so that a pooler may sit between.

        Names resolve in :attr:`schema` alone; times are read and printed in UTC, ISO style.

        Args:
            lock_timeout: Seconds that a statement waits for a lock at most.
            read_only: Have the server itself refuse every change.
        """
        self.conn.read_only = read_only or None
        with self.conn.transaction():
            self.backend.note(self.conn.execute(settings(self.schema, lock_timeout)).fetchone())
            yield self.conn


def settings(schema: str, lock_timeout: float = LOCK_TIMEOUT) -> sql.Composed:
    """Return the statement that gives the current transaction its settings.

    The last two columns of its row are the server's process, and when the transaction began.

    Args:
        schema: The one schema in which names resolve.
        lock_timeout: Seconds that a statement waits for a lock at most.
    """
    values = {
        "search_path": sql.Identifier(schema).as_string(),
        "lock_timeout": f"{max(1, round(lock_timeout * 1000))}ms",
        "statement_timeout": "0",
        "row_security": "off",  # an error, where a policy would hide rows from us
        "TimeZone": "UTC",
        "DateStyle": "ISO, YMD",
        "IntervalStyle": "postgres",
    }
    return sql.SQL("SELECT {}, {}").format(
        sql.SQL(", ").join(
            sql.SQL("pg_catalog.set_config({}, {}, true)").format(name, value)
            for name, value in values.items()
        ),
        _OF_EVERY_TRANSACTION,
    )


def now(conn: psycopg.Connection) -> datetime:
    """Return the time by the database's clock."""
    row = conn.execute("SELECT pg_catalog.now()").fetchone()
    if row is None:  # a SELECT without FROM has a row
        raise LmsschemaError("the server did not tell the time")
    at: datetime = row[0]
    return at


def create_schema(schema: str) -> sql.Composed:
    """Return the statement that makes the schema."""
    return sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema))


def connect(target: Target) -> Database:
    """Open a connection and ask the server what it is.

    Raises:
        DatabaseUnavailableError: It can't be reached, refuses the login, is older than
            PostgreSQL 15 or no PostgreSQL.
        UnsafeError: The database's encoding is SQL_ASCII.
    """
    conn = open_connection(target)
    try:
        return _examine(conn, target)
    except BaseException:
        conn.close()
        raise


def open_connection(target: Target) -> psycopg.Connection:
    """Open a plain autocommit connection to ``target``, without asking anything of it."""
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
        raise DatabaseUnavailableError(
            f"no connection to {target}: {sqlstate.clean(str(error), target)}",
            hint="Is the server running, and are host, port, database, user and password right?",
        ) from None
    # under the others, what is read after a lock was waited for is how it was before
    conn.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return conn


def require_usage(database: Database) -> None:
    """Raise unless the role may use the schema: its tables would seem not to be there.

    Raises:
        DatabaseUnavailableError: It may not; the hint is the GRANT that would help.
    """
    if database.can_use:
        return
    grant = sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(
        sql.Identifier(database.schema), sql.Identifier(database.user)
    )
    raise DatabaseUnavailableError(
        f"role {database.user} may not use schema {database.schema} of {database.target}",
        hint=f"{grant.as_string()};",
    )


def require_writable(database: Database) -> None:
    """Raise unless the server takes changes and the role may create in the schema.

    Raises:
        DatabaseUnavailableError: A standby, a read-only database, or no right; the hint is the
            GRANT that would help.
    """
    if database.read_only:
        raise DatabaseUnavailableError(
            f"{database.target} takes no changes: {database.read_only}",
            hint="Name the primary server with --url.",
        )
    if database.can_create:
        return
    role = sql.Identifier(database.user)
    if database.schema_exists:
        grant = sql.SQL("GRANT USAGE, CREATE ON SCHEMA {} TO {}").format(
            sql.Identifier(database.schema), role
        )
        what = f"may not create in schema {database.schema}"
    else:
        grant = sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(
            sql.Identifier(database.conn.info.dbname), role
        )
        what = f"may not create the schema {database.schema}"
    raise DatabaseUnavailableError(
        f"role {database.user} {what} of {database.target}",
        hint=f"A superuser or the owner can run: {grant.as_string()};",
    )


def _examine(conn: psycopg.Connection, target: Target) -> Database:
    """Refuse what lmsschema can't work on; return the rest with what it is."""
    try:
        banner = str((conn.execute("SELECT pg_catalog.version()").fetchone() or [""])[0])
    except psycopg.Error:
        banner = ""
    major = conn.info.server_version // 10000
    if not banner.startswith("PostgreSQL "):
        raise DatabaseUnavailableError(
            f"{target} is no PostgreSQL: it calls itself "
            f"{banner or conn.info.parameter_status('server_version') or 'nothing'}",
            hint=f"lmsschema works on PostgreSQL {OLDEST} to {NEWEST}.",
        )
    if major < OLDEST:
        raise DatabaseUnavailableError(
            f"{target} is PostgreSQL {conn.info.parameter_status('server_version')}, "
            f"older than {OLDEST}",
            hint=f"lmsschema works on PostgreSQL {OLDEST} to {NEWEST}.",
        )
    if conn.info.parameter_status("server_encoding") == "SQL_ASCII":
        raise UnsafeError(
            f"the encoding of {target} is SQL_ASCII: the server would store text unchecked",
            hint="Create the database with ENCODING 'UTF8' TEMPLATE template0.",
        )
    with sqlstate.translated(target):
        row = conn.execute(query("database/session"), {"schema": target.schema}).fetchone()
    if row is None:  # a SELECT without FROM has a row
        raise DatabaseUnavailableError(f"{target} did not say what it is")
    schema, schema_exists, user, in_recovery, read_only, can_use, can_create = row
    if schema is None:
        raise DatabaseUnavailableError(
            f"the search_path of {user} on {target} names no schema that exists",
            hint="Name the schema with --schema.",
        )
    warnings = []
    if major > NEWEST:
        warnings.append(
            f"PostgreSQL {major} is newer than this lmsschema was tested on ({OLDEST} to {NEWEST})"
        )
    reason = "a standby in recovery" if in_recovery else "a read-only database" if read_only else ""
    return Database(
        conn=conn,
        target=target,
        schema=schema,
        schema_exists=schema_exists,
        user=user,
        version=major,
        read_only=reason,
        can_use=can_use,
        can_create=can_create,
        warnings=tuple(warnings),
    )
