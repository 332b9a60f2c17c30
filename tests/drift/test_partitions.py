"""What of a partitioned table's differences is said once, on the table, and what never is."""

import dataclasses

import psycopg

from lmsschema import partitions
from lmsschema.drift import check
from tests.support.checking import checked, execute, opened, what
from tests.support.program import Program

SWITCHED = "ALTER TABLE {} ENABLE ROW LEVEL SECURITY"


def test_a_difference_of_another_table_is_never_left_out(upgraded_url: str) -> None:
    """Though it is the same as one of a partitioned table, the other table is no partition."""
    tables = ("courses", "learning_events", "users")
    execute(upgraded_url, ";".join(SWITCHED.format(table) for table in tables))
    found = checked(upgraded_url).drift
    assert [what(one) for one in found if one.identity.relation in tables] == [
        [table, "table", table, "row security"] for table in tables
    ]


def test_a_difference_that_partitions_share_is_said_on_the_table(upgraded_url: str) -> None:
    execute(upgraded_url, "ALTER TABLE learning_events ADD CONSTRAINT c CHECK (event_type <> '')")
    assert [what(one) for one in checked(upgraded_url).drift] == [
        ["learning_events", "check", "c", "unexpected"]
    ]


def test_a_policy_of_a_site_s_own_table_is_compared_too(upgraded_url: str) -> None:
    policies = (
        *partitions.POLICIES,
        dataclasses.replace(partitions.LEARNING_EVENTS, table="visits"),
        dataclasses.replace(partitions.LEARNING_EVENTS, table="not_there"),
    )
    execute(
        upgraded_url,
        "CREATE TABLE visits (event_timestamp date) PARTITION BY RANGE (event_timestamp)",
    )
    with opened(upgraded_url) as database:
        report = check.run(database, policies=policies)
    absent, *months = [what(one) for one in report.drift]
    assert absent == ["not_there", "table", "not_there", "declared extension"]
    assert len(months) == 5
    assert all(name.startswith("visits_") and why == "missing" for name, _, _, why in months)
    assert report.unmanaged == ()


def test_a_detached_partition_keeps_names_and_the_table_s_are_numbered(
    upgraded_url: str, lmsschema: Program
) -> None:
    """As after a downgrade and an upgrade; from 18 on, NOT NULLs have names."""
    month = ("--from", "2023-01", "--to", "2023-01", "--url", upgraded_url)
    assert lmsschema("partitions", "create", *month).code == 0
    pruned = lmsschema("partitions", "prune", "--keep", "24m", "--url", upgraded_url)
    assert pruned.code == 0
    for change in ("DROP", "SET"):
        column = "ALTER TABLE learning_events ALTER COLUMN created_at"
        execute(upgraded_url, f"{column} {change} NOT NULL")
    with psycopg.connect(upgraded_url) as conn:
        names = conn.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'learning_events'::regclass"
            " AND contype = 'n' AND conname ~ 'created_at'"
        ).fetchall()
        assert names == (
            [("learning_events_created_at_not_null1",)]
            if conn.info.server_version >= 180000
            else []
        )
    assert checked(upgraded_url).drift == ()
    if names:  # another name is drift as before
        renamed = "RENAME CONSTRAINT learning_events_created_at_not_null1 TO other"
        execute(upgraded_url, f"ALTER TABLE learning_events {renamed}")
        assert len(checked(upgraded_url).drift) == 1
