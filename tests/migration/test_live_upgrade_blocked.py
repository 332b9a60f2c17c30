"""Plans that bind, and upgrades that wait for others."""

import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from lmsschema.locks.context import Context
from lmsschema.migration import revisions
from tests.support import pooler, relay
from tests.support.live_upgrades import Checkout
from tests.support.program import Outcome, Program


def test_a_plan_asks_in_read_only_transactions_and_leaves_nothing(
    checkout: Callable[..., Checkout], populated_url: str
) -> None:
    program = checkout('    op.execute("CREATE INDEX ix_users_profile ON users (profile)")')
    with psycopg.connect(populated_url) as conn:
        address = relay.address_of(conn.info.host, conn.info.port)
    requests: list[bytes] = []
    with relay.running(address, relay.Hooks(on_request=requests.append)) as port:
        assert program("plan", "--url", relay.through(populated_url, port)).code == 0
    sent = b"".join(requests)
    begun = re.findall(rb"Q....(BEGIN[^\0]*)\0", sent, re.DOTALL)
    assert len(begun) > 3
    assert all(one.endswith(b" READ ONLY") for one in begun), begun
    with psycopg.connect(program("local", "url").out.strip()) as conn:
        left = "SELECT datname FROM pg_database WHERE datname LIKE 'lmsschema_measure%'"
        assert conn.execute(left).fetchall() == []


def test_a_plan_binds_until_the_database_changes(
    lmsschema: Program, upgraded_url: str, tmp_path: Path
) -> None:
    assert lmsschema("downgrade", "0002", "--url", upgraded_url).code == 0
    plan = tmp_path / "plan.json"
    plan.write_text(lmsschema("plan", "--url", upgraded_url, "--json").out)
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute("CREATE INDEX ix_of_somebody ON users (profile)")
        refused = lmsschema("upgrade", "--url", upgraded_url, "--plan", str(plan))
        assert refused.code == 6
        assert "its tables, indexes or other objects have changed" in refused.err
        assert conn.execute("SELECT to_regclass('learning_events')").fetchone() == (None,)
        conn.execute("DROP INDEX ix_of_somebody")
    assert lmsschema("upgrade", "--url", upgraded_url, "--plan", str(plan)).code == 0
    for text in ("{}", '{"fingerprint": "abc"}', '{"fingerprint": null}'):
        plan.write_text(text)
        assert lmsschema("upgrade", "--url", upgraded_url, "--plan", str(plan)).code == 2


def test_a_blocked_table_is_tried_for_as_often_as_said(
    lmsschema: Program, database_url: str
) -> None:
    assert lmsschema("upgrade", "0001", "--url", database_url).code == 0
    with (
        psycopg.connect(database_url) as holder,
        psycopg.connect(database_url, autocommit=True) as reader,
    ):
        holder.execute("LOCK TABLE users IN ROW EXCLUSIVE MODE")
        reader.execute("SET lock_timeout = '2s'")  # four times as long as who queues before it
        queued: list[str] = []
        over = threading.Event()

        def read() -> None:
            while not over.is_set():
                try:
                    reader.execute("SELECT count(*) FROM users")
                except psycopg.errors.LockNotAvailable as error:
                    queued.append(str(error))
                time.sleep(0.01)

        thread = threading.Thread(target=read)
        thread.start()
        outcome = lmsschema(
            "upgrade",
            "--url",
            database_url,
            "--lock-timeout",
            "0.5",
            "--lock-retries",
            "2",
            "--json",
        )
        over.set()
        thread.join()
        assert outcome.code == 5
        error = outcome.json["error"]
        assert error["attempts"] == 3
        assert outcome.err.count("did not get a lock in 0.5 s") == 2
        assert [blocker["pid"] for blocker in error["blockers"]] == [holder.info.backend_pid]
        assert f"waiting for pid {holder.info.backend_pid} (user " in outcome.err
        assert "LOCK TABLE users" in outcome.err
        assert queued == []
        holder.rollback()
    done = lmsschema("upgrade", "--url", database_url)
    assert done.code == 0


def test_a_downgrade_that_drops_columns_is_refused_and_waits_no_longer_than_said(
    checkout: Callable[..., Checkout], populated_url: str
) -> None:
    program = checkout(
        '    op.execute("ALTER TABLE users ADD COLUMN age int")',
        '    op.execute("ALTER TABLE users DROP COLUMN age")',
    )
    assert program("upgrade", "--url", populated_url).code == 0
    back = ("downgrade", revisions.head(), "--url", populated_url)
    with psycopg.connect(populated_url) as holder:
        holder.execute("LOCK TABLE users IN ACCESS SHARE MODE")
        blocked = program(*back, "--lock-timeout", "0.4", "--lock-retries", "1", "--json")
        assert blocked.code == 5
        assert blocked.err.count("did not get a lock in 0.4 s") == 1
        error = blocked.json["error"]
        assert error["attempts"] == 2
        assert [blocker["pid"] for blocker in error["blockers"]] == [holder.info.backend_pid]
    refused = program(*back)
    assert refused.code == 6
    assert "columns of tables that hold rows: users.age" in refused.err
    assert program(*back, "--lose-rows").code == 0


