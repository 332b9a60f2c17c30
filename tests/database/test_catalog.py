"""The catalogs of a schema as plain data: complete, and the same wherever the schema lies."""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from lmsschema.database import catalog
from lmsschema.database.catalog import Catalog, Identity
from lmsschema.drift import compare, declared
from lmsschema.drift.compare import Difference
from lmsschema.errors import DatabaseUnavailableError, LockTimeoutError

HERE = Path(__file__).parent
ZOO = (HERE / "zoo.sql").read_bytes()
CHANGES: list[dict[str, Any]] = tomllib.loads((HERE / "zoo.toml").read_text("utf-8"))["mutation"]


def zoo(conn: psycopg.Connection, schema: str) -> Catalog:
    """Build the zoo in a schema of that name and read it."""
    name = sql.Identifier(schema)
    conn.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
    conn.execute(sql.SQL("SET search_path TO {}").format(name))
    conn.execute(ZOO)
    return catalog.read(conn, schema)


def what(difference: Difference) -> list[str]:
    return [*difference.identity, difference.attribute or difference.problem.value]


@pytest.mark.parametrize(
    "change", CHANGES, ids=[f"{n:02} {' '.join(c['expect'])}" for n, c in enumerate(CHANGES, 1)]
)
def test_change_is_seen(change: dict[str, Any], connection: psycopg.Connection) -> None:
    before = declared.of(zoo(connection, "zoo"))
    assert compare.compare(before, catalog.read(connection, "zoo")) == []
    connection.execute(change["sql"].encode())
    found = [what(one) for one in compare.compare(before, catalog.read(connection, "zoo"))]
    assert change["expect"] in found


def test_schemas_name_makes_no_difference(connection: psycopg.Connection) -> None:
    plain = zoo(connection, "zoo")
    assert compare.compare(plain, zoo(connection, "The \"Zoo\". of 'Berlin'")) == []


def test_session_settings_make_no_difference(connection: psycopg.Connection) -> None:
    plain = zoo(connection, "zoo")
    for setting in (
        "SET TimeZone = 'Asia/Kathmandu'",
        "SET DateStyle = 'SQL, DMY'",
        "SET IntervalStyle = 'iso_8601'",
        "SET quote_all_identifiers = on",
        "SET search_path = pg_catalog",
        "SET extra_float_digits = -5",
        "SET bytea_output = 'escape'",
    ):
        connection.execute(setting.encode())
    connection.execute("CREATE TEMPORARY TABLE animal (a integer)")
    assert catalog.read(connection, "zoo") == plain


def test_settings_of_a_transaction_are_left_alone(connection: psycopg.Connection) -> None:
    zoo(connection, "zoo")
    with connection.transaction():
        connection.execute("SET LOCAL search_path = pg_catalog; SET LOCAL TimeZone = 'Asia/Tokyo'")
        catalog.read(connection, "zoo")
        settings = connection.execute(
            "SELECT current_setting('search_path'), current_setting('TimeZone')"
        ).fetchone()
    assert settings == ("pg_catalog", "Asia/Tokyo")


def test_functions_of_the_schema_are_not_called(connection: psycopg.Connection) -> None:
    """A function or operator that matches better than PostgreSQL's own never gets to run."""
    plain = zoo(connection, "zoo")
    connection.execute("""
        CREATE FUNCTION zoo.quote_ident(name) RETURNS text
            LANGUAGE sql AS 'SELECT (1 / 0)::text';
        CREATE FUNCTION zoo.pg_get_userbyid(oid) RETURNS name
            LANGUAGE sql AS 'SELECT (1 / 0)::text::name';
        CREATE FUNCTION zoo.same(name, name) RETURNS boolean
            LANGUAGE sql AS 'SELECT 1 / 0 = 1';
        CREATE OPERATOR zoo.= (LEFTARG = name, RIGHTARG = name, FUNCTION = zoo.same)
    """)
    found = catalog.read(connection, "zoo")
    assert {identity for identity in found.objects if identity not in plain.objects} == {
        Identity("", "function", "quote_ident(name)"),
        Identity("", "function", "pg_get_userbyid(oid)"),
        Identity("", "function", "same(name, name)"),
        Identity("", "operator", "=(pg_catalog.name,pg_catalog.name)"),
    }


def test_partitions_own_constraint_under_its_tables_name(connection: psycopg.Connection) -> None:
    """One of a partition's own never hides the one that it has from its table."""
    connection.execute("""
        CREATE SCHEMA s;
        SET search_path TO s;
        CREATE TABLE target (id integer PRIMARY KEY);
        CREATE TABLE t (id integer CONSTRAINT k REFERENCES target, at date) PARTITION BY RANGE (at);
        CREATE TABLE p (id integer, at date);
        ALTER TABLE p ADD CONSTRAINT inherited FOREIGN KEY (id) REFERENCES target;
        ALTER TABLE t ATTACH PARTITION p DEFAULT;
        ALTER TABLE p ADD CONSTRAINT k CHECK (id > 0)
    """)
    names = {identity for identity in catalog.read(connection, "s").objects if identity.name == "k"}
    assert names == {
        Identity("t", "foreign key", "k"),
        Identity("p", "foreign key", "k"),
        Identity("p", "check", "k"),
    }


def test_schema_that_is_not_there(connection: psycopg.Connection) -> None:
    with pytest.raises(DatabaseUnavailableError, match="no schema nowhere"):
        catalog.read(connection, "nowhere")


def test_a_table_held_exclusively_is_not_waited_for_without_end(
    database_url: str, connection: psycopg.Connection
) -> None:
    zoo(connection, "zoo")
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE zoo.animal IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            catalog.read(connection, "zoo", lock_timeout="50ms")
    assert LockTimeoutError.exit_code == 5


def test_older_server_knows_less() -> None:
    """What only a newer server's catalogs say is no difference to an older one's."""
    identity = Identity("t", "column", "c")
    newer = Catalog(
        18, "ann", {identity: {"not null": True, "not null constraint": "t_c_not_null"}}
    )
    older = Catalog(17, "ann", {identity: {"not null": True, "not null constraint": None}})
    assert compare.compare(newer, older) == []
    assert len(compare.compare(newer, dataclasses.replace(older, version=18))) == 1
