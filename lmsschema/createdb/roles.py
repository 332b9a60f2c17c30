"""What the connected role has to be allowed before it creates a database."""

import psycopg
from psycopg import sql

from lmsschema.database import rights
from lmsschema.database.target import Target
from lmsschema.errors import DatabaseUnavailableError


def require_createdb(conn: psycopg.Connection, server: Target) -> None:
    """Raise DatabaseUnavailableError unless the role may create databases."""
    row = conn.execute(
        "SELECT rolname, rolsuper OR rolcreatedb FROM pg_catalog.pg_roles"
        " WHERE rolname = current_user"
    ).fetchone()
    if row is not None and not row[1]:
        raise DatabaseUnavailableError(
            f"role {row[0]} may not create databases on {server}",
            hint="A superuser can run: "
            + sql.SQL("ALTER ROLE {} CREATEDB;").format(sql.Identifier(row[0])).as_string(),
        )


def require_role(conn: psycopg.Connection, server: Target, name: str) -> None:
    """Raise DatabaseUnavailableError unless there is a role and one may act as it."""
    row = conn.execute(
        "SELECT current_user, EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = %s)", [name]
    ).fetchone()
    user, there = row or ("", False)
    if not there:
        raise DatabaseUnavailableError(
            f"there is no role {name} on {server}",
            hint="To create it: "
            + sql.SQL("CREATE ROLE {};").format(sql.Identifier(name)).as_string(),
        )
    if not rights.may_set_role(conn, name):
        grant = sql.SQL("GRANT {} TO {};").format(sql.Identifier(name), sql.Identifier(user))
        raise DatabaseUnavailableError(
            f"role {user} may not act as {name} on {server}",
            hint=f"A superuser can run: {grant.as_string()}",
        )
