"""Which index serves a foreign key of several columns."""

import psycopg
import pytest

from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.doctor import examine
from lmsschema.doctor.finding import Limits


@pytest.mark.parametrize(
    ("index", "serves"),
    [("(b)", False), ("(c)", False), ("(a)", True), ("(a, c)", True), ("(a) WHERE c > 0", False)],
)
def test_an_index_that_begins_with_a_column_that_is_unique_there(
    upgraded_url: str, index: str, *, serves: bool
) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute(
            "CREATE TABLE wide (a int PRIMARY KEY, b int, UNIQUE (b, a));"
            "CREATE TABLE narrow (a int, b int, c int,"
            " CONSTRAINT narrow_fkey FOREIGN KEY (b, a) REFERENCES wide (b, a));"
            f"CREATE INDEX ON narrow {index}".encode()
        )
    database = connect(Target(upgraded_url, "the test"))
    findings = examine.examine(database, Limits(rows=0)).findings
    database.conn.close()
    keys = {one.name for one in findings if one.topic == "foreign-key-without-index"}
    assert ("narrow_fkey" not in keys) == serves


@pytest.mark.parametrize(("rows_a_value", "serves"), [(100, True), (5000, False)])
def test_an_index_that_begins_with_a_column_of_few_rows_a_value(
    upgraded_url: str, rows_a_value: int, *, serves: bool
) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute(
            "CREATE TABLE tried (a int, n int, previous int, UNIQUE (a, n),"
            " CONSTRAINT tried_fkey FOREIGN KEY (a, previous) REFERENCES tried (a, n))"
        )
        conn.execute(
            "INSERT INTO tried SELECT i / %s, i FROM generate_series(0, 19999) AS i", [rows_a_value]
        )
        conn.execute("ANALYZE tried")
    database = connect(Target(upgraded_url, "the test"))
    findings = examine.examine(database, Limits(rows=0)).findings
    database.conn.close()
    keys = {one.name for one in findings if one.topic == "foreign-key-without-index"}
    assert ("tried_fkey" not in keys) == serves
