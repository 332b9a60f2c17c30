"""What of a partitioned table's differences is said once, on the table, and what never is."""

import dataclasses

from lmsschema import partitions
from lmsschema.drift import check
from tests.support.checking import checked, execute, opened, what

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


def test_a_policy_may_name_a_table_that_is_a_site_s_own(
    upgraded_url: str,
) -> None:
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
    assert report.drift == ()
    assert [what(one) for one in report.unmanaged] == [["visits", "table", "visits", "unmanaged"]]
