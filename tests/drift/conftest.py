"""Fixtures of the tests of this room."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql


@pytest.fixture
def role(upgraded_url: str) -> Iterator[str]:
    """The name of a login role that may use the schema and no more."""
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        name = sql.Identifier(f"reader_{conn.info.dbname}")
        conn.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(name))
        conn.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(name))
    yield name.as_string().strip('"')
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP OWNED BY {}").format(name))
        conn.execute(sql.SQL("DROP ROLE {}").format(name))
