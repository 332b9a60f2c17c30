"""What test_partitions_command and test_partitions_jobs share."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.support import events
from tests.support.program import Program


def catalogs(url: str) -> list[tuple[object, ...]]:
    """Return which transaction last wrote each entry about tables: DDL changes it."""
    with psycopg.connect(url) as conn:
        return conn.execute(
            "SELECT 'class', oid::text, xmin::text FROM pg_class"
            " WHERE relkind IN ('r', 'p', 'i', 'I') AND relnamespace = 'public'::regnamespace"
            " UNION ALL"
            " SELECT 'inherits', inhrelid::text, xmin::text FROM pg_inherits UNION ALL"
            " SELECT 'constraint', oid::text, xmin::text FROM pg_constraint UNION ALL"
            " SELECT 'description', objoid::text, xmin::text FROM pg_description ORDER BY 1, 2, 3"
        ).fetchall()


def partitions(url: str) -> dict[str, str]:
    with psycopg.connect(url, autocommit=True) as conn:
        return events.partitions(conn)


def count(url: str, table: str = "learning_events") -> int:
    with psycopg.connect(url, autocommit=True) as conn:
        return events.count(conn, table)


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as conn:
        yield conn


def at_rest(lmsschema: Program, url: str) -> bool:
    """Whether a second run says nothing, does nothing, and the check is content."""
    before = catalogs(url)
    again = lmsschema("partitions", "ensure", "-q", "--url", url)
    assert (again.code, again.out, again.err) == (0, "", "")
    check = lmsschema("partitions", "check", "--url", url)
    assert check.code == 0, check.out
    return catalogs(url) == before
