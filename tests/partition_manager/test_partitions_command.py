"""The partition manager as a cron job meets it: real servers, real time, real trouble.

Each scenario ends with no row lost or hidden, and with a second run that issues no DDL.
"""

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.support import events, pooler
from tests.support.clocked import Clocked, clocked, environment
from tests.support.program import Outcome, Program, clean_environment


@pytest.fixture(scope="module")
def server() -> Iterator[Clocked]:
    with clocked() as made:
        yield made


@pytest.fixture
def fresh(server: Clocked, lmsschema: Program) -> Callable[[str], str]:
    """Set the server's clock, with nothing in the database; returns its URL."""

    def start(when: str) -> str:
        url = server.set(when)
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        assert lmsschema("upgrade", "--url", url).code == 0
        with psycopg.connect(url, autocommit=True) as conn:
            events.people(conn)
        return url

    return start


def catalogs(url: str) -> list[tuple[object, ...]]:
    """Return which transaction last wrote each entry about tables: DDL changes it."""
    with psycopg.connect(url) as conn:
        return conn.execute(
            "SELECT 'class', oid::text, xmin::text FROM pg_class"
            " WHERE relkind IN ('r', 'p', 'i', 'I') AND relnamespace = 'public'::regnamespace"
            " UNION ALL"
            " SELECT 'inherits', inhrelid::text, xmin::text FROM pg_inherits UNION ALL"
            " SELECT 'constraint', oid::text, xmin::text FROM pg_constraint UNION ALL"
            " SELECT 'description', objoid::text, xmin::text FROM pg_description ORDER BY 1, 2, 3"
        ).fetchall()


def partitions(url: str) -> dict[str, str]:
    with psycopg.connect(url, autocommit=True) as conn:
        return events.partitions(conn)


def count(url: str, table: str = "learning_events") -> int:
    with psycopg.connect(url, autocommit=True) as conn:
        return events.count(conn, table)


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as conn:
        yield conn


def at_rest(lmsschema: Program, url: str) -> bool:
    """Whether a second run says nothing, does nothing, and the check is content."""
    before = catalogs(url)
    again = lmsschema("partitions", "ensure", "-q", "--url", url)
    assert (again.code, again.out, again.err) == (0, "", "")
    check = lmsschema("partitions", "check", "--url", url)
    assert check.code == 0, check.out
    return catalogs(url) == before


@pytest.mark.parametrize(
    ("when", "first", "last"),
    [
        ("2027-01-31 12:00:00", "2027_01", "2027_04"),
        ("2028-02-29 23:59:59", "2028_02", "2028_05"),
        ("2027-12-31 23:59:59", "2027_12", "2028_03"),
        ("2028-01-01 00:00:00", "2028_01", "2028_04"),
    ],
)
def test_the_database_s_clock_decides(
    lmsschema: Program, fresh: Callable[[str], str], when: str, first: str, last: str
) -> None:
    """The clock of this machine, months off, does not."""
    url = fresh(when)
    found = sorted(partitions(url))
    assert found[0] == f"learning_events_{first}"
    assert found[-2:] == [f"learning_events_{last}", "learning_events_default"]
    assert len(found) == 5
    with connected(url) as conn:
        events.insert(conn, "now")
    assert count(url, found[0]) == 1
    assert at_rest(lmsschema, url)


def test_a_client_whose_clock_is_nine_months_off(
    lmsschema: Program, fresh: Callable[[str], str], server: Clocked
) -> None:
    fresh("2028-02-15 12:00:00")
    url = server.set("2028-03-01 00:00:00")
    for off in ("2027-05-15 12:00:00", "2028-12-15 12:00:00"):
        outcome = lmsschema("partitions", "ensure", "--url", url, env=environment(off))
        assert outcome.code == 0
    assert sorted(partitions(url))[:-1] == [
        f"learning_events_2028_{month:02d}" for month in range(2, 7)
    ]
    assert at_rest(lmsschema, url)


def test_months_ahead_raised_and_lowered(lmsschema: Program, fresh: Callable[[str], str]) -> None:
    url = fresh("2028-02-15 12:00:00")
    raised = lmsschema("partitions", "ensure", "--ahead", "14", "--url", url, "--json")
    assert len(raised.json["tables"][0]["done"]) == 11
    assert lmsschema("partitions", "ensure", "--ahead", "0", "--url", url).code == 0
    assert len(partitions(url)) == 16
    assert at_rest(lmsschema, url)


