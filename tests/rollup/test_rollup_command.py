"""``lmsschema rollup``: runs, their exit codes, and that nothing disturbs what they come to."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.support import forks, rollups
from tests.support.boundaries import Boundary, relayed
from tests.support.forks import Forker
from tests.support.program import Outcome, Program, clean_environment
from tests.support.rollups import Site, named

Rollup = Callable[..., Outcome]

EVERY = int(os.environ.get("LMSSCHEMA_TEST_KILL_EVERY", "211"))

#: What a run does is undone by this.
CLEAR = """
    TRUNCATE learning_sessions, learner_course_daily, lesson_progress, rollup_state,
        recalculations CASCADE;
    UPDATE enrollments SET progress_percentage = 0, sections_completed = 0, total_sections = 0,
        lessons_completed = 0, total_lessons = 0, total_time_spent = 0, last_accessed_at = NULL;
    INSERT INTO recalculations (kind, course_id) SELECT 'progress', id FROM courses;
"""

#: Changed by hand, in every table.
SPOIL = """
    UPDATE learning_sessions SET interactions_count = 99;
    UPDATE learner_course_daily SET events = 99;
    INSERT INTO learner_course_daily
    SELECT course_id, user_id, day + 9, 1, 0, 0, 0, hours, first_at, last_at
    FROM learner_course_daily;
    UPDATE lesson_progress SET total_time_spent = 99;
    UPDATE enrollments SET last_accessed_at = NULL, total_sections = 99;
"""


@pytest.fixture(scope="module")
def site(rollup_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a database in which two learners have been at work."""
    with psycopg.connect(rollup_url, autocommit=True) as conn:
        conn.execute(
            "CREATE TABLE learning_events_2019_10 PARTITION OF learning_events"
            " FOR VALUES FROM ('2019-10-01Z') TO ('2019-11-01Z')"
        )
        made = Site(conn, zone="Asia/Kolkata", learners=2, courses=2)
        for number in range(24):
            made.event(
                f"2019-10-{10 + number // 8} 18:{20 + number % 8 * 3}Z",
                f"{number // 8 + number % 2}",
                user_id=made.learners[number % 2],
                course_id=made.courses[number % 3 % 2],
                server_timestamp=f"2019-10-14 {number // 4:02}:00Z",
            )
        made.progress(0)
        made.progress(2, completion_status="in_progress", completed_at=None)
        yield conn


