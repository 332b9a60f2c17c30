"""A migrated database holds the guide's schema: every line of the case table, and nothing else.

`guide_cases/` is transcribed from the guide and not from the code. It is compared with what
PostgreSQL's catalogs say, in its own words, through queries that lmsschema has no part in.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql

from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.migration.upgrade import upgrade
from lmsschema.testing.databases import Databases

LAST_REVISION = "0003_analytics"
"""The guide's schema ends here; what later revisions add is stricter than the guide."""

PARTS = ("foundation", "progress", "analytics")

CASES: dict[str, dict[str, Any]] = {
    table: case
    for part in PARTS
    for table, case in tomllib.loads(
        (Path(__file__).parent / "guide_cases" / f"{part}.toml").read_text("utf-8")
    ).items()
}

REMARKS = [
    (table, column[0], column[4])
    for table, case in CASES.items()
    for column in case["columns"]
    if len(column) > 4
]

RELATIONS = """
    SELECT relname, relkind::text
    FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace
        AND relkind NOT IN ('i', 'I') AND NOT relispartition
"""

ENUMS = """
    SELECT t.typname, count(c.oid)
    FROM pg_type t
    LEFT JOIN pg_attribute a ON a.atttypid = t.oid AND NOT a.attisdropped
    LEFT JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    WHERE t.typnamespace = current_schema()::regnamespace AND t.typtype = 'e'
    GROUP BY t.typname
"""

COLUMNS = """
    SELECT a.attname,
        coalesce(
            (
                SELECT 'enum(' || string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
                    || ')'
                FROM pg_enum
                WHERE enumtypid = a.atttypid
            ),
            format_type(a.atttypid, a.atttypmod)
        ),
        CASE WHEN a.attnotnull THEN 'not null' ELSE 'null' END,
        coalesce(pg_get_expr(d.adbin, d.adrelid), ''),
        format_type(a.atttypid, a.atttypmod)
    FROM pg_attribute a
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
"""

# since 18 a NOT NULL is a constraint too; the columns show it on every version
CONSTRAINTS = """
    SELECT pg_get_constraintdef(oid)
    FROM pg_constraint
    WHERE conrelid = to_regclass(%s) AND contype <> 'n'
"""

INDEXES = """
    SELECT pg_get_indexdef(indexrelid, 0, true), indisvalid
    FROM pg_index
    WHERE indrelid = to_regclass(%s)
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""

PARTITION_KEY = "SELECT pg_get_partkeydef(to_regclass(%s))"

TABLE_COMMENT = "SELECT obj_description(to_regclass(%s), 'pg_class')"

COLUMN_COMMENT = """
    SELECT col_description(attrelid, attnum)
    FROM pg_attribute
    WHERE attrelid = to_regclass(%s) AND attname = %s
"""


@pytest.fixture(scope="module")
def migrated(lms_databases: Databases) -> Iterator[psycopg.Connection]:
    """A connection to a database at the last revision of the guide; the tests only read it.

    Its search_path is the schema alone, so that names are printed as the guide has them.
    """
    name = lms_databases.create()
    database = connect(Target(lms_databases.url(name), "the test"))
    with database.conn as conn:
        upgrade(database, LAST_REVISION)
        conn.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(database.schema)))
        yield conn
    lms_databases.drop(name)


def read(conn: psycopg.Connection, query: LiteralString, *names: str) -> list[tuple[Any, ...]]:
    return conn.execute(query, names).fetchall()


def test_the_case_table_counts_what_the_guide_counts() -> None:
    columns = [column for case in CASES.values() for column in case["columns"]]
    enums = [column for column in columns if column[1].startswith("enum(")]
    indexes = [index for case in CASES.values() for index in case["indexes"]]
    assert len(CASES) == 12
    assert len(columns) == 207
    assert len(enums) == 14
    assert len(set(indexes)) == len(indexes) == 62
    assert len(REMARKS) == 11


def test_the_schema_holds_the_guides_tables_and_no_other(migrated: psycopg.Connection) -> None:
    expected = {(table, "p" if "partition_key" in case else "r") for table, case in CASES.items()}
    assert set(read(migrated, RELATIONS)) == expected | {("lmsschema_version", "r")}


def test_each_enum_is_the_type_of_one_column(migrated: psycopg.Connection) -> None:
    enums = read(migrated, ENUMS)
    assert len(enums) == 14
    assert [name for name, columns in enums if columns != 1] == []


@pytest.mark.parametrize("table", CASES)
def test_columns_are_the_guides_in_its_order(migrated: psycopg.Connection, table: str) -> None:
    found = read(migrated, COLUMNS, table)
    types = {name: type_name for name, *_, type_name in found}
    expected = [
        (name, type_, null, default.replace("{enum}", types.get(name, "?")))
        for name, type_, null, default, *_ in CASES[table]["columns"]
    ]
    assert [tuple(column) for *column, _ in found] == expected


@pytest.mark.parametrize("table", CASES)
def test_keys_are_the_guides(migrated: psycopg.Connection, table: str) -> None:
    found = read(migrated, CONSTRAINTS, table)
    assert sorted(definition for (definition,) in found) == sorted(CASES[table]["constraints"])


@pytest.mark.parametrize("table", CASES)
def test_indexes_are_the_guides(migrated: psycopg.Connection, table: str) -> None:
    expected = [(definition, True) for definition in CASES[table]["indexes"]]
    assert sorted(read(migrated, INDEXES, table)) == sorted(expected)


@pytest.mark.parametrize("table", CASES)
def test_partitioning_is_the_guides(migrated: psycopg.Connection, table: str) -> None:
    assert read(migrated, PARTITION_KEY, table) == [(CASES[table].get("partition_key"),)]


@pytest.mark.parametrize("table", CASES)
def test_a_table_says_what_it_is_for(migrated: psycopg.Connection, table: str) -> None:
    [(comment,)] = read(migrated, TABLE_COMMENT, table)
    assert comment is not None
    assert comment.strip()


@pytest.mark.parametrize(
    ("table", "column", "pattern"),
    REMARKS,
    ids=[f"{table}.{column}" for table, column, _ in REMARKS],
)
def test_a_columns_comment_keeps_the_guides_remark(
    migrated: psycopg.Connection, table: str, column: str, pattern: str
) -> None:
    [(comment,)] = read(migrated, COLUMN_COMMENT, table, column)
    assert comment is not None
    assert re.search(pattern, comment, re.IGNORECASE)
