"""What the check makes of a database: what is drift, what is not, what is said otherwise."""

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo, sql

from lmsschema.drift import check
from lmsschema.drift.compare import Problem
from lmsschema.local_server.server import Server
from lmsschema.locks.context import Context
from lmsschema.migration import revisions
from lmsschema.migration.stamp import stamp
from lmsschema.partition_manager import ensure, prune, repair
from lmsschema.partition_manager.retention import parse_span
from lmsschema.partition_manager.state import State
from lmsschema.partitions import LEARNING_EVENTS, Create, Range, plan_range
from lmsschema.testing import binaries
from tests.support.checking import checked, execute, filled, opened, what
from tests.support.checks import what_differs

#: Changes that are no drift: pg_dump sees none either, but for what it is told to leave out.
HARMLESS = [
    "ANALYZE",
    "INSERT INTO institutions (name, domain, education_level) VALUES ('a', 'b', 'k12')",
    "REINDEX TABLE users",
    "ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME TO users",
    "ALTER TABLE users RENAME COLUMN email TO mail; ALTER TABLE users RENAME COLUMN mail TO email",
    "ALTER INDEX idx_users_role RENAME TO i; ALTER INDEX i RENAME TO idx_users_role",
    "ALTER TYPE user_role RENAME TO r; ALTER TYPE r RENAME TO user_role",
    "ALTER TABLE users ADD COLUMN x integer; ALTER TABLE users DROP COLUMN x",
    "DROP INDEX idx_users_role; CREATE INDEX idx_users_role ON users (role)",
    "ALTER TABLE users ALTER role SET STATISTICS 5; ALTER TABLE users ALTER role SET STATISTICS -1",
    "ALTER TABLE users SET (fillfactor = 50); ALTER TABLE users RESET (fillfactor)",
    "ALTER TABLE course_analytics SET UNLOGGED; ALTER TABLE course_analytics SET LOGGED",
    "GRANT SELECT ON users TO pg_monitor; REVOKE SELECT ON users FROM pg_monitor",
    "ALTER TABLE users DISABLE TRIGGER ALL; ALTER TABLE users ENABLE TRIGGER ALL",
    "TRUNCATE institutions CASCADE",
]


def test_no_drift(upgraded_url: str, dump: Callable[[str], str]) -> None:
    before = sorted(dump(upgraded_url).splitlines())
    for change in HARMLESS:
        execute(upgraded_url, change)
        assert sorted(dump(upgraded_url).splitlines()) == before, change
    assert what_differs(upgraded_url) == []


