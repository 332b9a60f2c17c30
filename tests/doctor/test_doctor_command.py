"""``lmsschema doctor`` as a DBA runs it, and on servers of its own, a standby among them."""

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lmsschema.local_server.server import Server
from lmsschema.testing import binaries
from tests.support import own_servers
from tests.support.program import Program

SETTINGS = {
    "fsync": "off",
    "max_prepared_transactions": "5",
    "autovacuum_freeze_max_age": "100000",  # the least that PostgreSQL takes
    "autovacuum": "off",
}


def test_a_healthy_database(lmsschema: Program, upgraded_url: str) -> None:
    outcome = lmsschema("doctor", "--url", upgraded_url)
    assert outcome.code == 0
    assert "action required\n" not in outcome.out
    assert "redundant indexes are kept, since the guide declares them: idx_" in outcome.out
    data = lmsschema("doctor", "--url", upgraded_url, "--json").json
    assert (data["healthy"], data["schema"], data["standby"]) == (True, "public", False)
    assert data["statistics_since"] is None


def test_what_needs_a_hand_is_printed_with_its_command(
    lmsschema: Program, upgraded_url: str, connection: psycopg.Connection
) -> None:
    del connection  # of another database, as cron's might be
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute("ALTER TABLE users ADD CONSTRAINT named CHECK (email <> '') NOT VALID")
        outcome = lmsschema("doctor", "--url", upgraded_url)
        assert outcome.code == 3
        first, finding, timeout, lock, command, *rest = outcome.out.splitlines()
        assert first == "action required"
        assert finding.startswith("  ! named of users was never validated")
        assert timeout.strip() == "SET lock_timeout TO '10min';"
        assert lock.strip() == "-- lock: SHARE UPDATE EXCLUSIVE: reads and writes go on"
        assert command.strip() == 'ALTER TABLE "public"."users" VALIDATE CONSTRAINT "named";'
        assert rest[-1].startswith("action required: 1, ")
        data = lmsschema("doctor", "--url", upgraded_url, "--json").json
        assert not data["healthy"]
        assert data["findings"][0]["topic"] == "constraint-not-validated"
        conn.execute(command.encode())
    assert lmsschema("doctor", "--url", upgraded_url).code == 0


def test_the_age_of_a_transaction_is_an_option(lmsschema: Program, upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url) as forgotten:
        forgotten.execute("SELECT FROM users")
        assert lmsschema("doctor", "--url", upgraded_url).code == 0
        outcome = lmsschema("doctor", "--url", upgraded_url, "--age", "0")
        assert outcome.code == 3
        assert f"SELECT pg_terminate_backend({forgotten.info.backend_pid});" in outcome.out


def test_a_schema_that_is_not_there(lmsschema: Program, database_url: str) -> None:
    outcome = lmsschema("doctor", "--url", database_url, "--schema", "nowhere")
    assert (outcome.code, outcome.out) == (4, "")
    assert "there is no schema nowhere" in outcome.err


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with own_servers.passable_folder() as made:
        yield made


@pytest.fixture(scope="module")
def primary(folder: Path, lmsschema: Program) -> Iterator[Server]:
    """A server that knows prepared transactions, with a database at head."""
    server = Server(binaries.find(own_servers.VERSION), folder / "primary", SETTINGS, "lms")
    server.start()
    assert lmsschema("upgrade", "--url", server.conninfo("lms")).code == 0
    yield server
    server.stop("immediate")


@pytest.fixture
def standby(primary: Server, folder: Path) -> Iterator[Server]:
    with own_servers.standby_of(primary, folder / "standby", SETTINGS) as server:
        yield server


def test_a_prepared_transaction(lmsschema: Program, primary: Server) -> None:
    url = primary.conninfo("lms")
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("BEGIN; LOCK TABLE users; PREPARE TRANSACTION 'it''s mine'")
        assert lmsschema("doctor", "--url", url).code == 0  # it is young
        outcome = lmsschema("doctor", "--url", url, "--age", "0", "--json")
        assert outcome.code == 3
        [finding] = [
            one for one in outcome.json["findings"] if one["topic"] == "prepared-transaction"
        ]
        assert finding["name"] == "it's mine"
        conn.execute(finding["remedy"][0].encode())
    assert lmsschema("doctor", "--url", url, "--age", "0").code == 0


def test_a_standby(lmsschema: Program, primary: Server, standby: Server) -> None:
    with psycopg.connect(primary.conninfo("lms"), autocommit=True) as conn:
        conn.execute("ALTER TABLE users ADD CONSTRAINT named CHECK (email <> '') NOT VALID")
        url = standby.conninfo("lms")
        deadline = time.monotonic() + 20
        while (outcome := lmsschema("doctor", "--url", url)).code != 3:
            assert time.monotonic() < deadline, outcome
        assert "named of users was never validated" in outcome.out
        assert "this server is a standby: run the commands on its primary" in outcome.out
        conn.execute("ALTER TABLE users DROP CONSTRAINT named")


def test_rows_that_nobody_freezes(primary: Server) -> None:
    """Past autovacuum_freeze_max_age somebody must act; a snapshot keeps autovacuum from it."""
    from lmsschema.database.connection import connect
    from lmsschema.database.target import Target
    from lmsschema.doctor import examine
    from lmsschema.doctor.finding import Limits

    url = primary.conninfo("lms")
    limits = Limits(xids=50_000)
    with psycopg.connect(url) as old, psycopg.connect(url, autocommit=True) as conn:
        old.execute("SELECT txid_current()")
        database = connect(Target(url, "the test"))
        assert examine.examine(database, limits).healthy
        conn.execute("CREATE TABLE burnt (n int)")
        conn.execute(
            "DO $$ BEGIN FOR n IN 1..101000 LOOP BEGIN INSERT INTO burnt VALUES (n);"
            " RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN NULL; END;"
            " END LOOP; END $$"
        )
        conn.execute("DROP TABLE burnt")
        findings = [
            one for one in examine.examine(database, limits).findings if one.topic == "wraparound"
        ]
        assert "users" in {one.name for one in findings}
        assert all(one.action_required for one in findings)
        old.rollback()
        for _ in range(2):  # with the schema's tables mended, the database's own are named
            for one in examine.examine(database, limits).findings:
                for command in one.remedy if one.action_required else ():
                    conn.execute(command.encode())
        assert examine.examine(database, limits).healthy
        database.conn.close()
