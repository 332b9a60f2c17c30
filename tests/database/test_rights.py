"""Rights are looked at before the first change; what is printed helps."""

import re
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.support.program import Program


@pytest.fixture
def roles(upgraded_url: str) -> Iterator[tuple[str, str]]:
    """The owner of an LMS, and a login that is its member without its rights."""
    owner, login = (f"{kind}_{uuid.uuid4().hex[:8]}" for kind in ("owner", "login"))
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        for statement in (
            "CREATE ROLE {owner} NOLOGIN",
            "CREATE ROLE {login} LOGIN NOINHERIT PASSWORD 'p@ss'",
            "GRANT {owner} TO {login}",
            "ALTER DATABASE {database} OWNER TO {owner}",
        ):
            conn.execute(
                sql.SQL(statement).format(
                    owner=sql.Identifier(owner),
                    login=sql.Identifier(login),
                    database=sql.Identifier(conn.info.dbname),
                )
            )
        for (table,) in conn.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p')"
        ).fetchall():
            conn.execute(f"ALTER TABLE {table} OWNER TO {owner}".encode())
    yield owner, login
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute(f"REASSIGN OWNED BY {owner} TO CURRENT_USER".encode())
        conn.execute(f"DROP OWNED BY {owner}, {login}".encode())
        conn.execute(f"DROP ROLE {owner}, {login}".encode())


def test_a_login_that_does_not_inherit_is_told_how_to_act_as_the_owner(
    lmsschema: Program, upgraded_url: str, roles: tuple[str, str]
) -> None:
    owner, login = roles
    as_login = psycopg.conninfo.make_conninfo(upgraded_url, user=login, password="p@ss")
    with psycopg.connect(upgraded_url) as conn:
        conn.execute(f"GRANT SELECT ON lmsschema_version TO {login}".encode())
    refused = lmsschema("downgrade", "0003", "--url", as_login)
    assert refused.code == 4
    assert "may not create in schema public" in refused.err
    assert f'ALTER ROLE "{login}" SET role =' in refused.err
    with psycopg.connect(upgraded_url) as conn:  # so that only the tables' owner is missing
        conn.execute(f"GRANT CREATE ON SCHEMA public TO {login}".encode())
    refused = lmsschema("downgrade", "0003", "--url", as_login, "--json")
    assert refused.code == 4
    error = refused.json["error"]
    assert f"belongs to role {owner}" in error["message"]
    assert "sqlstate" not in error  # nothing was tried
    statement = re.search(r"ALTER ROLE .*;", error["hint"])
    assert statement is not None
    with psycopg.connect(as_login) as conn:
        conn.execute(statement[0].encode())
    assert lmsschema("downgrade", "0003", "--url", as_login).code == 0
    assert lmsschema("upgrade", "--url", as_login).code == 0


def test_another_s_login_is_told_the_grant(
    lmsschema: Program, upgraded_url: str, roles: tuple[str, str]
) -> None:
    owner, login = roles
    as_login = psycopg.conninfo.make_conninfo(upgraded_url, user=login, password="p@ss")
    with psycopg.connect(upgraded_url) as conn:
        conn.execute(f"REVOKE {owner} FROM {login}".encode())
        conn.execute(f"ALTER ROLE {login} INHERIT".encode())
        conn.execute(f"GRANT CREATE ON SCHEMA public TO {login}".encode())
        conn.execute(f"GRANT SELECT ON lmsschema_version TO {login}".encode())
    refused = lmsschema("downgrade", "0003", "--url", as_login)
    assert refused.code == 4
    statement = re.search(r"GRANT .*;", refused.err)
    assert statement is not None
    with psycopg.connect(upgraded_url) as conn:
        conn.execute(statement[0].encode())
    assert lmsschema("downgrade", "0003", "--url", as_login).code == 0


def test_a_role_that_may_not_read_the_revision_is_told_the_grant(
    lmsschema: Program, upgraded_url: str, roles: tuple[str, str]
) -> None:
    _, login = roles
    as_login = psycopg.conninfo.make_conninfo(upgraded_url, user=login, password="p@ss")
    grants: list[str] = []
    for command in ("current", "plan", "upgrade", "downgrade base", "adopt --dry-run"):
        refused = lmsschema(*command.split(), "--url", as_login, "--json")
        assert refused.code == 4, command
        error = refused.json["error"]
        assert f"role {login} may not read the revision of schema public" in error["message"]
        assert "p@ss" not in refused.err
        grants += re.findall(r"GRANT .*;", error["hint"])
    assert len(grants) == 5
    with psycopg.connect(upgraded_url) as conn:
        conn.execute(grants[0].encode())
    assert lmsschema("current", "--url", as_login).code == 0