@pytest.fixture
def conn(site: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """The same, with nothing computed."""
    site.execute(CLEAR.encode())
    return site


@pytest.fixture
def rollup(lmsschema: Program, rollup_url: str) -> Rollup:
    """Runs ``lmsschema rollup COMMAND`` on that database."""

    def run(*arguments: str) -> Outcome:
        return lmsschema("rollup", *arguments, "--url", rollup_url)

    return run


@pytest.fixture(scope="module")
def forker() -> Iterator[Forker]:
    with forks.forker(clean_environment()) as made:
        yield made


def test_a_run_computes_what_is_due_and_a_second_one_changes_no_row(
    conn: psycopg.Connection[Any], rollup: Rollup
) -> None:
    behind = rollup("status", "--json")
    assert behind.code == 3
    assert behind.json["behind"] is True
    assert behind.json["watermark"] is behind.json["watermark_age"] is None
    assert "hint: lmsschema rollup run" in behind.err
    done = rollup("run", "--json")
    assert done.code == 0, done.err
    assert done.json["busy"] is False
    assert done.json["done"].keys() == {"events", "progress", "grades", "analytics", "learners"}
    assert done.json["done"]["events"] > 0
    assert done.json["done"]["progress"] == 2
    days = conn.execute("SELECT * FROM learner_course_daily").fetchall()
    assert sorted(days, key=str) == rollups.days_in_python(conn)
    whole = rollups.sums(conn, rollups.WHOLE)
    again = rollup("run")
    assert (again.code, again.out.splitlines()[0]) == (0, "nothing was due")
    assert rollups.sums(conn, rollups.WHOLE) == whole
    assert rollup("run", "-q") == Outcome(0, "", "")
    well = rollup("status")
    assert well.code == 0, well.out
    assert [line.split()[0] for line in well.out.splitlines()[:2]] == ["what", "events"]
    late = rollup("status", "--limit", "0", "--json")
    assert (late.code, late.json["behind"]) == (3, True)
    assert {one["kind"] for one in late.json["queues"]} == {"analytics", "grades", "progress"}


def test_a_rebuild_mends_whatever_was_changed(
    conn: psycopg.Connection[Any], rollup: Rollup
) -> None:
    assert rollup("run").code == 0
    right = rollups.sums(conn)
    conn.execute(SPOIL.encode())
    assert rollup("run").code == 0
    assert rollups.sums(conn) != right
    done = rollup("rebuild", "--span", "1800")
    assert done.code == 0, done.err
    assert rollups.sums(conn) == right


def test_a_span_is_taken_up_again(conn: psycopg.Connection[Any], rollup: Rollup) -> None:
    assert rollup("run").code == 0
    right = rollups.sums(conn)
    conn.execute("UPDATE learner_course_daily SET events = 99")
    conn.execute("UPDATE learning_sessions SET interactions_count = 99")
    assert rollup("run", "--from", "2019-10-15", "--to", "2019-10-16").code == 0
    assert rollups.sums(conn) != right
    before = conn.execute("SELECT max(watermark) FROM rollup_state").fetchone()
    assert rollup("run", "--to", "2019-10-15", "--span", "3600").code == 0
    assert rollups.sums(conn) == right
    after = conn.execute("SELECT max(watermark) > %s FROM rollup_state", before).fetchone()
    assert after == (True,)  # of the ordinary run that followed


def test_another_run_is_left_alone(
    conn: psycopg.Connection[Any], rollup: Rollup, rollup_url: str
) -> None:
    with psycopg.connect(rollup_url) as other:
        other.execute("SELECT rollup_step('0')")
        for command in ("run", "rebuild"):
            done = rollup(command, "--json")
            assert (done.code, done.json["busy"], done.json["done"]) == (0, True, {})
            assert "another run is at work" in done.err
            assert rollup(command, "-q") == Outcome(0, "", "")
        other.rollback()
    assert rollups.sums(conn)["days"] is None


def test_what_commits_late_is_not_missed(
    conn: psycopg.Connection[Any], rollup: Rollup, rollup_url: str
) -> None:
    """Its events came when its transaction began, which the watermark does not pass."""
    assert rollup("run", "--lag", "0").code == 0
    with psycopg.connect(rollup_url) as slow:
        slow.execute("SELECT now()")
        _event(conn, "quick")
        assert rollup("run", "--lag", "0").code == 0
        assert _day(conn) == []
        _event(slow, "slow")
        slow.commit()
    assert rollup("run", "--lag", "0").code == 0
    assert _day(conn) == [(2,)]
    conn.execute("DELETE FROM learning_events WHERE event_timestamp::date = '2019-10-20'")


def _event(conn: psycopg.Connection[Any], name: str) -> None:
    conn.execute(
        "INSERT INTO learning_events (user_id, course_id, event_type, event_category, event_action,"
        " session_id, event_timestamp) SELECT id, %s, 't', 'social', 'a', %s, '2019-10-20 12:00Z'"
        " FROM users WHERE id = %s",
        [named("a 0 course"), named(name), named("a learner 0")],
    )


def _day(conn: psycopg.Connection[Any]) -> list[tuple[int]]:
    return conn.execute(
        "SELECT events FROM learner_course_daily WHERE day = '2019-10-20'"
    ).fetchall()


def test_what_is_refused(conn: psycopg.Connection[Any], rollup: Rollup, rollup_url: str) -> None:
    assert rollup("run", "--from", "yesterday").code == 2
    assert rollup("run", "--from", "2019-10-15", "--to", "2019-10-14").code == 2
    for command in ("run", "rebuild", "status"):
        nowhere = rollup(command, "--schema", "nowhere")
        assert nowhere.code in {1, 4}
        assert "hint: " in nowhere.err
    with psycopg.connect(rollup_url) as holder:
        holder.execute("LOCK TABLE rollup_state")
        locked = rollup("run", "--lock-wait", "1")
    assert locked.code == 5
    assert "lock" in locked.err
    assert rollups.sums(conn)["days"] is None


def test_runs_at_once_and_runs_that_are_killed_come_to_the_same(
    conn: psycopg.Connection[Any], forker: Forker, rollup: Rollup, rollup_url: str
) -> None:
    arguments = ("rollup", "run", "--span", "7200", "--url")
    assert rollup("rebuild").code == 0
    expected = rollups.sums(conn)
    conn.execute(CLEAR.encode())
    with contextlib.ExitStack() as runs:
        begun = [runs.enter_context(forker.start(*arguments, rollup_url)) for _ in range(3)]
        assert [fork.wait().code for fork in begun] == [0, 0, 0]
    assert rollup("run").code == 0
    assert rollups.sums(conn) == expected

    def run(boundary: Boundary) -> int:
        with relayed(rollup_url, boundary) as url:
            return forker.run(*arguments, url)

    conn.execute(CLEAR.encode())
    undisturbed = Boundary()
    assert run(undisturbed) == 0
    assert rollups.sums(conn) == expected
    # before each step, and before its COMMIT
    texts = [one.text for one in undisturbed.seen]
    steps = [n for n, text in enumerate(texts, 1) if "rollup_step" in text or "recalc" in text]
    ends = [n for n, text in enumerate(texts, 1) if text == "COMMIT" and n - 1 in steps]
    assert len(steps) == len(ends) > 5
    for place in steps + ends:
        conn.execute(CLEAR.encode())
        assert run(Boundary(place, "before", forker.kill)) == -signal.SIGKILL, place
        assert rollup("run").code == 0
        assert rollups.sums(conn) == expected, texts[place - 1]
