"""Fixtures of the tests of this room."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.support.bad_input import SECRET


@pytest.fixture
def role(connection: psycopg.Connection, database_url: str) -> Iterator[str]:
    """The name of a login role without any right, whose password is SECRET."""
    name = f"reader_{connection.info.dbname}"
    identifier = sql.Identifier(name)
    connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(identifier, SECRET))
    yield name
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(identifier))
        conn.execute(sql.SQL("DROP ROLE {}").format(identifier))
