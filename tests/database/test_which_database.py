"""Which database is meant, and what is said where there is none."""

import shlex

import psycopg
import pytest
from psycopg import conninfo

from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.testing.databases import url as url_of
from tests.support.program import Program

MISSPELT = "LMSSCHEMA_" + "DATABASE_ULR"


def test_a_database_that_is_not_there_is_made_as_the_hint_says(
    lmsschema: Program, database_url: str
) -> None:
    missing = f"{conninfo.conninfo_to_dict(database_url)['dbname']} next"
    url = url_of(database_url, missing)
    refused = lmsschema("current", "--url", url)
    assert refused.code == 4
    hint = refused.err.rpartition("hint: ")[2]
    assert f"lmsschema createdb '{missing}' with the same --url" in hint
    command = shlex.split(hint.partition("lmsschema ")[2].partition(" with the")[0])
    try:
        assert lmsschema(*command, "--url", url).code == 0
        assert lmsschema("current", "--url", url, "--json").json["pending"] == []
    finally:
        assert lmsschema("dropdb", missing, "--yes", "--url", url).code == 0


def test_another_failure_has_another_hint(lmsschema: Program, database_url: str) -> None:
    refused = lmsschema("current", "--url", conninfo.make_conninfo(database_url, user="nobody_x"))
    assert refused.code == 4
    assert "createdb" not in refused.err


def test_variables(lmsschema: Program, upgraded_url: str) -> None:
    empty = lmsschema("upgrade", env={"LMSSCHEMA_DATABASE_URL": ""})
    assert (empty.code, "LMSSCHEMA_DATABASE_URL is set, but empty" in empty.err) == (2, True)
    env = {MISSPELT: "x", "LMSSCHEMA_DATABASE_URL": upgraded_url}
    warned = lmsschema("current", env=env)
    assert warned.code == 0
    assert f"warning: unknown environment variable {MISSPELT}" in warned.err


def test_an_application_s_url(lmsschema: Program, upgraded_url: str) -> None:
    for driver in ("asyncpg", "psycopg2", "psycopg_async"):
        url = upgraded_url.replace("postgresql://", f"postgresql+{driver}://")
        assert lmsschema("current", "--url", url).code == 0


def test_reading_leaves_the_connection_free_to_write(upgraded_url: str) -> None:
    database = connect(Target(upgraded_url, "the test"))
    with database.transaction(read_only=True) as conn:
        conn.execute("SELECT 1")
    with database.conn.transaction():
        database.conn.execute("CREATE TABLE written ()")
    with (
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
        database.transaction(read_only=True) as conn,
    ):
        conn.execute("CREATE TABLE refused ()")
    assert database.conn.read_only is None
    database.conn.close()
