"""examples/alembic: an application's own Alembic history in the database of lmsschema's."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from lmsschema.migration import revisions
from lmsschema.testing.servers import RunningServer
from tests.support.program import Program, clean_environment

EXAMPLE = Path(__file__).parents[2] / "examples" / "alembic"

Alembic = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """The example; the revisions of a checkout lie elsewhere than those of a package."""
    folder = tmp_path / "application"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    settings = folder / "alembic.ini"
    ours = str(revisions.folder() / "versions")
    settings.write_text(settings.read_text().replace("lmsschema:migrations/versions", ours))
    return folder


@pytest.fixture
def alembic(application: Path, database_url: str) -> Alembic:
    """Runs ``alembic`` in the application, on the database of ``database_url``."""

    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        url = database_url.replace("postgresql://", "postgresql+psycopg://")
        done = subprocess.run(
            [sys.executable, "-m", "alembic", *arguments],
            cwd=application,
            env=clean_environment(BOOKMARKS_URL=url, PATH=os.environ["PATH"]),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert code == 1 or "Traceback" not in done.stderr
        return done

    return run


ASYNCHRONOUS = """
import asyncio, os
from alembic import context
from bookmarks import metadata
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine
import lmsschema.alembic

def run(connection):
    lmsschema.alembic.configure(connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()

async def main():
    async with create_async_engine(os.environ["BOOKMARKS_URL"], poolclass=NullPool).connect() as c:
        await c.run_sync(run)

asyncio.run(main())
"""


def recorded(url: str) -> list[str]:
    """Return what the application's version table says."""
    with psycopg.connect(url) as conn:
        return sorted(name for (name,) in conn.execute("SELECT version_num FROM alembic_version"))


def test_both_histories_stand_side_by_side(
    lmsschema: Program, alembic: Alembic, database_url: str, application: Path
) -> None:
    there = ("--url", database_url)
    configured = {"LMSSCHEMA_CONFIG": str(application / "lmsschema.toml")}

    def at() -> object:
        return lmsschema("current", "--json", *there).json["revision"]

    # what lmsschema did is known, and what the application depends on is made as it makes it
    assert lmsschema("upgrade", "0003_analytics", *there).code == 0
    made = alembic("upgrade", "bookmarks@head")
    assert "applied 0004_integrity" in made.stderr
    assert "applied 0003_analytics" not in made.stderr
    assert (at(), recorded(database_url)) == ("0004_integrity", ["bookmarks_0002"])
    # a newer lmsschema is upgraded by itself, and recorded at the next run
    assert lmsschema("upgrade", *there).code == 0
    newest = revisions.head()
    both = sorted({"bookmarks_0002"} | {newest} - {"0004_integrity"})  # that one is implied
    alembic("upgrade", "bookmarks@head")
    assert recorded(database_url) == both
    ensured = lmsschema("partitions", "ensure", *there, env=configured)
    assert ensured.err.count("made bookmark_reads_") == 6
    checked = lmsschema("check", *there, env=configured)
    assert checked.code == 0, checked.out
    assert "3 declared extensions" in checked.out
    # of all that is lmsschema's, nothing is proposed to be dropped
    months = ("--from", "2023-01", "--to", "2023-02", *there)
    assert lmsschema("partitions", "create", *months).code == 0
    assert lmsschema("partitions", "prune", "--keep", "24m", *there).code == 0  # detached
    with psycopg.connect(database_url) as conn:
        conn.execute("ALTER TABLE learning_events DETACH PARTITION learning_events_default")
        conn.execute("CREATE TABLE learning_events_default_new ()")
    env = application / "migrations" / "env.py"
    right = env.read_text()
    alembic("upgrade", "bookmarks@head")
    assert recorded(database_url) == both
    alone = "context.configure(connection, include_name=lmsschema.alembic.include_name,"
    env.write_text(right.replace("lmsschema.alembic.configure(connection,", alone))
    assert "No new upgrade operations" in alembic("check").stdout
    env.write_text(right)
    # and of what is the application's, everything is seen
    with psycopg.connect(database_url) as conn:
        conn.execute("DROP INDEX idx_bookmarks_user")
        conn.execute("CREATE TABLE forgotten ()")
    tables = application / "bookmarks.py"
    of_its_own = tables.read_text()
    shared = of_its_own.replace("metadata = MetaData()", "from lmsschema.tables import metadata")
    for text in (shared, of_its_own):
        tables.write_text(text)
        changed = alembic("check", code=255).stdout
        assert re.findall(r"\('([a-z_]+)', \w+\('(\w+)'", changed) == [
            ("remove_table", "forgotten"),
            ("add_index", "idx_bookmarks_user"),
        ]
    # the application's history goes back, and lmsschema's stays where it is
    alembic("downgrade", "bookmarks@base")
    assert (at(), recorded(database_url)) == (newest, [newest])
    assert "lmsschema downgrade" in alembic("downgrade", "base", code=255).stdout
    assert at() == newest
    # the steps need no driver of the application's
    env.write_text(ASYNCHRONOUS)
    alembic("upgrade", "bookmarks@head")
    assert (at(), recorded(database_url)) == (newest, both)


def test_steps_need_what_env_py_gives(alembic: Alembic, application: Path) -> None:
    env = application / "migrations" / "env.py"
    right = env.read_text()
    env.write_text(right.replace("engine.connect()", "engine.begin()"))
    refused = alembic("upgrade", "bookmarks@head", code=255)
    assert "not of engine.begin()" in refused.stdout
    env.write_text(right.replace("lmsschema.alembic.configure(", "context.configure("))
    refused = alembic("upgrade", "0004_integrity", code=1)
    assert "In env.py call lmsschema.alembic.configure" in refused.stderr


def test_its_tests_run_on_databases_with_its_own_tables(
    application: Path, lms_server: RunningServer
) -> None:
    outer = {name: "" for name in os.environ if name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=application,
        env=clean_environment(LMSSCHEMA_TEST_URL=lms_server.url, **outer),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_a_column_with_an_enumeration_of_lmsschema_s_is_written_as_the_type_that_is_there(
    lmsschema: Program, alembic: Alembic, application: Path, database_url: str
) -> None:
    assert lmsschema("upgrade", "--url", database_url).code == 0
    alembic("upgrade", "bookmarks@head")
    tables = application / "bookmarks.py"
    column = (
        'from lmsschema.tables import courses\nbookmarks.append_column(\n    Column("seen_as",'
        " courses.c.status.type)\n)\n"
    )
    tables.write_text(f"{tables.read_text()}\n{column}")
    alembic("revision", "--autogenerate", "--head", "bookmarks@head", "-m", "seen")
    [written] = (application / "migrations" / "versions").glob("*_seen.py")
    assert "name='course_status', create_type=False" in written.read_text("utf-8")
    alembic("upgrade", "bookmarks@head")
    with psycopg.connect(database_url) as conn:
        conn.execute("SELECT seen_as FROM bookmarks WHERE seen_as = 'draft'")
