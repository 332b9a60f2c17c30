"""The partition manager as a cron job meets it: real servers, real time, real trouble.

Each scenario ends with no row lost or hidden, and with a second run that issues no DDL.
"""

import time
from collections.abc import Callable

import pytest

from tests.support import events
from tests.support.calendars import at_rest, catalogs, connected, count, partitions
from tests.support.clocked import Clocked, environment
from tests.support.program import Program


@pytest.mark.parametrize(
    ("when", "first", "last"),
    [
        ("2027-01-31 12:00:00", "2027_01", "2027_04"),
        ("2028-02-29 23:59:59", "2028_02", "2028_05"),
        ("2027-12-31 23:59:59", "2027_12", "2028_03"),
        ("2028-01-01 00:00:00", "2028_01", "2028_04"),
    ],
)
def test_the_database_s_clock_decides(
    lmsschema: Program, fresh: Callable[[str], str], when: str, first: str, last: str
) -> None:
    """The clock of this machine, months off, does not."""
    url = fresh(when)
    found = sorted(partitions(url))
    assert found[0] == f"learning_events_{first}"
    assert found[-2:] == [f"learning_events_{last}", "learning_events_default"]
    assert len(found) == 5
    with connected(url) as conn:
        events.insert(conn, "now")
    assert count(url, found[0]) == 1
    assert at_rest(lmsschema, url)


def test_a_client_whose_clock_is_nine_months_off(
    lmsschema: Program, fresh: Callable[[str], str], server: Clocked
) -> None:
    fresh("2028-02-15 12:00:00")
    url = server.set("2028-03-01 00:00:00")
    for off in ("2027-05-15 12:00:00", "2028-12-15 12:00:00"):
        outcome = lmsschema("partitions", "ensure", "--url", url, env=environment(off))
        assert outcome.code == 0
    assert sorted(partitions(url))[:-1] == [
        f"learning_events_2028_{month:02d}" for month in range(2, 7)
    ]
    assert at_rest(lmsschema, url)


@pytest.mark.smoke
def test_months_ahead_raised_and_lowered(lmsschema: Program, fresh: Callable[[str], str]) -> None:
    url = fresh("2028-02-15 12:00:00")
    raised = lmsschema("partitions", "ensure", "--ahead", "14", "--url", url, "--json")
    assert len(raised.json["tables"][0]["done"]) == 11
    assert lmsschema("partitions", "ensure", "--ahead", "0", "--url", url).code == 0
    assert len(partitions(url)) == 16
    assert at_rest(lmsschema, url)


def test_cron_down_for_three_months(
    lmsschema: Program, fresh: Callable[[str], str], server: Clocked
) -> None:
    url = fresh("2028-01-15 12:00:00")
    for month in ("05", "06", "07"):  # the first months without a partition
        url = server.set(f"2028-{month}-10 12:00:00")
        with connected(url) as conn:
            events.insert(conn, "now", 3000)
    outcome = lmsschema("partitions", "ensure", "--url", url)
    assert outcome.code == 0, outcome.err
    assert count(url) == 9000
    assert count(url, "learning_events_default") == 0
    assert "learning_events_2028_05_to_2028_07" in partitions(url)
    assert at_rest(lmsschema, url)


def test_cron_down_for_three_months_while_events_come_in(
    lmsschema: Program, upgraded_url: str
) -> None:
    with connected(upgraded_url) as conn:
        events.people(conn)
        events.drop(conn, *(events.name(offset) for offset in range(4)))
        for offset in (-2, -1, 0):
            events.insert(conn, events.month(offset), 3000)
    with events.load(upgraded_url, ["now"]) as load:
        outcome = lmsschema("partitions", "ensure", "--url", upgraded_url)
    assert outcome.code == 0, outcome.err
    assert not load.errors
    assert load.inserted
    assert count(upgraded_url) == 9000 + load.inserted
    assert count(upgraded_url, "learning_events_default") == 0
    assert at_rest(lmsschema, upgraded_url)


