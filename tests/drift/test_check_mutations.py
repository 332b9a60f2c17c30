"""Every single change of ``mutations.toml`` is found by the check, and named at its object."""

import psycopg
import pytest

from lmsschema.drift import fixes
from lmsschema.drift.check import DriftReport
from tests.support import same_statements
from tests.support.checking import (
    MUTATIONS,
    Mutation,
    checked,
    execute,
    filled,
    server_version,
    what,
)

#: One change for each attribute of each kind of object.
FIRST_OF_ITS_KIND = list({(m.expect[1], m.expect[-1]): m for m in reversed(MUTATIONS)}.values())


def names() -> list[str]:
    """Return a name for each mutation's test."""
    return [f"{n:03} {' '.join(filter(None, m.expect))}" for n, m in enumerate(MUTATIONS, 1)]


def test_list_is_long_and_without_doubles() -> None:
    assert len(MUTATIONS) >= 100
    assert len({mutation.sql for mutation in MUTATIONS}) == len(MUTATIONS)


def test_untouched_database_is_clean(upgraded_url: str) -> None:
    report = checked(upgraded_url)
    assert report.drift == ()
    assert report.unmanaged == ()
    assert report.clean(strict=True)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=names())
def test_mutation_is_found_and_undone(mutation: Mutation, upgraded_url: str) -> None:
    version = server_version(upgraded_url)
    if version < mutation.since:
        pytest.skip(f"PostgreSQL {version} has no such thing")
    execute(upgraded_url, filled(mutation.sql, upgraded_url))
    report = checked(upgraded_url)
    expected = [filled(part, upgraded_url) for part in mutation.expect]
    unmanaged = mutation.strict or expected[-1] == "unmanaged"
    found = [what(one) for one in (report.unmanaged if unmanaged else report.drift)]
    assert expected in found
    assert report.clean(strict=False) == unmanaged
    assert not report.clean(strict=True)
    if mutation in FIRST_OF_ITS_KIND:
        same_statements.require(upgraded_url, report)
    undo(upgraded_url, report)


def undo(url: str, report: DriftReport) -> None:
    """Run the statements of the way back; what they do not undo must have been named.

    Each statement's lock is compared with what pg_locks shows while it is held.
    """
    named = set()
    with psycopg.connect(url, autocommit=True) as conn:
        plan = fixes.plan(report.drift, report.expected, report.found, "public")
        for difference, way in fixes.in_order(report.drift, plan):
            assert bool(way.statements) != bool(way.reason)
            if way.reason:
                named.add(difference.identity.relation)
            for statement in way.statements:
                if "CONCURRENTLY" in statement.sql:
                    conn.execute(statement.sql.encode())
                    continue
                with conn.transaction():
                    there = conn.execute("SELECT max(oid) FROM pg_class").fetchone()
                    conn.execute(statement.sql.encode())
                    assert (
                        strongest(conn, there)
                        <= STRENGTH[statement.lock.split(",")[0].split(":")[0]]
                    )
    left = {one.identity.relation for one in checked(url).drift}
    assert left <= named


#: Lock modes of tables that writers notice, by what a statement says that it takes.
STRENGTH = {
    "none on a table": 0,
    "SHARE UPDATE EXCLUSIVE": 0,
    "SHARE": 1,
    "SHARE ROW EXCLUSIVE": 1,
    "ACCESS EXCLUSIVE": 2,
}


def strongest(conn: psycopg.Connection, there: tuple[int, ...] | None) -> int:
    """Return how strong the strongest lock is that the transaction holds on a user's table.

    Args:
        conn: The connection, in the transaction.
        there: The highest OID of a relation before it.
    """
    rows = conn.execute(
        "SELECT l.mode FROM pg_locks AS l INNER JOIN pg_class AS c ON l.relation = c.oid"
        " WHERE l.pid = pg_backend_pid() AND c.oid BETWEEN 16384 AND %s"
        " AND c.relkind IN ('r', 'p', 'i', 'I')",
        there,
    )
    modes = {mode for (mode,) in rows}
    if modes & {"AccessExclusiveLock", "ExclusiveLock"}:
        return 2
    return 1 if modes & {"ShareLock", "ShareRowExclusiveLock"} else 0