def let_go(url: str, holder: psycopg.Connection) -> None:
    """End the holder's transaction some time after another session began to wait for it."""
    with psycopg.connect(url, autocommit=True) as observer:
        waits = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'users'::regclass"
        for _ in range(1000):
            if observer.execute(waits.encode()).fetchone() is not None:
                break
            time.sleep(0.02)
    time.sleep(0.8)
    holder.rollback()


def test_a_table_that_is_let_go_is_upgraded_at_the_next_attempt(
    lmsschema: Program, database_url: str
) -> None:
    assert lmsschema("upgrade", "0001", "--url", database_url).code == 0
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE users IN ROW EXCLUSIVE MODE")
        thread = threading.Thread(target=let_go, args=(database_url, holder))
        thread.start()
        outcome = lmsschema("upgrade", "--url", database_url, "--lock-timeout", "0.3")
        thread.join()
    assert outcome.code == 0
    assert "did not get a lock in 0.3 s" in outcome.err


def test_sixteen_at_once_do_the_work_once(lmsschema: Program, database_url: str) -> None:
    outcomes: list[Outcome] = []

    def run() -> None:
        outcomes.append(lmsschema("upgrade", "--url", database_url, "--json"))

    threads = [threading.Thread(target=run) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome.code for outcome in outcomes] == [0] * 16
    applied = [outcome.json["applied"] for outcome in outcomes if outcome.json["applied"]]
    assert [[step["revision"] for step in steps] for steps in applied] == [revisions.ids()]


def test_a_run_in_the_way_is_named_and_waited_for(lmsschema: Program, database_url: str) -> None:
    from lmsschema.database.connection import connect
    from lmsschema.database.target import Target
    from lmsschema.locks import run_lock

    database = connect(Target(database_url, "the test"))
    with database.conn, run_lock.hold(Context(database)):
        outcome = lmsschema("upgrade", "--url", database_url, "--wait", "0.5")
    assert outcome.code == 5
    assert "another run of lmsschema (pid " in outcome.err
    assert outcome.err.count("waiting for") == 1
    assert json.loads(lmsschema("current", "--url", database_url, "--json").out)["revision"] is None


def test_through_pgbouncer_in_transaction_mode(lmsschema: Program, database_url: str) -> None:
    outcomes: list[Outcome] = []
    with pooler.transaction_mode(database_url) as url:

        def run() -> None:
            outcomes.append(lmsschema("upgrade", "--url", url, "--schema", "Campus", "--json"))

        threads = [threading.Thread(target=run) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [outcome.code for outcome in outcomes] == [0] * 3, outcomes
        assert sum(bool(outcome.json["applied"]) for outcome in outcomes) == 1
        assert lmsschema("check", "--url", url, "--schema", "Campus").code == 0
        assert lmsschema("downgrade", "base", "--url", url, "--schema", "Campus").code == 0


@pytest.mark.parametrize("revision", ["0002", "0004"])
def test_through_pgbouncer_who_is_in_the_way_is_named(
    lmsschema: Program, database_url: str, revision: str
) -> None:
    """The pooler hides which session runs the upgrade; another client's is never taken for it."""
    before = "0001" if revision == "0002" else "0003"
    assert lmsschema("upgrade", before, "--url", database_url).code == 0
    limits = ("--lock-timeout", "0.8", "--lock-retries", "1")
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE users IN ROW EXCLUSIVE MODE")
        pid = holder.info.backend_pid
        with pooler.transaction_mode(database_url) as url:
            outcome = lmsschema("upgrade", revision, "--url", url, *limits, "--json")
    assert outcome.code == 5, outcome
    assert [blocker["pid"] for blocker in outcome.json["error"]["blockers"]] == [pid]
    assert "LOCK TABLE users" in outcome.json["error"]["blockers"][0]["query"]
    assert f"pid {pid} (user" in outcome.err


def test_a_prepared_transaction_in_the_way_is_named(lmsschema: Program, database_url: str) -> None:
    assert lmsschema("upgrade", "0001", "--url", database_url).code == 0
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("BEGIN; LOCK TABLE users IN ROW EXCLUSIVE MODE; PREPARE TRANSACTION 'lost'")
        try:
            limits = ("--lock-timeout", "0.8", "--lock-retries", "0", "--json")
            outcome = lmsschema("upgrade", "--url", database_url, *limits)
        finally:
            conn.execute("ROLLBACK PREPARED 'lost'")
    assert outcome.code == 5
    (blocker,) = outcome.json["error"]["blockers"]
    assert (blocker["pid"], blocker["query"]) == (None, "lost")
    assert "waiting for prepared transaction lost (user " in outcome.err
