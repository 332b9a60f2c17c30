"""Sessions and days of events: late ones, other clocks, void ones, and months that are gone."""

import datetime as dt
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.support import rollups
from tests.support.rollups import Site, named

Connection = psycopg.Connection[Any]

#: Midnight in Berlin, before the day on which clocks go back.
START = dt.datetime(2019, 10, 26, 22, tzinfo=dt.UTC)

ALL = "SELECT * FROM rollup_events('-infinity', 'infinity')"


def roll(conn: Connection) -> tuple[int, int]:
    """Take up all events; return how many sessions and days were written."""
    sessions, days = conn.execute(ALL).fetchone() or (0, 0)
    return sessions, days


def days(conn: Connection) -> list[tuple[str, int, int]]:
    """Return each day with its number of events and its active seconds."""
    return conn.execute(
        "SELECT day::text, events, active_seconds FROM learner_course_daily ORDER BY day, course_id"
    ).fetchall()


def test_a_late_event_ends_a_pause_of_the_day_before_by_the_institutions_clock(
    conn: Connection,
) -> None:
    site = Site(conn, zone="Asia/Kolkata")
    site.event("2019-10-10 18:20Z")  # 23:50
    site.event("2019-10-10 18:40Z")  # 00:10, after a pause of 20 minutes
    roll(conn)
    assert days(conn) == [("2019-10-10", 1, 0), ("2019-10-11", 1, 0)]
    site.event("2019-10-10 18:32Z")  # 00:02: 12 minutes after the first, 8 before the last
    roll(conn)
    assert days(conn) == [("2019-10-10", 1, 0), ("2019-10-11", 2, 480)]
    site.event("2019-10-10 18:27Z")  # 23:57: the day before gets both pauses
    roll(conn)
    assert days(conn) == [("2019-10-10", 2, 720), ("2019-10-11", 2, 480)]
    hours = "SELECT hours[24], hours[1] FROM learner_course_daily ORDER BY day"
    assert conn.execute(hours).fetchall() == [(2, None), (None, 2)]
    session = "SELECT total_duration, active_duration, interactions_count FROM learning_sessions"
    assert conn.execute(session).fetchall() == [(1200, 1200, 4)]
    assert roll(conn) == (0, 0)


def test_a_zone_that_is_none_is_utc(conn: Connection) -> None:
    Site(conn, zone="Middle/Earth").event("2019-10-10 23:50Z")
    roll(conn)
    assert days(conn) == [("2019-10-10", 1, 0)]


def test_the_day_on_which_clocks_go_back_has_25_hours(conn: Connection) -> None:
    site = Site(conn, zone="Europe/Berlin")
    for minutes in range(0, 25 * 60 + 10, 10):
        site.event(START + dt.timedelta(minutes=minutes))
    roll(conn)
    assert days(conn) == [("2019-10-27", 150, 90_000), ("2019-10-28", 1, 0)]
    assert rollups.days_in_python(conn)[0][7][2] == 12  # from two to three, twice


def test_a_session_of_two_users_is_the_first_ones_and_each_has_a_day(conn: Connection) -> None:
    site = Site(conn, learners=2)
    site.event("2019-10-10 12:01Z", user_id=site.learners[1])
    site.event("2019-10-10 12:05Z")
    roll(conn)
    site.event("2019-10-10 12:00Z")  # late: it is another's session now
    roll(conn)
    found = conn.execute(
        "SELECT user_id, total_duration, interactions_count FROM learning_sessions"
    )
    assert found.fetchall() == [(site.learners[0], 300, 2)]
    assert sorted(days(conn)) == [("2019-10-10", 1, 0), ("2019-10-10", 2, 300)]


def test_a_session_lasts_a_day_at_most(conn: Connection) -> None:
    site = Site(conn)
    for day in (12, 11, 10):  # the id is used again each day, and the days come in reverse
        site.event(f"2019-10-{day} 12:00Z")
        site.event(f"2019-10-{day} 12:05Z")
        roll(conn)
    session = "SELECT session_start::text, total_duration, active_duration FROM learning_sessions"
    assert conn.execute(session).fetchall() == [("2019-10-10 12:00:00+00", 86_400, 300)]
    assert days(conn) == [(f"2019-10-{day}", 2, 300) for day in (10, 11, 12)]


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"event_category": "navigation"}, "abandoned"),
        ({}, "interrupted"),
        ({"event_category": "progress", "event_action": "completed"}, "abandoned"),
        ({"event_category": "assessment", "event_action": "submitted"}, "completed"),
        ({"event_category": "navigation", "event_type": "terminated"}, "completed"),
    ],
)
def test_how_a_session_ends(conn: Connection, changes: dict[str, str], outcome: str) -> None:
    Site(conn).event("2019-10-10 12:00Z", **changes)
    roll(conn)
    found = conn.execute("SELECT session_outcome::text, learning_velocity FROM learning_sessions")
    assert found.fetchall() == [(outcome, None)]


