"""Connections to the database: the checks at their start, and transactions with timeouts."""

import contextlib
import dataclasses
from collections.abc import Collection, Iterator
from datetime import datetime

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from lmsschema.database import rights, session, settings, sqlstate
from lmsschema.database.backend import Backend
from lmsschema.database.queries import query
from lmsschema.database.session import NEWEST, OLDEST
from lmsschema.database.settings import LOCK_TIMEOUT
from lmsschema.database.target import Target
from lmsschema.errors import DatabaseUnavailableError, LmsschemaError, UnsafeError, UsageError


@dataclasses.dataclass(frozen=True)
class Database:
    """An open connection, and the facts that the server reported when it was opened.

    Attributes:
        conn: The psycopg connection, in autocommit mode; use :meth:`transaction` for work.
        target: The database.
        schema: The schema to work in; it may not exist yet.
        schema_exists: Whether the schema existed when the connection was opened.
        schema_is_default: Whether the session's own search_path makes it create objects there.
        user: The session's current role.
        version: The server's major version, 15 or later.
        read_only: Why the server accepts no changes (a standby, a read-only database), or "".
        can_use: Whether the role has USAGE on the schema; without it, no name in it is found.
        can_create: Whether the role may create objects in the schema, or the schema itself.
        warnings: Warnings for the user.
        path: The search_path of its transactions; None: only the schema
            (:func:`lmsschema.database.extensions.searched`).
        backend: The backend that runs the connection's transaction.
    """

    conn: psycopg.Connection
    target: Target
    schema: str
    schema_exists: bool
    schema_is_default: bool
    user: str
    version: int
    read_only: str
    can_use: bool
    can_create: bool
    warnings: tuple[str, ...]
    path: str | None = None
    backend: Backend = dataclasses.field(default_factory=Backend, compare=False)

    @contextlib.contextmanager
    def transaction(
        self, *, lock_timeout: float = LOCK_TIMEOUT, read_only: bool = False
    ) -> Iterator[psycopg.Connection]:
        """Run a transaction that sets all its settings itself, so that it works behind a pooler.

        Names resolve in :attr:`schema` only, or by :attr:`path`; times are read and printed in UTC,
        in ISO style.

        Args:
            lock_timeout: Seconds for which a statement waits for a lock.
            read_only: Start a READ ONLY transaction, in which the server refuses changes.
        """
        self.conn.read_only = read_only or None
        try:
            with self.conn.transaction():
                state = settings.of_transaction(self.schema, lock_timeout, self.path)
                self.backend.note(self.conn.execute(state).fetchone())
                yield self.conn
        finally:
            if not self.conn.closed and self.conn.info.transaction_status is TransactionStatus.IDLE:
                self.conn.read_only = None  # the next transaction may write


def now(conn: psycopg.Connection) -> datetime:
    """Return the current time by the server's clock."""
    row = conn.execute("SELECT pg_catalog.now()").fetchone()
    if row is None:  # a SELECT without FROM has a row
        raise LmsschemaError("the server did not return the current time")
    at: datetime = row[0]
    return at


def create_schema(schema: str) -> sql.Composed:
    """Return the statement that creates the schema if it does not exist."""
    return sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema))


def connect(target: Target) -> Database:
    """Open a connection and check that lmsschema can work on the database.

    Raises:
        DatabaseUnavailableError: The server can't be reached, refuses the login, is older than
            PostgreSQL 15 or is not PostgreSQL.
        UnsafeError: The database's encoding is SQL_ASCII.
        UsageError: No schema is named, and several on the search_path have a version table.
    """
    conn = session.open_connection(target)
    try:
        return _examine(conn, target)
    except BaseException:
        conn.close()
        raise


def require_usage(database: Database) -> None:
    """Raise unless the role has USAGE on the schema; without it, tables seem not to exist.

    Raises:
        DatabaseUnavailableError: The privilege is missing; the hint is the GRANT.
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
    """Raise unless the server accepts changes and the role may create objects in the schema.

    Raises:
        DatabaseUnavailableError: A standby, a read-only database, or a missing privilege; the hint
            is the GRANT.
    """
    if database.read_only:
        raise DatabaseUnavailableError(
            f"{database.target} accepts no changes: {database.read_only}",
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
        owner = database.conn.execute(
            "SELECT pg_catalog.pg_get_userbyid(nspowner) FROM pg_catalog.pg_namespace"
            " WHERE nspname = %s",
            [database.schema],
        ).fetchone()
    else:
        grant = sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(
            sql.Identifier(database.conn.info.dbname), role
        )
        what, owner = f"may not create the schema {database.schema}", None
    hint = f"A superuser or the owner can run: {grant.as_string()};"
    if owner is not None and rights.may_set_role(database.conn, owner[0]):
        hint = rights.to_act_as(database.conn, database.user, owner[0])
    raise DatabaseUnavailableError(f"role {database.user} {what} of {database.target}", hint=hint)


def require_owner(database: Database, names: Collection[str]) -> None:
    """Raise unless the role has the privileges of the owners of these tables, where they exist.

    Raises:
        DatabaseUnavailableError: It lacks those of one owner; the hint is the SET ROLE or GRANT.
    """
    with database.transaction(read_only=True) as conn:
        row = conn.execute(
            "SELECT c.relname, pg_catalog.pg_get_userbyid(c.relowner)"
            " FROM pg_catalog.pg_class AS c"
            " WHERE c.relnamespace ="
            " (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = %s)"
            " AND c.relname = ANY (%s) AND c.relkind IN ('r', 'p')"
            " AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE') ORDER BY c.relname LIMIT 1",
            [database.schema, list(names)],
        ).fetchone()
        if row is not None:
            raise DatabaseUnavailableError(
                f"table {row[0]} in schema {database.schema} of {database.target} belongs to role "
                f"{row[1]}, whose privileges role {database.user} does not have",
                hint=rights.to_act_as(conn, database.user, row[1]),
            )


def _examine(conn: psycopg.Connection, target: Target) -> Database:
    """Refuse a database that lmsschema can't work on; else return it with its facts."""
    session.require_postgresql(conn, target)
    major = conn.info.server_version // 10000
    if major < OLDEST:
        raise DatabaseUnavailableError(
            f"{target} is PostgreSQL {conn.info.parameter_status('server_version')}, "
            f"older than {OLDEST}",
            hint=f"lmsschema works on PostgreSQL {OLDEST} to {NEWEST}.",
        )
    if conn.info.parameter_status("server_encoding") == "SQL_ASCII":
        raise UnsafeError(
            f"the encoding of {target} is SQL_ASCII, in which the server does not validate text",
            hint="Create the database with ENCODING 'UTF8' TEMPLATE template0.",
        )
    with sqlstate.translated(target):
        row = conn.execute(query("database/session"), {"schema": target.schema}).fetchone()
    if row is None:  # a SELECT without FROM has a row
        raise DatabaseUnavailableError(f"{target} returned no facts about the session")
    schema, homes, is_default, schema_exists, user, in_recovery, read_only, can_use, can_create = (
        row
    )
    if target.schema is None and len(homes) > 1:
        raise UsageError(
            f"several schemas on the search_path of {user} on {target} have a version table: "
            + ", ".join(homes),
            hint=f"Name one of them, for example --schema {homes[0]}.",
            details={"schemas": homes},
        )
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
        schema_is_default=is_default,
        user=user,
        version=major,
        read_only=reason,
        can_use=can_use,
        can_create=can_create,
        warnings=tuple(warnings),
    )