def test_cron_down_for_three_months(
    lmsschema: Program, fresh: Callable[[str], str], server: Clocked
) -> None:
    url = fresh("2028-01-15 12:00:00")
    for month in ("05", "06", "07"):  # the first months without a partition
        url = server.set(f"2028-{month}-10 12:00:00")
        with connected(url) as conn:
            events.insert(conn, "now", 3000)
    outcome = lmsschema("partitions", "ensure", "--url", url)
    assert outcome.code == 0, outcome.err
    assert count(url) == 9000
    assert count(url, "learning_events_default") == 0
    assert "learning_events_2028_05_to_2028_07" in partitions(url)
    assert at_rest(lmsschema, url)


def test_cron_down_for_three_months_while_events_come_in(
    lmsschema: Program, upgraded_url: str
) -> None:
    with connected(upgraded_url) as conn:
        events.people(conn)
        events.drop(conn, *(events.name(offset) for offset in range(4)))
        for offset in (-2, -1, 0):
            events.insert(conn, events.month(offset), 3000)
    with events.load(upgraded_url, ["now"]) as load:
        outcome = lmsschema("partitions", "ensure", "--url", upgraded_url)
    assert outcome.code == 0, outcome.err
    assert not load.errors
    assert load.inserted
    assert count(upgraded_url) == 9000 + load.inserted
    assert count(upgraded_url, "learning_events_default") == 0
    assert at_rest(lmsschema, upgraded_url)


def test_cron_down_for_three_months_without_a_default(
    lmsschema: Program, upgraded_url: str
) -> None:
    """Events are refused meanwhile; the run makes the months, and a default for the next time."""
    with connected(upgraded_url) as conn:
        events.people(conn)
        events.drop(conn, *events.partitions(conn))
    with events.load(upgraded_url, ["now"]) as load:
        time.sleep(0.3)
    assert load.errors
    assert all(error.startswith("23514") for error in load.errors)
    assert lmsschema("partitions", "ensure", "--url", upgraded_url).code == 0
    with events.load(upgraded_url, ["now"]) as load:
        assert lmsschema("partitions", "ensure", "-q", "--url", upgraded_url).code == 0
    assert not load.errors
    assert count(upgraded_url) == load.inserted
    assert at_rest(lmsschema, upgraded_url)


def test_rows_of_a_future_month_before_it_is_made(
    lmsschema: Program, fresh: Callable[[str], str], server: Clocked
) -> None:
    url = fresh("2028-01-15 12:00:00")
    with connected(url) as conn:
        events.insert(conn, "2028-05-03 12:00+00", 40)
    check = lmsschema("partitions", "check", "--url", url)
    assert check.code == 3
    assert "40 rows in learning_events_default" in check.out
    url = server.set("2028-02-01 00:00:00")
    outcome = lmsschema("partitions", "ensure", "--url", url)
    assert outcome.code == 0, outcome.err
    assert count(url, "learning_events_2028_05") == 40
    assert at_rest(lmsschema, url)


def test_a_row_of_2100_stays_and_is_reported(
    lmsschema: Program, fresh: Callable[[str], str]
) -> None:
    url = fresh("2028-01-15 12:00:00")
    with connected(url) as conn:
        events.insert(conn, "2100-01-01")
        events.insert(conn, "infinity")
    before = catalogs(url)
    heal = lmsschema("partitions", "heal", "--url", url, "--json")
    assert heal.code == 3
    assert heal.json["tables"][0]["staying"] == 2
    assert catalogs(url) == before
    assert lmsschema("partitions", "ensure", "-q", "--url", url).code == 0
    assert lmsschema("partitions", "check", "--url", url).code == 3
    assert count(url) == 2


def test_rows_that_have_to_move_are_named_and_the_rest_is_made(
    lmsschema: Program, fresh: Callable[[str], str], server: Clocked
) -> None:
    url = fresh("2028-01-15 12:00:00")
    with connected(url) as conn:
        events.insert(conn, "2027-03-03 12:00+00", 5000)
        events.insert(conn, "2028-05-03 12:00+00", 5000)
    url = server.set("2028-03-01 00:00:00")
    outcome = lmsschema("partitions", "ensure", "--url", url)
    assert outcome.code == 3
    assert "learning_events_2028_05" in outcome.err
    assert "hint: lmsschema partitions heal" in outcome.err
    assert "learning_events_2028_06" in partitions(url)
    assert "learning_events_2028_05" not in partitions(url)
    dry = lmsschema("partitions", "heal", "--dry-run", "--url", url)
    assert "move rows: 10000 rows get their partition" in dry.out
    heal = lmsschema("partitions", "heal", "--url", url)
    assert heal.code == 0, heal.err
    assert count(url, "learning_events_2028_05") == 5000
    assert count(url) == 10000
    assert at_rest(lmsschema, url)


