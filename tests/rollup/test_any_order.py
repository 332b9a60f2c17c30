"""Events in any order and in any windows: the same as a rebuild, and as plain Python."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.support import rollups
from tests.support.rollups import Site, named

Connection = psycopg.Connection[Any]

#: An event: whose, where, in which of four sessions, minutes after noon two days before the end of
#: October, what it is, and in which of the batches it comes.
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(-1, 1),
        st.integers(0, 3),
        st.one_of(st.integers(0, 30), st.integers(690, 750), st.integers(0, 4320)),
        st.sampled_from(["navigation", "interaction", "completed", "submitted", "terminated"]),
        st.integers(0, 4),
    ),
    min_size=1,
    max_size=25,
)

NOON = dt.datetime(2019, 10, 24, 12, tzinfo=dt.UTC)

#: When the first batch comes; the others come an hour after each other.
CAME = dt.datetime(2019, 11, 1, tzinfo=dt.UTC)

KINDS: dict[str, dict[str, str]] = {
    "navigation": {"event_category": "navigation"},
    "interaction": {"event_category": "interaction"},
    "completed": {"event_category": "progress", "event_action": "completed"},
    "submitted": {"event_category": "assessment", "event_action": "submitted"},
    "terminated": {"event_category": "social", "event_type": "terminated"},
}


@pytest.fixture(scope="module")
def sites(rollup_url: str) -> Iterator[tuple[Connection, list[Site]]]:
    """A transaction with two institutions of two learners each, of different clocks."""
    with psycopg.connect(rollup_url) as conn:
        conn.execute("SET TIME ZONE 'UTC'")
        conn.execute(
            "CREATE TABLE learning_events_2019_10 PARTITION OF learning_events"
            " FOR VALUES FROM ('2019-10-01Z') TO ('2019-11-01Z')"
        )
        zones = ("America/St_Johns", "Middle/Earth")
        made = [
            Site(conn, name, zone, learners=2, courses=2)
            for name, zone in zip("ab", zones, strict=True)
        ]
        yield conn, made
        conn.rollback()


@settings(max_examples=60, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(events=EVENTS, windows=st.permutations(range(5)), void=st.sets(st.integers(0, 24)))
def test_any_order_of_windows_is_a_rebuild_and_what_python_computes(
    sites: tuple[Connection, list[Site]],
    events: list[tuple[int, int, int, int, str, int]],
    windows: list[int],
    void: set[int],
) -> None:
    conn, made = sites
    with conn.transaction(force_rollback=True):
        keys = []
        for number, (learner, course, session, minutes, kind, batch) in enumerate(events):
            site = made[learner // 2]
            keys.append(named(f"event {number}"))
            site.event(
                NOON + dt.timedelta(minutes=minutes),
                f"{session}",
                **KINDS[kind]
                | {
                    "id": keys[-1],
                    "user_id": site.learners[learner % 2],
                    "course_id": None if course < 0 else site.courses[course],
                    "lesson_id": None if course < 0 else site.lesson(0, course),
                    "section_id": None if course < 0 else site.section(number % 2, course),
                    "server_timestamp": CAME + dt.timedelta(hours=batch),
                },
            )
        for window in windows:
            start = CAME + dt.timedelta(hours=window, minutes=-30)
            conn.execute("SELECT rollup_events(%s, %s)", [start, start + dt.timedelta(hours=1)])
        conn.execute(
            "WITH gone AS (DELETE FROM learning_events WHERE id = ANY(%s) RETURNING *)"
            " INSERT INTO voided_events SELECT *, '2019-11-02Z' FROM gone",
            [[keys[number] for number in void if number < len(keys)]],
        )
        conn.execute("SELECT rollup_events('2019-11-01 12:00Z', '2019-11-03Z')")
        found = rollups.sums(conn)
        assert _days(conn) == rollups.days_in_python(conn)
        assert _sessions(conn) == rollups.sessions_in_python(conn)
        again = conn.execute("SELECT * FROM rollup_events('-infinity', 'infinity')").fetchone()
        assert again == (0, 0)
        conn.execute("DELETE FROM learning_sessions")
        conn.execute("DELETE FROM learner_course_daily")
        conn.execute("UPDATE enrollments SET last_accessed_at = NULL")
        conn.execute("SELECT rollup_events('-infinity', 'infinity')")
        assert rollups.sums(conn) == found


def _days(conn: Connection) -> list[tuple[Any, ...]]:
    return sorted(conn.execute("SELECT * FROM learner_course_daily").fetchall(), key=str)


def _sessions(conn: Connection) -> list[tuple[Any, ...]]:
    found = conn.execute(
        "SELECT id, user_id, course_id::text, session_start, session_end, total_duration,"
        " active_duration, lessons_accessed, sections_completed, interactions_count,"
        " session_outcome::text FROM learning_sessions"
    )
    return sorted(found.fetchall(), key=str)
