"""A change of the index profile that is disturbed: killed, on a full disk, two at once.

It is killed while it makes changes last, in a chain: each run goes on from where the one before was
killed. LMSSCHEMA_TEST_KILL_EVERY says after how many such changes each is killed; 1: at every one.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from lmsschema import names
from lmsschema.database import catalog
from lmsschema.database.connection import Database
from lmsschema.locks.context import Context
from lmsschema.partition_manager import prune, restore
from lmsschema.partition_manager.retention import Span
from lmsschema.partitions import LEARNING_EVENTS
from tests.partition_manager.test_restore import NAME, detach, drift_of
from tests.support import boundaries, forks, own_servers
from tests.support.boundaries import Boundary, Interlude
from tests.support.checking import checked, execute
from tests.support.forks import Forker
from tests.support.program import Outcome, Program, clean_environment
from tests.support.upgrading import FILL, Contents, contents

EVERY = int(os.environ.get("LMSSCHEMA_TEST_KILL_EVERY", "211"))

#: Changes that last, of which there are some hundred, that each run of a chain makes.
STRIDE = 1 if EVERY == 1 else 7 if EVERY <= 53 else 29

#: Of the site beside the change: no statement waits for a lock longer than this.
LONGEST_WAIT = "2s"

BESIDE = (
    """
    INSERT INTO learning_events
        (user_id, course_id, event_type, event_category, event_action, session_id)
    SELECT user_id, course_id, 'x', 'social', 'beside', gen_random_uuid() FROM enrollments LIMIT 1
    """,
    "UPDATE section_progress SET time_spent = time_spent",
    "SELECT FROM learning_events WHERE course_id IN (SELECT id FROM courses) LIMIT 9",
)


@pytest.fixture(scope="module")
def forker() -> Iterator[Forker]:
    with forks.forker(clean_environment()) as made:
        yield made


def state(url: str) -> tuple[object, Contents]:
    """Return the schema's objects, but for the names of parts of indexes, and sums of all rows."""
    with psycopg.connect(url) as conn:
        objects = {
            identity: {name: value for name, value in attributes.items() if name != "own name"}
            for identity, attributes in catalog.read(conn, "public").objects.items()
        }
    rows = contents(url)
    del rows[names.SETTINGS], rows["recalculations"]  # what a site writes is queued
    return objects, rows


@contextlib.contextmanager
def beside(url: str) -> Iterator[None]:
    """Have a site write and read all the time; its events are deleted at the end."""
    over = threading.Event()
    failed: list[psycopg.Error] = []
    done: list[int] = []

    def work() -> None:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(f"SET lock_timeout = '{LONGEST_WAIT}'".encode())
            while not over.wait(0.01) and not failed:
                try:
                    for statement in BESIDE:
                        conn.execute(statement.encode())
                except psycopg.Error as error:
                    failed.append(error)
                done.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert failed == []
    assert len(done) > 1
    execute(url, "DELETE FROM learning_events WHERE event_action = 'beside'")


def killed_until_done(forker: Forker, url: str, profile: str) -> int:
    """Kill changes of the profile again and again until one ends; return how many were killed."""
    for killed in range(300):
        boundary = Boundary(STRIDE, "sent", forker.kill, lasting=True)
        with boundaries.relayed(url, boundary) as through:
            code = forker.run("indexes", "set", profile, "--url", through)
        if code == 0:
            return killed
        assert code == -signal.SIGKILL, boundary.seen[-1:]
    raise AssertionError(profile)


def test_killed_again_and_again_there_and_back_beside_a_writer(
    upgraded_url: str, forker: Forker
) -> None:
    execute(upgraded_url, FILL)
    before = state(upgraded_url)
    with beside(upgraded_url):
        for profile in (names.LEAN, names.FAITHFUL):
            assert killed_until_done(forker, upgraded_url, profile) > 1
            report = checked(upgraded_url)
            assert report.clean(strict=True)
            assert report.profile == profile
    assert state(upgraded_url) == before


def test_the_second_of_two_at_once_is_refused_or_waits(
    upgraded_url: str, lmsschema: Program
) -> None:
    execute(upgraded_url, FILL)
    on = ("--url", upgraded_url)
    refused: list[Outcome] = []
    waited: list[Outcome] = []
    second = threading.Thread(
        target=lambda: waited.append(lmsschema("indexes", "set", "faithful", *on))
    )

    def meanwhile(_: str) -> None:
        refused.append(lmsschema("indexes", "set", "faithful", "--wait", "0", *on))
        second.start()

    with boundaries.relayed(upgraded_url, Interlude("INDEX CONCURRENTLY", meanwhile)) as through:
        done = lmsschema("indexes", "set", "lean", "--url", through)
    second.join()
    assert [one.code for one in (done, *refused, *waited)] == [0, 5, 0], waited
    assert "still works on schema public" in refused[0].err
    assert checked(upgraded_url).clean(strict=True)


def test_a_month_that_was_detached_before_gets_the_indexes_of_the_profile(
    upgraded_url: str,
    opened: Callable[..., Database],
    lmsschema: Program,
    psql: Callable[..., str],
) -> None:
    """It comes back with those of the other one: they are pending, and dropped."""
    database = opened(upgraded_url)
    on = ("--url", upgraded_url)
    for profile in (names.LEAN, names.FAITHFUL):
        with psycopg.connect(upgraded_url, autocommit=True) as conn:
            if profile == names.LEAN:
                detach(database, conn)
            else:
                span = Span(6, "m")
                prune.prune(Context(database), LEARNING_EVENTS, span)
        assert lmsschema("indexes", "set", profile, *on).code == 0
        restore.restore(Context(database), LEARNING_EVENTS, NAME)
        report = checked(upgraded_url)
        assert drift_of(database) == []
        assert {one.identity.relation for one in report.changing} == {NAME}
        if profile == names.LEAN:
            assert lmsschema("indexes", "set", profile, *on).code == 0
        else:
            psql(upgraded_url, lmsschema("indexes", "plan", profile, *on).out)
        assert checked(upgraded_url).changing == ()
        assert drift_of(database) == []


@pytest.fixture
def small_url() -> Iterator[tuple[str, Path]]:
    """The URL of a database on a small disk, and the folder of that."""
    with own_servers.small_disk(60_000_000) as server:
        with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
            conn.execute("CREATE DATABASE small")
        yield server.url("small"), server.data / "base"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")
def test_a_full_disk_in_the_middle_loses_nothing_and_the_next_run_goes_on(
    small_url: tuple[str, Path], lmsschema: Callable[..., Outcome]
) -> None:
    url, disk = small_url
    assert lmsschema("upgrade", "--url", url).code == 0
    execute(url, FILL)
    execute(
        url,
        "INSERT INTO learning_sessions (user_id, course_id)"
        " SELECT user_id, course_id FROM enrollments, generate_series(1, 600);"
        "CHECKPOINT",
    )
    before = state(url)
    filler = disk / "filler"
    room = os.statvfs(disk)
    filler.write_bytes(bytes(room.f_bavail * room.f_frsize - 500_000))
    done = lmsschema("indexes", "set", "lean", "--url", url)
    assert done.code == 1, done.err
    assert "No space left on device" in done.err
    assert "the command again" in done.err
    filler.unlink()
    report = checked(url)
    assert (report.profile, report.drift) == (names.FAITHFUL, ())
    assert report.changing
    assert state(url)[1] == before[1]
    for profile in (names.LEAN, names.FAITHFUL):
        done = lmsschema("indexes", "set", profile, "--url", url)
        assert done.code == 0, done.err
        assert checked(url).clean(strict=True)
    assert state(url) == before
