"""Membership in roles: whether SET ROLE is allowed, and which statement allows it."""

import psycopg
from psycopg import sql

#: The first version in which a membership can be granted without the SET option.
_SET_OPTION = 160000


def may_set_role(conn: psycopg.Connection, role: str) -> bool:
    """Whether the current role may SET ROLE to another one."""
    right = "SET" if conn.info.server_version >= _SET_OPTION else "MEMBER"
    row = conn.execute("SELECT pg_catalog.pg_has_role(%s::name, %s)", [role, right]).fetchone()
    return row == (True,)


def to_act_as(conn: psycopg.Connection, user: str, owner: str) -> str:
    """Return a hint: the statement that lets role ``user`` act as role ``owner``."""
    names = {"user": sql.Identifier(user), "owner": sql.Identifier(owner)}
    if may_set_role(conn, owner):
        statement = sql.SQL("ALTER ROLE {user} SET role = {owner};").format(**names).as_string()
        return f"The role may SET ROLE to the owner. To do so in every session: {statement}"
    statement = sql.SQL("GRANT {owner} TO {user};").format(**names).as_string()
    return f"A superuser can run: {statement}"
