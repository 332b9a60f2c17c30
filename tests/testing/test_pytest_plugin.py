"""The pytest plugin in suites of somebody else's, each run as a process of its own."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from lmsschema.testing.servers import RunningServer
from tests.support.program import clean_environment

Finished = subprocess.CompletedProcess[str]
Suite = Callable[..., Finished]

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

PASSES = "def test_passes(lms_database_url): pass"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for a suite and its servers, which their account can enter."""
    with tempfile.TemporaryDirectory(prefix="lms-suite-") as name:
        made = Path(name)
        made.chmod(0o755)
        (made / "seen").mkdir()
        yield made


@pytest.fixture
def suite(folder: Path) -> Suite:
    """Runs a suite and waits for its end: ``suite(text, *options, ini="", **variables)``."""

    def run(text: str, *options: str, ini: str = "", **variables: str) -> Finished:
        process = start(folder, text, *options, ini=ini, **variables)
        out, err = process.communicate(timeout=300)
        return Finished(process.args, process.returncode, out, err)

    return run


def start(
    folder: Path, text: str, *options: str, ini: str = "", **variables: str
) -> "subprocess.Popen[str]":
    """Start pytest on a suite of one file."""
    (folder / "pytest.ini").write_text(f"[pytest]\nfilterwarnings = error\n{ini}\n")
    (folder / "test_theirs.py").write_text(text)
    outer = {name for name in os.environ if name.startswith("PYTEST_")}
    environment = clean_environment(TMPDIR=str(folder), **variables)
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env={name: value for name, value in environment.items() if name not in outer},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


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


def servers(folder: Path) -> list[Path]:
    """Return the data folders of the embedded servers that were told to live in the folder."""
    return list(folder.glob("lmsschema-*/data"))


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


def test_the_fixtures_give_what_their_names_say(suite: Suite, lms_server: RunningServer) -> None:
    text = """
import asyncio, pytest, sqlalchemy
from sqlalchemy.orm import Session

INSERT = sqlalchemy.text("INSERT INTO institutions (name, domain, education_level)"
                         " VALUES ('A', 'a.example', 'k12')")
COUNT = sqlalchemy.text("SELECT count(*) FROM institutions")

def test_an_engine(lms_engine):
    with lms_engine.begin() as connection:
        connection.execute(INSERT)
    with lms_engine.connect() as connection:
        assert connection.scalar(COUNT) == 1

@pytest.mark.parametrize("time", [1, 2])
def test_a_connection_whose_work_is_rolled_back(lms_connection, time):
    lms_connection.execute(INSERT)
    assert lms_connection.scalar(COUNT) == 1

@pytest.mark.parametrize("time", [1, 2])
def test_a_session_that_commits_on_that_connection(lms_connection, time):
    with Session(lms_connection, join_transaction_mode="create_savepoint") as session:
        session.execute(INSERT)
        session.commit()
    assert lms_connection.scalar(COUNT) == 1

def test_an_asynchronous_connection(lms_async_connection):
    async def work():
        async with lms_async_connection as connection:
            await connection.execute(INSERT)
            await connection.commit()
            assert await connection.scalar(COUNT) == 1
    asyncio.run(work())

def test_an_empty_database(lms_empty_database_url):
    engine = sqlalchemy.create_engine(lms_empty_database_url.replace("://", "+psycopg://"))
    assert sqlalchemy.inspect(engine).get_table_names() == []
    engine.dispose()
"""
    done = suite(text, LMSSCHEMA_TEST_URL=lms_server.url)
    assert "7 passed" in done.stdout, done.stdout


def test_a_commit_on_the_shared_connection_is_an_error(
    suite: Suite, lms_server: RunningServer
) -> None:
    text = "def test_commits(lms_connection):\n    lms_connection.commit()\n"
    done = suite(text, LMSSCHEMA_TEST_URL=lms_server.url)
    assert done.returncode == 1
    assert "ended the transaction of lms_connection" in done.stdout


def test_the_schema_is_a_setting(suite: Suite, lms_server: RunningServer) -> None:
    text = (
        "import psycopg\n"
        "def test_it(lms_database_url):\n"
        "    with psycopg.connect(lms_database_url) as conn:\n"
        "        conn.execute('SELECT FROM \"Campus North\".users')\n"
    )
    done = suite(text, ini="lms_schema = Campus North", LMSSCHEMA_TEST_URL=lms_server.url)
    assert "1 passed" in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("options", "variables", "reason"),
    [
        (["--lms-server", "url"], {}, "no server is named"),
        (
            ["--lms-server", "url"],
            {"LMSSCHEMA_TEST_URL": "host=/nonexistent password=geheim"},
            "no connection to",
        ),
        (
            ["--lms-server", "container"],
            {"DOCKER_HOST": "unix:///nonexistent.sock"},
            "no Docker engine answers",
        ),
        (["--lms-server", "embedded"], {"LMSSCHEMA_TEST_VERSION": "9"}, "no PostgreSQL 9"),
    ],
)
def test_no_server_is_an_error_and_never_a_skip(
    suite: Suite, options: list[str], variables: dict[str, str], reason: str
) -> None:
    done = suite(PASSES, *options, **variables)
    assert done.returncode == 1
    assert "1 error" in done.stdout
    assert "skipped" not in done.stdout
    assert reason in done.stdout
    assert re.search(r"^E +hint: ", done.stdout, re.MULTILINE)
    assert "geheim" not in done.stdout


@pytest.mark.parametrize(
    ("ini", "reason"),
    [("lms_server = cloud", "one of auto, url"), ("lms_pool = -1", "a number, 0 or more")],
)
def test_a_setting_that_can_not_be_is_named(suite: Suite, ini: str, reason: str) -> None:
    done = suite(PASSES, ini=ini)
    assert done.returncode == 1
    assert reason in done.stdout


def test_a_suite_that_asks_for_no_database_starts_none_and_imports_nothing(
    suite: Suite, folder: Path
) -> None:
    text = (
        "import sys\n"
        "def test_it():\n"
        "    ours = {name for name in sys.modules if name.startswith('lmsschema')}\n"
        "    assert ours == {'lmsschema', 'lmsschema.testing', 'lmsschema.testing.plugin'}\n"
    )
    done = suite(text, "--lms-server", "embedded")
    assert "1 passed" in done.stdout, done.stdout
    assert list(folder.glob("lmsschema-testing-*")) == []
