"""Every single change of ``mutations.toml`` is found by the check, and named at its object."""

import contextlib
import dataclasses
import subprocess
import tomllib
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from psycopg import conninfo

from lmsschema import check, db, target
from lmsschema.check import Report
from lmsschema.drift import Difference
from lmsschema.partitions import LEARNING_EVENTS, bound
from lmsschema.tables import metadata
from lmsschema.testing import binaries

LIST = Path(__file__).with_name("mutations.toml")


@dataclasses.dataclass(frozen=True)
class Mutation:
    """A change, and the difference that must be reported."""

    sql: str
    expect: list[str]
    strict: bool = False
    since: int = 15
    dumped: bool = True


MUTATIONS = [Mutation(**entry) for entry in tomllib.loads(LIST.read_text("utf-8"))["mutation"]]


def names() -> list[str]:
    """Return a name for each mutation's test."""
    return [f"{n:03} {' '.join(filter(None, m.expect))}" for n, m in enumerate(MUTATIONS, 1)]


def placeholders(user: str) -> dict[str, str]:
    """Return what the names in braces of the list stand for."""
    month = LEARNING_EVENTS.start(datetime.now(UTC))
    following = LEARNING_EVENTS.step(month, 1)
    beyond = LEARNING_EVENTS.step(month, LEARNING_EVENTS.ahead + 1)
    return {
        "{month}": LEARNING_EVENTS.name(month),
        "{next}": LEARNING_EVENTS.name(following),
        "{next_from}": bound(following, "").strip("'"),
        "{next_middle}": bound(following.replace(day=15), "").strip("'"),
        "{beyond_from}": bound(beyond, "").strip("'"),
        "{beyond_to}": bound(LEARNING_EVENTS.step(beyond, 1), "").strip("'"),
        "{user}": user,
    }


def filled(text: str, user: str) -> str:
    for name, value in placeholders(user).items():
        text = text.replace(name, value)
    return text


@contextlib.contextmanager
def opened(url: str) -> Iterator[db.Database]:
    database = db.connect(target.resolve(url, None, {}))
    with contextlib.closing(database.conn):
        yield database


def checked(url: str) -> Report:
    with opened(url) as database:
        return check.run(database)


def dump(url: str, version: int) -> str:
    """Return the schema as pg_dump writes it, without the token that is another each time."""
    done = subprocess.run(
        [binaries.find(str(version)) / "pg_dump", "--schema-only", "--dbname", url],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    return "\n".join(line for line in lines if not line.startswith(("\\restrict", "\\unrestrict")))


def seen_by_alembic(url: str) -> bool:
    """Whether Alembic's comparison proposes anything, or fails, as ``alembic check`` would."""

    def include_name(name: str | None, kind: str, _: Any) -> bool:  # noqa: ANN401  Alembic's
        return kind != "table" or name in metadata.tables

    with contextlib.closing(db.open_connection(target.resolve(url, None, {}))) as conn:
        # the connection is ours, so that it is closed where Alembic fails
        engine = sqlalchemy.create_engine(
            "postgresql+psycopg://", creator=lambda: conn, poolclass=sqlalchemy.StaticPool
        )
        with warnings.catch_warnings(), engine.connect() as connection:
            warnings.simplefilter("ignore")
            context = MigrationContext.configure(
                connection,
                opts={
                    "compare_type": True,
                    "compare_server_default": True,
                    "include_name": include_name,
                    "version_table": "lmsschema_version",
                },
            )
            try:
                return bool(compare_metadata(context, metadata))
            except (sqlalchemy.exc.SQLAlchemyError, psycopg.Error):
                return True


def what(difference: Difference) -> list[str]:
    return [*difference.identity, difference.attribute or difference.problem.value]


@pytest.fixture(scope="session")
def untouched_dumps() -> dict[int, str]:
    """What pg_dump writes of an untouched database, by the server's version."""
    return {}


@pytest.fixture
def untouched_dump(upgraded_url: str, untouched_dumps: dict[int, str]) -> str:
    version = server_version(upgraded_url)
    if version not in untouched_dumps:
        untouched_dumps[version] = dump(upgraded_url, version)
    return untouched_dumps[version]


def server_version(url: str) -> int:
    with psycopg.connect(url) as conn:
        return conn.info.server_version // 10000


def test_list_is_long_and_without_doubles() -> None:
    assert len(MUTATIONS) >= 100
    assert len({mutation.sql for mutation in MUTATIONS}) == len(MUTATIONS)


def test_untouched_database_is_clean(upgraded_url: str) -> None:
    report = checked(upgraded_url)
    assert report.drift == ()
    assert report.unmanaged == ()
    assert report.clean(strict=True)
    assert not seen_by_alembic(upgraded_url)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=names())
def test_mutation_is_found(
    mutation: Mutation,
    upgraded_url: str,
    untouched_dump: str,
    record_property: Callable[[str, object], None],
) -> None:
    version = server_version(upgraded_url)
    if version < mutation.since:
        pytest.skip(f"PostgreSQL {version} has no such thing")
    user = str(conninfo.conninfo_to_dict(upgraded_url)["user"])
    with psycopg.connect(upgraded_url) as conn:
        conn.execute(filled(mutation.sql, user).encode())
    report = checked(upgraded_url)
    expected = [filled(part, user) for part in mutation.expect]
    unmanaged = mutation.strict or expected[-1] == "unmanaged"
    found = [what(one) for one in (report.unmanaged if unmanaged else report.drift)]
    record_property("score: lmsschema check", expected in found)
    record_property("score: Alembic", seen_by_alembic(upgraded_url))
    assert expected in found
    assert report.clean(strict=False) == unmanaged
    assert not report.clean(strict=True)
    if mutation.dumped:
        assert dump(upgraded_url, version) != untouched_dump, "pg_dump sees no change"
