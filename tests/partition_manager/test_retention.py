"""Old partitions go, are exported, dropped and brought back, and nothing else does."""

import contextlib
import csv
import gzip
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from lmsschema.database.connection import Database, connect
from lmsschema.database.target import Target
from lmsschema.errors import LmsschemaError, LockTimeoutError, UnsafeError
from lmsschema.locks.context import Context, Patience
from lmsschema.partition_manager import ensure, export, prune, restore
from lmsschema.partition_manager import manifest as manifests
from lmsschema.partition_manager.retention import Span
from lmsschema.partitions import LEARNING_EVENTS, Range, plan_range
from tests.support import events
from tests.support.boundaries import Interlude, relayed

Opened = Callable[..., Database]

HALF_A_YEAR = Span(6, "m")


@pytest.fixture
def conn(upgraded_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(upgraded_url, autocommit=True) as connection:
        events.people(connection)
        yield connection


@pytest.fixture
def database(conn: psycopg.Connection, upgraded_url: str, opened: Opened) -> Database:
    """A table with nine old months, each with ten events."""
    database = opened(upgraded_url)
    old = Range(events.month(-9, day=1), events.month(0, day=1))
    ensure.make(
        Context(database),
        LEARNING_EVENTS,
        lambda state: plan_range(LEARNING_EVENTS, state.partitions, old),
    )
    for offset in range(-9, 1):
        events.insert(conn, events.month(offset), 10)
    return database


def test_detached_rows_are_kept_and_come_back(conn: psycopg.Connection, database: Database) -> None:
    pruned = prune.prune(Context(database), LEARNING_EVENTS, HALF_A_YEAR)
    gone = (events.name(-9), events.name(-8), events.name(-7))
    assert pruned.detached == gone
    assert events.count(conn) == 70
    assert [events.count(conn, name) for name in gone] == [10, 10, 10]
    assert prune.prune(Context(database), LEARNING_EVENTS, HALF_A_YEAR).detached == ()
    assert not ensure.ensure(Context(database), LEARNING_EVENTS).done
    for name in gone:
        restore.restore(Context(database), LEARNING_EVENTS, name)
    assert events.count(conn) == 100
    left = conn.execute(
        "SELECT relname FROM pg_class WHERE obj_description(oid, 'pg_class') LIKE '%detached%'"
        " UNION ALL SELECT conname FROM pg_constraint WHERE conname = 'lmsschema_bounds'"
    ).fetchall()
    assert left == []


def test_a_dropped_one_was_exported_and_the_manifest_says_what(
    conn: psycopg.Connection, database: Database, tmp_path: Path
) -> None:
    name = events.name(-9)
    conn.execute(
        sql.SQL("UPDATE {} SET event_action = E'a\\n\"b\",c' WHERE ctid = '(0,1)'").format(
            sql.Identifier(name)
        )
    )
    before = set(
        conn.execute(sql.SQL("SELECT id::text, event_action FROM {}").format(sql.Identifier(name)))
    )
    first = prune.prune(
        Context(database), LEARNING_EVENTS, HALF_A_YEAR, drop_after=Span(0, "d"), folder=tmp_path
    )
    assert first.dropped == ()  # what this run detaches, the next one drops
    second = prune.prune(
        Context(database), LEARNING_EVENTS, HALF_A_YEAR, drop_after=Span(0, "d"), folder=tmp_path
    )
    assert second.dropped == first.detached
    manifest = json.loads((tmp_path / f"{name}.json").read_text())
    path = tmp_path / manifest["file"]
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {(row["id"], row["event_action"]) for row in rows} == before
    assert manifest["rows"] == 10
    assert manifest["first"] == manifest["last"] == f"{events.month(-9):%Y-%m-%d %H:%M:%S}+00"
    assert manifest["bytes"] == path.stat().st_size
    assert not list(tmp_path.glob("*.partial"))
    assert conn.execute("SELECT to_regclass(%s)", (name,)).fetchone() == (None,)


def test_a_detached_one_stays_through_its_grace(database: Database) -> None:
    prune.prune(Context(database), LEARNING_EVENTS, HALF_A_YEAR)
    pruned = prune.prune(Context(database), LEARNING_EVENTS, HALF_A_YEAR, drop_after=Span(7, "d"))
    assert pruned.dropped == ()
    assert len(pruned.left) == 3


def test_an_export_that_is_not_what_was_read_drops_nothing(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened, database: Database, tmp_path: Path
) -> None:
    """A disk loses the end of what is written, before it is read again."""
    prune.prune(Context(database), LEARNING_EVENTS, HALF_A_YEAR)

    def cut(_: str) -> None:
        [path] = tmp_path.glob("*.partial")
        lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
        path.write_bytes(gzip.compress(b"".join(lines[:-1])))

    with (
        relayed(upgraded_url, Interlude("CREATE UNLOGGED TABLE", cut)) as through,
        pytest.raises(LmsschemaError, match="its rows are not those of the table"),
    ):
        prune.prune(
            Context(opened(through)),
            LEARNING_EVENTS,
            HALF_A_YEAR,
            drop_after=Span(0, "d"),
            folder=tmp_path,
        )
    assert events.count(conn, events.name(-9)) == 10
    assert not [path for path in tmp_path.iterdir() if events.name(-9) in path.name]


def test_a_folder_that_can_t_be_written_drops_nothing(
    conn: psycopg.Connection, database: Database, tmp_path: Path
) -> None:
    prune.prune(Context(database), LEARNING_EVENTS, HALF_A_YEAR)
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(LmsschemaError, match="could not be exported"):
        prune.prune(
            Context(database), LEARNING_EVENTS, HALF_A_YEAR, drop_after=Span(0, "d"), folder=blocked
        )
    assert events.count(conn, events.name(-9)) == 10


def test_an_export_overwrites_nothing(database: Database, tmp_path: Path) -> None:
    (tmp_path / f"{events.name(-9)}.csv.gz").write_text("another database's")
    prune.prune(Context(database), LEARNING_EVENTS, HALF_A_YEAR)
    pruned = prune.prune(
        Context(database), LEARNING_EVENTS, HALF_A_YEAR, drop_after=Span(0, "d"), folder=tmp_path
    )
    assert pruned.exports[0].file == f"{events.name(-9)}-2.csv.gz"
    assert (tmp_path / f"{events.name(-9)}.csv.gz").read_text() == "another database's"


def test_under_load(conn: psycopg.Connection, upgraded_url: str, database: Database) -> None:
    with events.load(upgraded_url, [str(events.month(0)), str(events.month(1))]) as load:
        prune.prune(Context(database), LEARNING_EVENTS, HALF_A_YEAR, allow_many=True)
        restore.restore(Context(database), LEARNING_EVENTS, events.name(-9))
        prune.prune(Context(database), LEARNING_EVENTS, HALF_A_YEAR, drop_after=Span(0, "d"))
        prune.prune(Context(database), LEARNING_EVENTS, HALF_A_YEAR, drop_after=Span(0, "d"))
    assert not load.errors
    assert events.count(conn) == 70 + load.inserted


def test_a_blocked_prune_gives_up_and_ensure_does_its_work(
    conn: psycopg.Connection, upgraded_url: str, database: Database
) -> None:
    with psycopg.connect(upgraded_url) as reader:
        reader.execute(sql.SQL("SELECT FROM {}").format(sql.Identifier(events.name(-9))))
        with pytest.raises(LockTimeoutError, match=f"pid {reader.info.backend_pid}"):
            prune.prune(Context(database, Patience(total=1)), LEARNING_EVENTS, HALF_A_YEAR)
        events.insert(conn, events.month(0))
    assert events.count(conn) == 101


def test_restore_refuses_what_it_can_t_do_safely(
    conn: psycopg.Connection, database: Database
) -> None:
    with pytest.raises(LmsschemaError, match="no table nonsense"):
        restore.restore(Context(database), LEARNING_EVENTS, "nonsense")
    with pytest.raises(LmsschemaError, match="is a partition already"):
        restore.restore(Context(database), LEARNING_EVENTS, events.name(0))
    with pytest.raises(LmsschemaError, match="lmsschema did not detach it"):
        restore.restore(Context(database), LEARNING_EVENTS, "users")
    prune.prune(Context(database), LEARNING_EVENTS, HALF_A_YEAR)
    events.insert(conn, events.month(-9))  # into the default
    restore.restore(Context(database), LEARNING_EVENTS, events.name(-9))
    assert events.count(conn, events.name(-9)) == 11  # the late row goes with it
    late = events.month(-8) + timedelta(days=60)
    conn.execute(
        sql.SQL("UPDATE {} SET event_timestamp = {}").format(
            sql.Identifier(events.name(-8)), sql.Literal(str(late))
        )
    )
    with pytest.raises(UnsafeError, match=r"its bounds, FOR VALUES FROM .*: 10 rows of"):
        restore.restore(Context(database), LEARNING_EVENTS, events.name(-8))
    conn.execute(
        sql.SQL(
            "CREATE TABLE other PARTITION OF learning_events FOR VALUES FROM ({}) TO ({})"
        ).format(
            sql.Literal(str(events.month(-7, day=1))), sql.Literal(str(events.month(-7, day=9)))
        )
    )
    with pytest.raises(UnsafeError, match="other of learning_events covers"):
        restore.restore(Context(database), LEARNING_EVENTS, events.name(-7))
    assert events.count(conn, events.name(-7)) == 10


def test_a_table_that_came_back_before_its_drop_is_not_dropped(
    conn: psycopg.Connection, upgraded_url: str, database: Database, opened: Opened
) -> None:
    """Somebody restores one, and drops another, after the run has read what there is to drop."""
    prune.prune(Context(database), LEARNING_EVENTS, HALF_A_YEAR)

    def restore_and_drop(_: str) -> None:
        restore.restore(Context(database), LEARNING_EVENTS, events.name(-9))
        events.drop(conn, events.name(-8))

    with relayed(upgraded_url, Interlude("pg_try_advisory", restore_and_drop)) as through:
        pruned = prune.prune(
            Context(opened(through)), LEARNING_EVENTS, Span(24, "m"), drop_after=Span(0, "d")
        )
    assert pruned.dropped == (events.name(-7),)
    assert events.count(conn, events.name(-9)) == 10
    assert events.name(-9) in events.partitions(conn)


def test_exports_of_two_databases_to_one_folder_do_not_meet(
    conn: psycopg.Connection, upgraded_url: str, database: Database, opened: Opened, tmp_path: Path
) -> None:
    """Another one's file of that name is begun while ours is written."""
    prune.prune(Context(database), LEARNING_EVENTS, HALF_A_YEAR)
    names = [events.name(offset) for offset in (-9, -8, -7)]

    def export_another(_: str) -> None:
        with database_of_another(conn, upgraded_url) as other:
            export.export(other, LEARNING_EVENTS, names[0], tmp_path)

    with relayed(upgraded_url, Interlude("COPY (SELECT", export_another)) as through:
        pruned = prune.prune(
            Context(opened(through)),
            LEARNING_EVENTS,
            HALF_A_YEAR,
            drop_after=Span(0, "d"),
            folder=tmp_path,
        )
    assert pruned.exports[0].rows == 10
    files = {path.name: path for path in tmp_path.iterdir()}
    for file, rows in ((f"{names[0]}.csv.gz", 10), (f"{names[0]}-2.csv.gz", 3)):
        manifest = json.loads(files[file.replace("csv.gz", "json")].read_text())
        assert (manifest["file"], manifest["rows"]) == (file, rows)
        manifests.verify(files[file], manifests.Manifest(**manifest))


@contextlib.contextmanager
def database_of_another(conn: psycopg.Connection, url: str) -> Iterator[Database]:
    """A schema in which a table of the same name has three rows."""
    name = sql.Identifier(events.name(-9))
    conn.execute("CREATE SCHEMA another")
    conn.execute(
        sql.SQL(
            "CREATE TABLE another.{} AS SELECT now() AS event_timestamp FROM generate_series(1, 3)"
        ).format(name)
    )
    own = connect(Target(url, "the test", "another"))
    with contextlib.closing(own.conn), own.transaction():
        yield own
