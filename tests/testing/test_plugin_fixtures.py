"""The plugin's fixtures and settings."""

import re
from pathlib import Path

import pytest

from lmsschema.testing.servers import RunningServer
from tests.support.plugin_runs import PASSES, Suite


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

def test_an_asynchronous_engine(lms_async_engine):
    async def work():
        async with lms_async_engine.begin() as connection:
            await connection.execute(INSERT)
        async with lms_async_engine.connect() as connection:
            assert await connection.scalar(COUNT) == 1
    asyncio.run(work())

def test_an_empty_database(lms_empty_database_url):
    engine = sqlalchemy.create_engine(lms_empty_database_url.replace("://", "+psycopg://"))
    assert sqlalchemy.inspect(engine).get_table_names() == []
    engine.dispose()
"""
    done = suite(text, LMSSCHEMA_TEST_URL=lms_server.url)
    assert "8 passed" in done.stdout, done.stdout


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


def test_the_index_profile_is_a_setting(suite: Suite, lms_server: RunningServer) -> None:
    text = (
        "import psycopg\n"
        "def test_it(lms_database_url):\n"
        "    with psycopg.connect(lms_database_url) as conn:\n"
        "        found = conn.execute(\"SELECT to_regclass('idx_learning_events_time')\")\n"
        "        assert found.fetchone() != (None,)\n"
    )
    done = suite(text, ini="lms_profile = lean", LMSSCHEMA_TEST_URL=lms_server.url)
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
        (
            ["--lms-server", "embedded"],
            {"LMSSCHEMA_TEST_VERSION": "9"},
            "PostgreSQL 9 is not supported",
        ),
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
    [
        ("lms_server = cloud", "one of auto, url"),
        ("lms_pool = -1", "a number, 0 or more"),
        ("lms_profile = slim", "Use one of faithful, lean"),
    ],
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
