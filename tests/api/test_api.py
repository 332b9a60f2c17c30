"""What an application calls: the commands' work as functions, in threads too."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

from lmsschema import api
from lmsschema.database.target import LIBPQ_VARIABLES
from lmsschema.errors import DatabaseUnavailableError, LockTimeoutError, UnsafeError, UsageError
from lmsschema.migration import revisions
from lmsschema.tables import metadata
from lmsschema.testing.databases import Databases
from tests.support import events


@pytest.fixture(autouse=True)
def _nothing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have neither the environment nor a configuration file name a database."""
    monkeypatch.chdir(tmp_path)
    for variable in ("LMSSCHEMA_DATABASE_URL", "DATABASE_URL", *LIBPQ_VARIABLES):
        monkeypatch.delenv(variable, raising=False)


def test_an_applications_start_up(database_url: str) -> None:
    line = tuple(revisions.ids())
    assert api.current(database_url) == api.Standing(None, line[-1], line)
    said: list[str] = []
    done = api.upgrade(database_url, notify=said.append)
    assert (done.before, done.after, done.applied) == (None, line[-1], line)
    assert [len(table.done) for table in done.partitions] == [5]
    assert any("learning_events_default" in one for one in said)
    again = api.upgrade(sqlalchemy.make_url(f"{database_url}&application_name=lms"))
    assert (again.before, again.applied) == (line[-1], ())
    assert api.current(database_url).pending == ()


def test_what_is_named_elsewhere(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="no database is named"):
        api.current()
    monkeypatch.setenv("LMSSCHEMA_DATABASE_URL", database_url)
    (tmp_path / "lmsschema.toml").write_text(
        'schema = "north"\nignore = ["theirs"]\nahead = 5\n'
        '[tables.audit_log]\nkey = "at"\ninterval = "day"\n'
    )
    api.upgrade()
    with psycopg.connect(database_url) as conn:
        conn.execute(
            "CREATE TABLE north.theirs (); CREATE TABLE north.audit_log (at timestamptz NOT NULL)"
            " PARTITION BY RANGE (at); SET search_path TO north"
        )
        conn.commit()
        events_, audit = api.ensure_partitions()
        assert [action.name for action in events_.done] == [events.name(4), events.name(5)]
        assert len(audit.done) == 7
    assert not [one for one in api.check().unmanaged if one.identity.relation == "theirs"]
    assert api.check(ignore=()).unmanaged
    with pytest.raises(DatabaseUnavailableError, match="no connection"):
        api.current("postgresql://127.0.0.1:1/lms")


def test_check_finds_drift_and_not_an_applications_own_tables(upgraded_url: str) -> None:
    theirs = sqlalchemy.Table("theirs", metadata, sqlalchemy.Column("id", sqlalchemy.Integer))
    try:
        assert api.check(upgraded_url).clean(strict=True)
        with psycopg.connect(upgraded_url) as conn:
            conn.execute("DROP INDEX idx_users_role")
        [difference] = api.check(upgraded_url).drift
        assert difference.identity.name == "idx_users_role"
    finally:
        metadata.remove(theirs)


def test_databases(lms_empty_database_url: str) -> None:
    name = "lms_api_test"
    try:
        assert api.createdb(name, lms_empty_database_url).template
        with pytest.raises(UnsafeError, match="already"):
            api.createdb(name, lms_empty_database_url)
        assert api.createdb(name, lms_empty_database_url, replace=True).replaced
    finally:
        with psycopg.connect(lms_empty_database_url, autocommit=True) as conn:
            conn.execute(f"DROP DATABASE IF EXISTS {name}".encode())


def test_index_profiles(lms_databases: Databases, upgraded_url: str) -> None:
    server = lms_databases.url("postgres")
    name = "lms_api_lean_test"
    try:
        assert api.createdb(name, server, profile="lean").template
        lean = lms_databases.url(name)
        assert api.check(lean).clean(strict=True)
        again = api.upgrade(lean, profile="lean").profile
        assert again is not None
        assert (again.before, again.after, again.steps) == ("lean", "lean", ())
        done = api.upgrade(upgraded_url, profile="lean").profile
        assert done is not None
        assert (done.before, done.after) == ("faithful", "lean")
        assert done.steps
        assert api.check(upgraded_url).clean(strict=True)
    finally:
        lms_databases.drop(name)
    with pytest.raises(UsageError, match="no index profile 'slim'"):
        api.upgrade(upgraded_url, profile="slim")
    with pytest.raises(UsageError, match="no index profile 'slim'"):
        api.createdb(name, server, profile="slim")


def test_in_an_asynchronous_application_several_run_at_once(new_url: Callable[[], str]) -> None:
    """Alembic, whose state is global, is entered by one thread at a time."""
    urls = [new_url(), new_url()]

    async def start() -> None:
        done = await asyncio.gather(*(asyncio.to_thread(api.upgrade, url) for url in urls))
        assert [one.after for one in done] == [revisions.head()] * 2
        checked = await asyncio.gather(*(asyncio.to_thread(api.check, url) for url in urls))
        assert all(one.clean(strict=True) for one in checked)

    asyncio.run(start())


def test_another_threads_run_is_waited_for_no_longer_than_said(database_url: str) -> None:
    at_work, go_on = threading.Event(), threading.Event()

    def wait(_: str) -> None:
        at_work.set()
        go_on.wait(60)

    first = threading.Thread(target=api.upgrade, args=[database_url], kwargs={"notify": wait})
    first.start()
    try:
        assert at_work.wait(60)
        with pytest.raises(LockTimeoutError, match="another thread"):
            api.upgrade(database_url, wait=0)
    finally:
        go_on.set()
        first.join()
    assert api.upgrade(database_url, wait=0).applied == ()


def test_it_imports_what_is_used() -> None:
    script = (
        "import sys, lmsschema.api;"
        "print({'sqlalchemy', 'alembic', 'psycopg', 'click'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == b"set()\n"