def test_a_hole_in_history(lmsschema: Program, fresh: Callable[[str], str]) -> None:
    url = fresh("2028-01-15 12:00:00")
    made = lmsschema("partitions", "create", "--from", "2025-01", "--to", "2025-02", "--url", url)
    assert made.code == 0
    names = sorted(partitions(url))
    assert names[:2] == ["learning_events_2025_01", "learning_events_2025_02"]
    assert partitions(url)[names[0]] == (
        "FOR VALUES FROM ('2025-01-01 00:00:00+00') TO ('2025-02-01 00:00:00+00')"
    )
    listed = lmsschema("partitions", "list", "--url", url, "--json").json["tables"][0]
    assert [hole["from"] for hole in listed["holes"]] == ["2025-03-01T00:00:00+00:00"]
    assert at_rest(lmsschema, url)
    lmsschema("partitions", "create", "--from", "2025-01", "--to", "2027-12", "--url", url)
    listed = lmsschema("partitions", "list", "--url", url, "--json").json["tables"][0]
    assert listed["holes"] == []
    assert len(listed["partitions"]) == 41
    assert at_rest(lmsschema, url)


def test_retention_to_the_second(
    lmsschema: Program, fresh: Callable[[str], str], server: Clocked
) -> None:
    fresh("2028-01-15 12:00:00")
    url = server.set("2028-07-31 23:59:59")
    early = lmsschema("partitions", "prune", "--keep", "6m", "--url", url, "--json")
    assert early.json["detached"] == []
    url = server.set("2028-08-01 00:00:00")
    exact = lmsschema("partitions", "prune", "--keep", "6m", "--url", url, "--json")
    assert exact.json["detached"] == ["learning_events_2028_01"]
    assert at_rest(lmsschema, url)


def test_everything_is_expired(
    lmsschema: Program, fresh: Callable[[str], str], server: Clocked, tmp_path: Path
) -> None:
    """Creation comes first; then all that is old goes, three a run, and is dropped after a week."""
    url = fresh("2028-01-15 12:00:00")
    with connected(url) as conn:
        events.insert(conn, "now", 10)
    url = server.set("2035-01-15 12:00:00")
    first = lmsschema("partitions", "prune", "--keep", "24m", "--url", url, "--json")
    assert len(first.json["detached"]) == 3
    assert first.json["more_expired"] == 1
    assert "learning_events_2035_01" in partitions(url)
    assert count(url, "learning_events_2028_01") == 10
    lmsschema("partitions", "prune", "--keep", "24m", "--url", url)
    assert len(partitions(url)) == 5
    url = server.set("2035-01-23 12:00:00")
    export = ("--action", "drop", "--export", str(tmp_path))
    last = lmsschema("partitions", "prune", "--keep", "24m", *export, "--url", url, "--json")
    assert last.code == 0, last.err
    assert len(last.json["dropped"]) == 3
    assert last.json["exports"][0]["rows"] == 10
    assert at_rest(lmsschema, url)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("prune",), "how long do rows of learning_events stay? --keep 24m"),
        (("prune", "--keep", "24m", "--table", "users"), "partitioned tables are learning_events"),
        (("restore", "users_2026_01", "--table", "users"), "--table users"),
        (("create", "--from", "2026-01", "--to", "2026-02", "--table", "users"), "--table users"),
    ],
)
def test_a_table_or_a_span_that_nothing_says_is_wrong_usage(
    lmsschema: Program, arguments: tuple[str, ...], said: str
) -> None:
    outcome = lmsschema("partitions", *arguments, "--url", "host=/nowhere")
    assert (outcome.code, said in outcome.err) == (2, True), outcome.err


@pytest.mark.parametrize("keep", ["24", "24 months", "0m", ""])
def test_a_span_without_a_unit_is_wrong_usage(lmsschema: Program, keep: str) -> None:
    outcome = lmsschema("partitions", "prune", "--keep", keep, "--url", "host=/nowhere")
    assert outcome.code == 2


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (2, ("create", "--from", "9999-12", "--to", "9999-12")),
        (2, ("ensure", "--dry-run", "--as-of", "9999-12-31")),
        (2, ("ensure", "--dry-run", "--as-of", "9950-01-01", "--ahead", "1200")),
        (0, ("prune", "--keep", "99999y", "--action", "drop", "--grace", "99999y")),
    ],
)
def test_times_without_end(
    lmsschema: Program, upgraded_url: str, code: int, arguments: tuple[str, ...]
) -> None:
    assert lmsschema("partitions", *arguments, "--url", upgraded_url).code == code


