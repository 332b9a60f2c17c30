"""What a command costs the server for one schema does not grow with the number of other schemas."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from lmsschema.migration import schema_script
from tests.support.program import Program

FEW, MANY = 5, 100

#: More than a level of an index, less than what reads a catalog to its end.
GROWTH = 1.3

COMMANDS = (
    "check",
    "adopt --dry-run",
    "doctor",
    "plan",
    "upgrade",
    "current",
    "partitions list",
    "partitions ensure",
    "partitions check",
)

#: The catalogs with rows of a schema; the first column of type oid, but classid, says which object.
CATALOGS = (
    "pg_namespace",
    "pg_class",
    "pg_attribute",
    "pg_attrdef",
    "pg_constraint",
    "pg_depend",
    "pg_description",
    "pg_enum",
    "pg_index",
    "pg_inherits",
    "pg_partitioned_table",
    "pg_proc",
    "pg_trigger",
    "pg_type",
)


def copies(conn: psycopg.Connection, schema: str, number: int) -> Iterator[sql.Composed]:
    """Yield the statements that put copies of the newest schema into the catalogs.

    Nothing can use them, since they have no files; but they are the same rows, at a tenth of what
    making the tables would take.
    """
    first, width = conn.execute(
        "SELECT n.oid, (SELECT max(objid::bigint) FROM pg_depend) - n.oid::bigint + 1"
        " FROM pg_namespace AS n WHERE n.nspname = %s",
        [schema],
    ).fetchone() or (0, 0)
    objects = sql.SQL(
        "CASE WHEN {{}} >= {first} THEN ({{}}::bigint + k * {width})::oid ELSE {{}} END"
    ).format(first=first, width=width)
    names = "CASE WHEN {} ~ '^(campus|pg_toast)_' THEN {} || '_' || k ELSE {} END"
    for catalog in CATALOGS:
        columns = conn.execute(
            "SELECT attname, atttypid = 'oid'::regtype FROM pg_attribute WHERE attnum > 0"
            " AND attrelid = %s::regclass AND atttypid <> 'anyarray'::regtype ORDER BY attnum",
            [catalog],
        ).fetchall()
        values = []
        for name, is_object in columns:
            way = names if name in {"nspname", "relname"} else "{}"
            way = objects.as_string() if is_object else way
            values.append(sql.SQL(way).format(*[sql.Identifier(name)] * way.count("{}")))
        key = next(name for name, is_object in columns if is_object and name != "classid")
        yield sql.SQL(
            "INSERT INTO {catalog} ({columns}) SELECT {values} FROM {catalog}"
            " CROSS JOIN generate_series(1, {number}) AS k WHERE {key} >= {first}"
        ).format(
            catalog=sql.Identifier(catalog),
            columns=sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns),
            values=sql.SQL(", ").join(values),
            number=number,
            key=sql.Identifier(key),
            first=first,
        )


def analyze(conn: psycopg.Connection) -> None:
    """Collect the statistics that autovacuum would collect."""
    for catalog in CATALOGS:
        conn.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(catalog)))


def blocks(url: str, program: Program, command: str) -> int:
    """Run a command for one schema; return how many blocks the server read for it."""
    with psycopg.connect(url, dbname="postgres", autocommit=True) as conn:
        name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]

        def total() -> int:
            query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
            while conn.execute(query, [name]).fetchone() != (0,):
                time.sleep(0.01)  # a session counts when it has ended
            query = "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = %s"
            return int((conn.execute(query, [name]).fetchone() or [0])[0])

        before = total()
        done = program(*command.split(), "--url", url, "--schema", "campus_1")
        assert done.code == 0, (command, done)
        return total() - before


def test_one_schema_costs_the_same_among_many(database_url: str, lmsschema: Program) -> None:
    def measure() -> dict[str, int]:
        lmsschema("current", "--url", database_url)  # the server's own caches are new after ANALYZE
        return {command: blocks(database_url, lmsschema, command) for command in COMMANDS}

    with psycopg.connect(database_url, autocommit=True) as conn:
        for number in range(1, FEW + 1):
            conn.execute(schema_script.render(f"campus_{number}", datetime.now(UTC)).encode())
        analyze(conn)
    few = measure()
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("SET allow_system_table_mods = on")
        with conn.transaction():
            for statement in [*copies(conn, f"campus_{FEW}", MANY - FEW)]:
                conn.execute(statement)
        analyze(conn)
    many = measure()
    growth = {command: round(many[command] / few[command], 2) for command in COMMANDS}
    assert {command: by for command, by in growth.items() if by > GROWTH} == {}, (few, many)
