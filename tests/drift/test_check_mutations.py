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

#: How many changes are made to one database.
TOGETHER = 8


def batches() -> list[list[Mutation]]:
    """Return the changes in groups that can be made to one database, each to another object."""
    found: list[list[Mutation]] = []
    for mutation in sorted(MUTATIONS, key=of_events, reverse=True):
        for batch in found:
            if len(batch) < TOGETHER and all(apart(mutation, one) for one in batch):
                batch.append(mutation)
                break
        else:
            found.append([mutation])
    return found


def apart(one: Mutation, other: Mutation) -> bool:
    """Whether two changes are of one sort, and neither hides the other."""
    same_sort = (one.since, unmanaged(one)) == (other.since, unmanaged(other))
    same_place = one.expect[:3] == other.expect[:3] or (of_events(one) and of_events(other))
    return same_sort and not same_place


def of_events(mutation: Mutation) -> bool:
    """Whether a change is made to the partitioned table, which its partitions follow."""
    return "learning_events" in mutation.sql or "{" in mutation.sql


def unmanaged(mutation: Mutation) -> bool:
    """Whether a change is drift with ``--strict`` only."""
    return mutation.strict or mutation.expect[-1] == "unmanaged"


def names() -> list[str]:
    """Return a name for each batch's test."""
    return [" ".join(str(1 + MUTATIONS.index(one)) for one in batch) for batch in batches()]


def test_list_is_long_and_without_doubles() -> None:
    assert len(MUTATIONS) >= 100
    assert len({mutation.sql for mutation in MUTATIONS}) == len(MUTATIONS)


def test_untouched_database_is_clean(upgraded_url: str) -> None:
    report = checked(upgraded_url)
    assert report.drift == ()
    assert report.unmanaged == ()
    assert report.clean(strict=True)


@pytest.mark.parametrize("batch", batches(), ids=names())
def test_each_change_is_found_and_undone(batch: list[Mutation], upgraded_url: str) -> None:
    version = server_version(upgraded_url)
    if version < batch[0].since:
        pytest.skip(f"PostgreSQL {version} has no such thing")
    for mutation in batch:
        execute(upgraded_url, filled(mutation.sql, upgraded_url))
    report = checked(upgraded_url)
    lenient = unmanaged(batch[0])
    found = [what(one) for one in (report.unmanaged if lenient else report.drift)]
    for mutation in batch:
        assert [filled(part, upgraded_url) for part in mutation.expect] in found, mutation.sql
    assert report.clean(strict=False) == lenient
    assert not report.clean(strict=True)
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
