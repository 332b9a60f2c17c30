"""A tenant that fails, a lock, a worker that is killed, a run that is interrupted."""

import functools
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg

from lmsschema.cli.tenants import _jobs
from lmsschema.database.target import Target
from lmsschema.deadline import Deadline
from lmsschema.migration import revisions as known
from lmsschema.migration.retry import Retry
from lmsschema.tenants import runs
from tests.support.program import Program, clean_environment
from tests.tenants.conftest import NAMES, OLD, Tenants, by_name, revisions

HEAD = known.head()
LOCK = ("--lock-timeout", "0.2", "--lock-retries", "0")
SLOWLY = ("--jobs", "1", "--lock-timeout", "600")


def test_a_failure_stops_what_is_not_begun_unless_more_are_allowed(
    tenants: Tenants, lmsschema: Program, url: str, conn: psycopg.Connection
) -> None:
    conn.execute("CREATE TABLE east.lmsschema_settings (theirs int)")
    done = tenants("upgrade", "--jobs", "1")
    assert done.code == 6
    assert done.out == "4 tenants: 0 upgraded, 0 there already, 1 failed, 3 not begun\n"
    assert revisions(conn) == dict.fromkeys(NAMES, OLD)
    # what is printed to try it alone does
    alone = re.search(r"^alone: lmsschema (.+)$", done.err, re.MULTILINE)
    assert alone is not None
    tried = lmsschema(*alone[1].split(), "--url", url)
    assert tried.code == 6
    assert tried.err.splitlines()[1].removeprefix("lmsschema: ") in done.err
    done = tenants("upgrade", "--max-failures", "2")
    assert done.code == 6
    assert done.out == "4 tenants: 3 upgraded, 0 there already, 1 failed\n"
    assert revisions(conn) == dict.fromkeys(NAMES, HEAD) | {"east": OLD}


def test_a_canary_that_fails_ends_the_run(tenants: Tenants, conn: psycopg.Connection) -> None:
    conn.execute("DROP INDEX west.idx_users_role")  # noticed by the check after it
    done = tenants("upgrade", "--canary", "west", "--max-failures", "9")
    assert done.code == 3
    assert "not as declared" in done.err
    assert revisions(conn) == dict.fromkeys(NAMES, OLD) | {"west": HEAD}
    # it goes on keeping the others back, until it is as declared
    again = tenants("upgrade", "--canary", "west")
    assert again.code == 3
    assert revisions(conn) == dict.fromkeys(NAMES, OLD) | {"west": HEAD}
    conn.execute("CREATE INDEX idx_users_role ON west.users (role)")
    assert tenants("upgrade", "--canary", "west").code == 0
    assert revisions(conn) == dict.fromkeys(NAMES, HEAD)


def test_a_tenant_that_is_locked_is_tried_again_at_the_end(
    tenants: Tenants, conn: psycopg.Connection, url: str
) -> None:
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE east.users IN ACCESS EXCLUSIVE MODE")
        done = tenants("upgrade", "--json", "--jobs", "1", *LOCK)
        assert done.code == 5
        assert list(by_name(done)) == ["north", "south", "west", "east"]
    assert revisions(conn) == dict.fromkeys(NAMES, HEAD) | {"east": OLD}
    assert tenants("upgrade").code == 0
    assert revisions(conn) == dict.fromkeys(NAMES, HEAD)


def test_a_tenant_that_is_dropped_meanwhile_is_not_made_anew(
    url: str, conn: psycopg.Connection
) -> None:
    conn.execute("DROP SCHEMA east CASCADE")
    job = functools.partial(
        _jobs.upgrade,
        revision="head",
        allow=(),
        retry=Retry(2, 1),
        wait=10,
        shadow_url=None,
        canaries=(),
        ignore=(),
        declare=(),
        policies=(),
    )
    done = runs.run(Target(url, "the test"), job, ["east"], jobs=1)
    assert [(one.code, one.message) for one in done.results] == [
        (1, "its schema was dropped meanwhile")
    ]
    assert conn.execute("SELECT to_regnamespace('east')").fetchone() == (None,)


def _waiting(conn: psycopg.Connection) -> int | None:
    """Return the backend that waits for a lock of a table, if one does."""
    row = conn.execute(
        "SELECT pid FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    ).fetchone()
    return None if row is None else int(row[0])


def _children(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text("ascii").rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == pid:
            found.append(int(status.parent.name))
    return found


def _workers(pid: int) -> list[int]:
    """Return the worker processes of a run (one child besides keeps track of semaphores)."""
    return [
        child
        for child in _children(pid)
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def _until(condition: Callable[[], object]) -> None:
    deadline = Deadline(60, pause=0.05)
    while not condition():
        assert not deadline.expired
        deadline.pause()


def _disturbed(
    url: str, conn: psycopg.Connection, disturb: Callable[[subprocess.Popen[str]], None]
) -> tuple[int, str]:
    """Run an upgrade whose first tenant is locked, and disturb it while it waits for the lock."""
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE east.users IN ACCESS EXCLUSIVE MODE")
        with subprocess.Popen(
            [sys.executable, "-m", "lmsschema", "tenants", "upgrade", "--url", url, *SLOWLY],
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            _until(lambda: _waiting(conn))
            disturb(process)
            process.wait(60)
            other.rollback()  # a worker that has lost its parent goes on with its tenant
            assert process.stderr is not None
            err = process.stderr.read()
            assert "Traceback" not in err
            return process.returncode, err


def test_a_worker_that_is_killed_is_a_failure_of_its_tenant(
    url: str, conn: psycopg.Connection, tenants: Tenants
) -> None:
    def kill(process: "subprocess.Popen[str]") -> None:
        [worker] = _workers(process.pid)
        os.kill(worker, signal.SIGKILL)

    code, err = _disturbed(url, conn, kill)
    assert code == 1
    assert "east: its worker process ended (signal 9, SIGKILL)" in err
    assert tenants("upgrade").code == 0
    assert revisions(conn) == dict.fromkeys(NAMES, HEAD)


def test_a_run_that_is_interrupted_takes_back_what_it_is_at(
    url: str, conn: psycopg.Connection, tenants: Tenants
) -> None:
    def interrupt(process: "subprocess.Popen[str]") -> None:
        process.send_signal(signal.SIGINT)

    code, _ = _disturbed(url, conn, interrupt)  # it ends while the lock is held
    assert code == 130
    assert revisions(conn) == dict.fromkeys(NAMES, OLD)
    assert tenants("upgrade").code == 0


def test_workers_of_a_run_that_is_killed_end_with_their_tenant(
    url: str, conn: psycopg.Connection, tenants: Tenants
) -> None:
    workers: list[int] = []

    def kill(process: "subprocess.Popen[str]") -> None:
        workers.extend(_workers(process.pid))
        process.kill()

    code, _ = _disturbed(url, conn, kill)
    assert code == -signal.SIGKILL
    _until(lambda: not any(Path(f"/proc/{one}").exists() for one in workers))
    assert {name: one for name, one in revisions(conn).items() if name != "east"} == dict.fromkeys(
        ("north", "south", "west"), OLD
    )
    assert tenants("upgrade").code == 0
    assert revisions(conn) == dict.fromkeys(NAMES, HEAD)
