"""Where the real data lies, and how it gets into a database at head.

The data is no part of the project; see the README of its folder for what it is and whose.
"""

import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Connection, Table, insert

from lmsschema.tables import metadata

Row = dict[str, object]

BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data"

MANY = 1000
"""From so many rows on, COPY; fewer are inserted as an application would."""


def folder() -> Path:
    """Return the folder of the real data: `LMSSCHEMA_TEST_DATA`, or `../shared/data`.

    Skips the test where it is absent, but fails it in CI: nobody reads what CI skipped.
    """
    path = Path(os.environ.get("LMSSCHEMA_TEST_DATA", BESIDE))
    if not (path / "oulad").is_dir() or not (path / "xapi").is_dir():
        message = f"no real data in {path}: name its folder with LMSSCHEMA_TEST_DATA"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


def load(conn: Connection, tables: Iterable[tuple[str, Iterator[Row]]]) -> None:
    """Write rows into the tables of these names, in the order in which they come.

    Args:
        conn: A connection of SQLAlchemy's, in a transaction.
        tables: Names and rows; all rows of a table have the same keys, its columns' names.
    """
    for name, rows in tables:
        first = list(itertools.islice(rows, MANY))
        table = metadata.tables[name]
        if not first:
            continue
        if len(first) < MANY:
            conn.execute(insert(table), first)
        else:
            _copy(conn, table, itertools.chain(first, rows))


def _copy(conn: Connection, table: Table, rows: Iterator[Row]) -> None:
    """COPY rows, their values made ready by the types of the table's columns as in an INSERT."""
    first = next(rows)
    columns = [table.columns[name] for name in first]
    ready = {
        column.name: column.type.dialect_impl(conn.dialect).bind_processor(conn.dialect)
        for column in columns
    }
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.name),
        sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
    )
    driver = conn.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in itertools.chain([first], rows):
            copy.write_row([make(row[name]) if make else row[name] for name, make in ready.items()])