def test_what_an_application_wrote_of_a_session_stays(conn: Connection) -> None:
    site = Site(conn)
    site.insert(
        "learning_sessions",
        id=named("s"),
        user_id=site.learners[0],
        session_start="2019-10-10 11:59Z",
        ip_address="192.0.2.1",
        device_type="tablet",
    )
    site.event(
        "2019-10-10 12:00Z",
        section_id=site.section(0),
        event_category="progress",
        event_action="completed",
    )
    site.event("2019-10-10 12:02Z")
    roll(conn)
    row = conn.execute(
        "SELECT session_start::text, ip_address::text, device_type, sections_completed,"
        " learning_velocity::float, session_outcome::text, exit_point ->> 'event_type'"
        " FROM learning_sessions"
    ).fetchone()
    assert row == ("2019-10-10 12:00:00+00", "192.0.2.1/32", "tablet", 1, 0.5, "completed", "page")


def test_a_void_event_is_taken_out_of_its_session_day_and_access(conn: Connection) -> None:
    site = Site(conn)
    keys = [site.event(f"2019-10-10 12:0{minute}Z") for minute in range(3)]
    other = site.event("2019-10-11 12:00Z", "other")
    roll(conn)
    _void(conn, keys[2], other)
    roll(conn)
    assert days(conn) == [("2019-10-10", 2, 60)]
    found = conn.execute("SELECT id, active_duration FROM learning_sessions").fetchall()
    assert found == [(named("s"), 60)]
    access = conn.execute("SELECT last_accessed_at::text FROM enrollments").fetchone()
    assert access == ("2019-10-10 12:01:00+00",)
    _void(conn, *keys[:2])
    roll(conn)
    assert days(conn) == []
    assert conn.execute("SELECT last_accessed_at FROM enrollments").fetchone() == (None,)


def _void(conn: Connection, *keys: UUID) -> None:
    conn.execute(
        "WITH gone AS (DELETE FROM learning_events WHERE id = ANY(%s) RETURNING *)"
        " INSERT INTO voided_events SELECT *, now() FROM gone",
        [list(keys)],
    )


def test_a_month_that_was_pruned_is_not_computed_from_what_is_left(conn: Connection) -> None:
    site = Site(conn)
    for at in ("2019-01-10 12:00Z", "2019-01-10 12:05Z", "2019-02-10 12:00Z"):
        site.event(at, at[:7])
    roll(conn)
    before = days(conn)
    conn.execute("ALTER TABLE learning_events DETACH PARTITION learning_events_2019_01")
    site.event("2019-01-10 12:30Z", "2019-01")  # late, into the default
    site.event("2019-02-10 12:30Z", "2019-02")
    roll(conn)
    assert days(conn) == [before[0], ("2019-02-10", 2, 0)]
    active = "SELECT total_duration FROM learning_sessions ORDER BY session_start"
    assert conn.execute(active).fetchall() == [(300,), (1800,)]
    assert conn.execute("SELECT reset_rollups()").fetchone() == (True,)
    roll(conn)
    assert days(conn) == [before[0], ("2019-02-10", 2, 0)]


def test_an_erased_user_is_nowhere_and_the_others_stay(conn: Connection) -> None:
    site = Site(conn, learners=2)
    site.event("2019-10-10 12:00Z")
    site.event("2019-10-10 12:00Z", "other", user_id=site.learners[1])
    roll(conn)
    conn.execute("DELETE FROM users WHERE id = %s", [site.learners[0]])
    assert roll(conn) == (0, 0)
    assert (
        rollups.days_in_python(conn)
        == conn.execute("SELECT * FROM learner_course_daily").fetchall()
    )
    assert conn.execute("SELECT user_id FROM learning_sessions").fetchall() == [(site.learners[1],)]