def test_vacuum_is_no_drift(upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute("VACUUM (FULL, ANALYZE) users")
        conn.execute("REINDEX TABLE learning_events")
        conn.execute("REINDEX INDEX CONCURRENTLY idx_users_role")
    assert what_differs(upgraded_url) == []


@pytest.fixture(scope="module")
def other_server() -> Iterator[Server]:
    """Another server, of the newest version."""
    with tempfile.TemporaryDirectory(prefix="lmsschema-") as folder:
        Path(folder).chmod(0o711)
        server = Server(binaries.find(binaries.NEWEST), Path(folder) / "s", {"fsync": "off"}, "lms")
        server.start()
        yield server
        server.stop("immediate")


def test_dump_and_restore_into_another_server_is_no_drift(
    upgraded_url: str,
    other_server: Server,
    dump: Callable[[str], str],
    psql: Callable[..., None],
) -> None:
    restored = other_server.conninfo("lms")
    psql(restored, dump(upgraded_url))
    table = "lmsschema_version"
    assert what_differs(restored) == [[table, "table", table, "revision"]]
    with opened(restored) as database:
        stamp(database, "head")
    assert what_differs(restored) == []
    assert checked(restored).revision == revisions.head()


def make_history(url: str) -> None:
    """Have the manager make the months from January 2024 on."""
    until = LEARNING_EVENTS.start(datetime.now(UTC))
    wanted = Range(datetime(2024, 1, 1, tzinfo=UTC), until)

    def planner(state: State) -> list[Create]:
        return plan_range(LEARNING_EVENTS, state.partitions, wanted)

    with opened(url) as database:
        ensure.make(Context(database), LEARNING_EVENTS, planner)


def test_partitions_that_the_policy_explains_are_no_drift(upgraded_url: str) -> None:
    """A year made by hand, and history that the manager made."""
    make_history(upgraded_url)
    execute(
        upgraded_url,
        "CREATE TABLE learning_events_2023 (LIKE learning_events INCLUDING ALL);"
        "ALTER TABLE learning_events ATTACH PARTITION learning_events_2023"
        " FOR VALUES FROM ('2023-01-01 00:00+00') TO ('2024-01-01 00:00+00')",
    )
    assert what_differs(upgraded_url) == [
        ["learning_events_2023", "table", "learning_events_2023", "comment"]
    ]
    with opened(upgraded_url) as database:
        repair.repair(Context(database), LEARNING_EVENTS)
    assert what_differs(upgraded_url) == []


def test_partition_that_was_pruned_is_no_drift_while_it_waits(upgraded_url: str) -> None:
    make_history(upgraded_url)
    with opened(upgraded_url) as database:
        pruned = prune.prune(
            Context(database), LEARNING_EVENTS, parse_span("12m", "keep"), allow_many=True
        )
    assert "learning_events_2024_01" in pruned.detached
    assert what_differs(upgraded_url) == []


def test_month_lost_from_amid_the_others(upgraded_url: str) -> None:
    make_history(upgraded_url)
    execute(upgraded_url, "DROP TABLE learning_events_2024_05, learning_events_2024_06")
    (hole,) = checked(upgraded_url).drift
    assert what(hole) == [
        *["learning_events_2024_05", "table"],
        "learning_events_2024_05",
        "missing",
    ]
    assert hole.expected == (
        "FOR VALUES FROM ('2024-05-01 00:00:00+00') TO ('2024-07-01 00:00:00+00')"
    )


def test_months_of_another_time_zone(upgraded_url: str) -> None:
    execute(
        upgraded_url,
        "CREATE TABLE learning_events_2024_05 (LIKE learning_events INCLUDING ALL);"
        "ALTER TABLE learning_events ATTACH PARTITION learning_events_2024_05"
        " FOR VALUES FROM ('2024-05-01 00:00+02') TO ('2024-06-01 00:00+02')",
    )
    (bounds, *_) = [one for one in checked(upgraded_url).drift if one.attribute == "bounds"]
    assert bounds.expected == (
        "FOR VALUES FROM ('2024-05-01 00:00:00+00') TO ('2024-06-01 00:00:00+00')"
    )


def test_index_of_a_partition_may_be_called_anything(upgraded_url: str) -> None:
    month = filled("{month}", upgraded_url)
    execute(upgraded_url, f"ALTER INDEX {month}_session_id_idx RENAME TO whatever")
    assert what_differs(upgraded_url) == []


def test_difference_of_the_table_is_not_said_again_of_each_partition(upgraded_url: str) -> None:
    execute(upgraded_url, "DROP INDEX idx_learning_events_session")
    assert what_differs(upgraded_url) == [
        ["learning_events", "index", "idx_learning_events_session", "missing"]
    ]


def test_unmanaged_is_drift_when_strict(upgraded_url: str) -> None:
    execute(upgraded_url, "CREATE TABLE somebodys (a integer PRIMARY KEY)")
    report = checked(upgraded_url)
    assert report.clean(strict=False)
    assert not report.clean(strict=True)
    assert [one.problem for one in report.unmanaged] == [Problem.UNMANAGED]


@pytest.mark.parametrize(
    "pattern",
    ["users", "users.*", "users.by_*", "users.by_name:", "*.by_name"],
)
def test_ignore(pattern: str, upgraded_url: str) -> None:
    execute(upgraded_url, "CREATE INDEX by_name ON users (username, email)")
    with opened(upgraded_url) as database:
        report = check.run(database, ignore=[pattern])
        assert (report.drift, report.ignored) == ((), 1)
        assert len(check.run(database, ignore=["user", "by_name", "courses.*"]).drift) == 1


def test_default_privileges_of_the_role_declare_nothing(upgraded_url: str) -> None:
    execute(
        upgraded_url,
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pg_monitor;"
        "ALTER DEFAULT PRIVILEGES GRANT USAGE ON TYPES TO pg_monitor;"
        "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
    )
    assert checked(upgraded_url).drift == ()


def test_settings_of_the_database_declare_nothing(upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        name = sql.Identifier(conn.info.dbname)
        for setting in (
            "TimeZone = 'Pacific/Chatham'",
            "default_toast_compression = 'pglz'",
            "search_path = 'pg_catalog', 'public'",
            "DateStyle = 'SQL, DMY'",
        ):
            conn.execute(sql.SQL("ALTER DATABASE {} SET {}").format(name, sql.SQL(setting)))
    assert what_differs(conninfo.make_conninfo(upgraded_url)) == []
