"""What lets a role do what only another one may."""

import psycopg
from psycopg import sql

#: The version from which a membership may come without the right to SET ROLE.
_SET_OPTION = 160000


def may_set_role(conn: psycopg.Connection, role: str) -> bool:
    """Whether the session may SET ROLE to another role."""
    right = "SET" if conn.info.server_version >= _SET_OPTION else "MEMBER"
    row = conn.execute("SELECT pg_catalog.pg_has_role(%s::name, %s)", [role, right]).fetchone()
    return row == (True,)


def to_act_as(conn: psycopg.Connection, user: str, owner: str) -> str:
    """Return what lets a role do what only another one may."""
    names = {"user": sql.Identifier(user), "owner": sql.Identifier(owner)}
    if may_set_role(conn, owner):
        statement = sql.SQL("ALTER ROLE {user} SET role = {owner};").format(**names).as_string()
        return f"It may act as that role. To have it do so in every session: {statement}"
    statement = sql.SQL("GRANT {owner} TO {user};").format(**names).as_string()
    return f"A superuser can run: {statement}"