def test_what_would_be_done_then(lmsschema: Program, upgraded_url: str) -> None:
    before = catalogs(upgraded_url)
    dry = lmsschema(
        "partitions", "ensure", "--dry-run", "--as-of", "2031-12-31T23:30-02:00",
        "--url", upgraded_url,
    )  # fmt: skip
    assert dry.code == 0
    assert "learning_events_2032_01" in dry.out
    assert "learning_events_2031_12" not in dry.out
    assert catalogs(upgraded_url) == before
    with connected(upgraded_url) as conn:
        conn.execute(dry.out)
    assert "learning_events_2032_04" in partitions(upgraded_url)
    now = lmsschema("partitions", "ensure", "--as-of", "2031-01-01", "--url", upgraded_url)
    assert now.code == 2


def test_killed_at_any_instant(lmsschema: Program, upgraded_url: str) -> None:
    """SIGKILL, again and again, until a run comes through; then all is as if none had been."""
    command = [sys.executable, "-m", "lmsschema", "partitions", "ensure", "--ahead", "60"]
    chance = random.Random(3)  # noqa: S311  a test's chance, the same each time
    kills = 0
    for _ in range(12):
        process = subprocess.Popen(
            [*command, "--url", upgraded_url],
            env=clean_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0.2, 0.6))
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert kills
    outcome = lmsschema("partitions", "ensure", "--ahead", "60", "--url", upgraded_url)
    assert outcome.code == 0, outcome.err
    assert len(partitions(upgraded_url)) == 62
    listed = lmsschema("partitions", "list", "--url", upgraded_url, "--json").json["tables"][0]
    assert all(one["attached"] and not one["oddities"] for one in listed["partitions"])
    assert listed["holes"] == []
    assert at_rest(lmsschema, upgraded_url)


def test_blocked_it_gives_up_with_exit_code_5(lmsschema: Program, upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url) as writer:
        writer.execute("LOCK TABLE users IN ROW EXCLUSIVE MODE")
        outcome = lmsschema(
            "partitions", "ensure", "--ahead", "5", "--wait", "1", "--url", upgraded_url, "--json"
        )
        pid = writer.info.backend_pid
    assert outcome.code == 5
    assert outcome.json["error"]["blockers"][0]["pid"] == pid
    assert lmsschema("partitions", "ensure", "--ahead", "5", "--url", upgraded_url).code == 0
    assert at_rest(lmsschema, upgraded_url)


def test_an_autovacuum_gives_way(lmsschema: Program) -> None:
    """It is cancelled by whoever has waited for deadlock_timeout: the run waits as long, once."""
    slow = {
        "autovacuum": "on",
        "autovacuum_naptime": "1s",
        "autovacuum_vacuum_cost_delay": "100ms",
        "autovacuum_vacuum_cost_limit": "1",
    }
    with clocked(**slow) as server:
        url = server.start()
        assert lmsschema("upgrade", "--url", url).code == 0
        with connected(url) as conn:
            conn.execute("ALTER TABLE users SET (autovacuum_vacuum_threshold = 1)")
            events.people(conn)
            conn.execute(
                "INSERT INTO users (institution_id, email, username, role)"
                " SELECT i.id, n, n, 'student'"
                " FROM institutions AS i, generate_series(1, 20000) AS n"
            )
            conn.execute("DELETE FROM users WHERE username ~ '^[0-9]*[13579]$'")
            deadline = time.monotonic() + 60
            working = "SELECT count(*) FROM pg_stat_progress_vacuum WHERE relid = 'users'::regclass"
            while conn.execute(working).fetchone() == (0,):
                assert time.monotonic() < deadline, "no autovacuum came"
                time.sleep(0.05)
            begin = time.monotonic()
            outcome = lmsschema("partitions", "ensure", "--ahead", "4", "--url", url)
            assert outcome.code == 0, outcome.err
            assert time.monotonic() - begin < 20
            assert "holds ShareUpdateExclusiveLock on users" in outcome.err
        assert at_rest(lmsschema, url)


