"""Retention by the clock, cron jobs beside others, and what a monitor reads."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.support import events, pooler
from tests.support.calendars import at_rest, catalogs, connected, count, partitions
from tests.support.clocked import Clocked, clocked
from tests.support.program import Outcome, Program, clean_environment


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
        if not line.startswith("#") and "grade_changes" not in line
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
