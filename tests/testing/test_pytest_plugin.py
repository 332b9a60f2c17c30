"""The pytest plugin in suites of somebody else's, each run as a process of its own."""

import os
import re
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from lmsschema.testing.servers import RunningServer
from tests.support.plugin_runs import PASSES, Suite, servers, start

if TYPE_CHECKING:
    import subprocess

SAME_KEYS = """
import os, pathlib, psycopg, pytest

KEY = "7f1c1f9e-0000-4000-8000-000000000001"

@pytest.mark.parametrize("number", range({count}))
def test_has_a_database_of_its_own(lms_database_url, number):
    with psycopg.connect(lms_database_url) as conn:
        conn.execute("INSERT INTO institutions (id, name, domain, education_level)"
                     " VALUES (%s, 'A', 'a.example', 'k12')", [KEY])
        assert conn.execute("SELECT count(*) FROM institutions").fetchone() == (1,)
        pathlib.Path("seen", conn.info.dbname).touch(exist_ok=False)
"""


WAITS = """
import pathlib, time

def test_waits(lms_database_url, lms_empty_database_url):
    for url in (lms_database_url, lms_empty_database_url):
        pathlib.Path("seen", url.split("/")[3].split("?")[0]).touch()
    time.sleep(600)

def test_waits_too(lms_database_url):
    pathlib.Path("seen", lms_database_url.split("/")[3].split("?")[0]).touch()
    time.sleep(600)
"""


def kill_once_it_waits(process: "subprocess.Popen[str]", folder: Path, count: int) -> set[str]:
    """Kill pytest with its workers once its tests wait; return the names of their databases."""
    while len(seen := {file.name for file in (folder / "seen").iterdir()}) < count:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return seen


def databases(server: RunningServer, key_of: set[str]) -> set[str]:
    """Return the databases on the server whose process also made one of these."""
    prefixes = {name.rpartition("_")[0] for name in key_of}
    with psycopg.connect(server.url) as conn:
        rows = conn.execute("SELECT datname FROM pg_database").fetchall()
    return {name for (name,) in rows if name.rpartition("_")[0] in prefixes}


def test_500_tests_on_four_workers_never_meet_and_leave_nothing(
    suite: Suite, folder: Path, lms_server: RunningServer
) -> None:
    text = SAME_KEYS.format(count=500)
    done = suite(text, "-n", "4", LMSSCHEMA_TEST_URL=lms_server.url)
    assert "500 passed" in done.stdout, done.stdout
    seen = {file.name for file in (folder / "seen").iterdir()}
    assert len(seen) == 500
    assert databases(lms_server, seen) == set()


@pytest.mark.parametrize("form", ["postgresql+psycopg://", "postgres://", "keywords"])
def test_the_server_may_be_named_in_any_form(
    suite: Suite, lms_server: RunningServer, form: str
) -> None:
    given = lms_server.url.replace("postgresql://", form)
    if form == "keywords":
        given = psycopg.conninfo.make_conninfo(lms_server.url)
    assert "1 passed" in suite(PASSES, LMSSCHEMA_TEST_URL=given).stdout


@pytest.mark.parametrize("pool", [0, 1, 5])
def test_with_any_pool_each_test_has_a_database_of_its_own(
    suite: Suite, folder: Path, lms_server: RunningServer, pool: int
) -> None:
    text = SAME_KEYS.format(count=12)
    done = suite(text, ini=f"lms_pool = {pool}", LMSSCHEMA_TEST_URL=lms_server.url)
    assert "12 passed" in done.stdout, done.stdout
    assert databases(lms_server, {file.name for file in (folder / "seen").iterdir()}) == set()


def test_what_a_killed_run_left_on_a_server_the_next_run_drops_and_nothing_else(
    suite: Suite, folder: Path, lms_server: RunningServer, upgraded_url: str
) -> None:
    process = start(folder, WAITS, "-n", "2", LMSSCHEMA_TEST_URL=lms_server.url)
    seen = kill_once_it_waits(process, folder, 3)
    assert seen <= databases(lms_server, seen)
    assert "1 passed" in suite(PASSES, LMSSCHEMA_TEST_URL=lms_server.url).stdout
    assert databases(lms_server, seen) == set()
    with psycopg.connect(upgraded_url) as conn:  # ours: a living run's
        assert conn.execute("SELECT count(*) FROM users").fetchone() == (0,)


@pytest.mark.once  # on a server of its own
def test_the_server_that_a_killed_run_left_the_next_run_stops(suite: Suite, folder: Path) -> None:
    ini = f"lms_folder = {folder}"
    process = start(folder, WAITS, "-n", "2", "--lms-server", "embedded", ini=ini)
    kill_once_it_waits(process, folder, 3)
    (left,) = servers(folder)
    pid = int((left / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, 0)
    assert "1 passed" in suite(PASSES, "--lms-server", "embedded", ini=ini).stdout
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert servers(folder) == []


@pytest.mark.once  # on a server of its own
def test_a_failed_tests_database_is_kept_until_the_next_run(suite: Suite, folder: Path) -> None:
    text = (
        "import psycopg\n"
        "def test_fails(lms_database_url):\n"
        "    with psycopg.connect(lms_database_url) as conn: conn.execute('CREATE TABLE mark ()')\n"
        "    assert False\n"
        "def test_passes(lms_database_url): pass\n"
    )
    ini = f"lms_folder = {folder}"
    done = suite(text, "-n", "2", "--lms-server", "embedded", "--lms-keep", ini=ini)
    assert "1 failed, 1 passed" in done.stdout
    (kept,) = re.findall(
        r"^test_theirs.py::test_fails: (postgresql://\S+)$", done.stdout, re.MULTILINE
    )
    with psycopg.connect(kept) as conn:
        assert conn.execute("SELECT count(*) FROM mark").fetchone() == (0,)
        rows = conn.execute("SELECT FROM pg_database WHERE datname LIKE 'lmsschema\\_test\\_%'")
        assert rows.rowcount == 1
    assert len(servers(folder)) == 1
    suite(PASSES, "--lms-server", "embedded", ini=ini)
    assert servers(folder) == []