def test_through_pgbouncer_in_transaction_mode(lmsschema: Program, upgraded_url: str) -> None:
    with pooler.transaction_mode(upgraded_url) as url:
        with connected(upgraded_url) as conn:
            events.people(conn)
        instants = [str(events.month(0)), str(events.month(1))]
        with events.load(upgraded_url, instants) as load:
            outcome = lmsschema("partitions", "ensure", "--ahead", "14", "--url", url)
        assert outcome.code == 0, outcome.err
        assert not load.errors
        with connected(upgraded_url) as conn:
            events.insert(conn, events.month(-7), 3000)
            events.insert(conn, events.month(-9), 3000)
        heal = lmsschema("partitions", "heal", "--url", url)
        assert heal.code == 0, heal.err
        assert count(upgraded_url) == load.inserted + 6000
        assert at_rest(lmsschema, url)


def test_two_cron_jobs_at_once(upgraded_url: str, lmsschema: Program) -> None:
    found: list[Outcome] = []

    def run() -> None:
        found.append(lmsschema("partitions", "ensure", "--ahead", "24", "--url", upgraded_url))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome.code for outcome in found] == [0, 0, 0]
    assert len(partitions(upgraded_url)) == 26
    assert at_rest(lmsschema, upgraded_url)


def test_the_cron_path_starts_without_sqlalchemy_and_alembic(upgraded_url: str) -> None:
    program = (
        "import sys; from lmsschema.__main__ import main;"
        f" code = main(['partitions', 'ensure', '--ahead', '4', '-q', '--url', {upgraded_url!r}]);"
        " print(code, sorted({m.split('.')[0] for m in sys.modules}"
        " & {'sqlalchemy', 'alembic', 'mako'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "0 []\n"
    assert len(partitions(upgraded_url)) == 6


def test_what_a_monitor_reads(lmsschema: Program, upgraded_url: str) -> None:
    def check(form: str, *options: str) -> Outcome:
        return lmsschema("partitions", "check", "--format", form, *options, "--url", upgraded_url)

    assert check("nagios").out.startswith("PARTITIONS OK - learning_events: partitions for ")
    with connected(upgraded_url) as conn:
        events.people(conn)
        events.insert(conn, "2100-01-01", 3)
        events.drop(conn, events.name(2))
    nagios = check("nagios")
    assert nagios.code == 1
    assert nagios.out.startswith("PARTITIONS WARNING - learning_events: ")
    assert "default_rows=3;0 holes=1;0" in nagios.out
    assert check("nagios", "--warn", "400", "--critical", "300").code == 2
    assert check("text").code == 3
    report = check("json").json["tables"][0]
    assert (report["default_rows"], len(report["holes"])) == (3, 1)
    months = datetime.fromisoformat(report["takes_rows_until"])
    assert months == events.month(2, day=1)
    runway = months - datetime.now(UTC)
    assert abs(runway / timedelta(days=1) - report["runway_days"]) < 0.1
    metrics = check("prometheus")
    assert metrics.code == 3
    values = {
        line.split("{")[0]: line.split(" ")[-1]
        for line in metrics.out.splitlines()
        if not line.startswith("#")
    }
    assert values["lmsschema_partitions_default_rows"] == "3"
    assert values["lmsschema_partitions_holes"] == "1"
    assert abs(float(values["lmsschema_partitions_runway_seconds"]) - runway.total_seconds()) < 60
    gone = lmsschema("partitions", "check", "--format", "nagios", "--url", "host=/nowhere")
    assert gone.code == 3
    assert gone.out.startswith("PARTITIONS UNKNOWN - ")


def test_a_half_made_index_is_seen(lmsschema: Program, upgraded_url: str) -> None:
    with connected(upgraded_url) as conn:
        conn.execute("CREATE INDEX half ON ONLY learning_events (server_timestamp)")
        conn.execute(
            sql.SQL("ALTER TABLE {} OWNER TO pg_database_owner").format(
                sql.Identifier(events.name(1))
            )
        )
        conn.execute("ALTER TABLE learning_events DETACH PARTITION learning_events_default")
    listed = lmsschema("partitions", "list", "--url", upgraded_url, "--json").json["tables"][0]
    odd = {one["name"]: one["oddities"] for one in listed["partitions"]}
    assert odd[events.name(0)] == ["lacks index half"]
    assert odd[events.name(1)] == [
        "lacks index half",
        "its owner differs from the table's (partitions ensure --repair)",
    ]
    assert odd["learning_events_default"][0].startswith("not attached")