def test_cron_down_for_three_months_without_a_default(
    lmsschema: Program, upgraded_url: str
) -> None:
    """Events are refused meanwhile; the run makes the months, and a default for the next time."""
    with connected(upgraded_url) as conn:
        events.people(conn)
        events.drop(conn, *events.partitions(conn))
    with events.load(upgraded_url, ["now"]) as load:
        time.sleep(0.3)
    assert load.errors
    assert all(error.startswith("23514") for error in load.errors)
    assert lmsschema("partitions", "ensure", "--url", upgraded_url).code == 0
    with events.load(upgraded_url, ["now"]) as load:
        assert lmsschema("partitions", "ensure", "-q", "--url", upgraded_url).code == 0
    assert not load.errors
    assert count(upgraded_url) == load.inserted
    assert at_rest(lmsschema, upgraded_url)


def test_rows_of_a_future_month_before_it_is_made(
    lmsschema: Program, fresh: Callable[[str], str], server: Clocked
) -> None:
    url = fresh("2028-01-15 12:00:00")
    with connected(url) as conn:
        events.insert(conn, "2028-05-03 12:00+00", 40)
    check = lmsschema("partitions", "check", "--url", url)
    assert check.code == 3
    assert "40 rows in learning_events_default" in check.out
    url = server.set("2028-02-01 00:00:00")
    outcome = lmsschema("partitions", "ensure", "--url", url)
    assert outcome.code == 0, outcome.err
    assert count(url, "learning_events_2028_05") == 40
    assert at_rest(lmsschema, url)


def test_a_row_of_2100_stays_and_is_reported(
    lmsschema: Program, fresh: Callable[[str], str]
) -> None:
    url = fresh("2028-01-15 12:00:00")
    with connected(url) as conn:
        events.insert(conn, "2100-01-01")
        events.insert(conn, "infinity")
    before = catalogs(url)
    heal = lmsschema("partitions", "heal", "--url", url, "--json")
    assert heal.code == 3
    assert heal.json["tables"][0]["staying"] == 2
    assert catalogs(url) == before
    assert lmsschema("partitions", "ensure", "-q", "--url", url).code == 0
    assert lmsschema("partitions", "check", "--url", url).code == 3
    assert count(url) == 2


def test_rows_that_have_to_move_are_named_and_the_rest_is_made(
    lmsschema: Program, fresh: Callable[[str], str], server: Clocked
) -> None:
    url = fresh("2028-01-15 12:00:00")
    with connected(url) as conn:
        events.insert(conn, "2027-03-03 12:00+00", 5000)
        events.insert(conn, "2028-05-03 12:00+00", 5000)
    url = server.set("2028-03-01 00:00:00")
    outcome = lmsschema("partitions", "ensure", "--url", url)
    assert outcome.code == 3
    assert "learning_events_2028_05" in outcome.err
    assert "hint: lmsschema partitions heal" in outcome.err
    assert "learning_events_2028_06" in partitions(url)
    assert "learning_events_2028_05" not in partitions(url)
    dry = lmsschema("partitions", "heal", "--dry-run", "--url", url)
    assert "move rows: 10000 rows get their partition" in dry.out
    heal = lmsschema("partitions", "heal", "--url", url)
    assert heal.code == 0, heal.err
    assert count(url, "learning_events_2028_05") == 5000
    assert count(url) == 10000
    assert at_rest(lmsschema, url)


def test_a_hole_in_history(lmsschema: Program, fresh: Callable[[str], str]) -> None:
    url = fresh("2028-01-15 12:00:00")
    made = lmsschema("partitions", "create", "--from", "2025-01", "--to", "2025-02", "--url", url)
    assert made.code == 0
    names = sorted(partitions(url))
    assert names[:2] == ["learning_events_2025_01", "learning_events_2025_02"]
    assert partitions(url)[names[0]] == (
        "FOR VALUES FROM ('2025-01-01 00:00:00+00') TO ('2025-02-01 00:00:00+00')"
    )
    listed = lmsschema("partitions", "list", "--url", url, "--json").json["tables"][0]
    assert [hole["from"] for hole in listed["holes"]] == ["2025-03-01T00:00:00+00:00"]
    assert at_rest(lmsschema, url)
    lmsschema("partitions", "create", "--from", "2025-01", "--to", "2027-12", "--url", url)
    listed = lmsschema("partitions", "list", "--url", url, "--json").json["tables"][0]
    assert listed["holes"] == []
    assert len(listed["partitions"]) == 41
    assert at_rest(lmsschema, url)
