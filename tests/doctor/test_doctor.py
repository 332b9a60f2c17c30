"""What doctor finds in a database at head, and that its commands mend it."""

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from psycopg import errors

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.doctor import examine
from lmsschema.doctor.finding import Limits
from tests.support.doctors import NOW, duplicate_names, found, half_built, mend, the


def test_a_fresh_database_needs_no_hand(database: Database) -> None:
    report = examine.examine(database)
    assert [one for one in report.findings if one.action_required] == []
    assert report.healthy
    assert not report.standby


def test_the_guide_s_own_redundant_indexes_are_known(database: Database) -> None:
    redundant = {one.name: one for one in found(database, "redundant-index")}
    assert {
        "idx_institutions_domain",
        "idx_lessons_course",
        "idx_lessons_course_order",
        "idx_section_progress_user_section",
    } <= set(redundant)
    for one in redundant.values():
        assert (one.action_required, one.remedy) == (False, ())
        assert "the guide declares it" in one.message
    # begins with another's columns in another order, which is another index
    assert "idx_learning_events_user_time" not in redundant


def test_an_index_that_failed_to_build(database: Database, other: psycopg.Connection) -> None:
    half_built(other)
    finding = the(database, "invalid-index", "names")
    assert finding.action_required
    mend(other, finding)
    assert found(database, "invalid-index") == []
    valid = other.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'names'::regclass")
    assert valid.fetchone() == (True,)


def test_what_a_interrupted_reindex_leaves(database: Database, other: psycopg.Connection) -> None:
    duplicate_names(other)
    with pytest.raises(errors.UniqueViolation):
        other.execute("CREATE UNIQUE INDEX CONCURRENTLY names_ccnew1 ON institutions (name)")
    mend(other, the(database, "invalid-index", "names_ccnew1"))
    assert other.execute("SELECT to_regclass('names_ccnew1')").fetchone() == (None,)


def test_an_index_being_built_needs_no_hand(
    database: Database, other: psycopg.Connection, upgraded_url: str
) -> None:
    half_built(other)
    with psycopg.connect(upgraded_url) as builder:
        builder.execute("LOCK TABLE institutions IN SHARE UPDATE EXCLUSIVE MODE")
        finding = the(database, "index-being-built", "names")
        assert not finding.action_required
        assert finding.details["pid"] == builder.info.backend_pid
        assert found(database, "invalid-index") == []
    assert the(database, "invalid-index", "names").action_required


def test_an_index_that_not_every_partition_has(
    database: Database, other: psycopg.Connection
) -> None:
    other.execute("CREATE INDEX idx_learning_events_act ON ONLY learning_events (event_action)")
    finding = the(database, "invalid-index", "idx_learning_events_act")
    mend(other, finding)
    assert found(database, "invalid-index") == []


def test_an_index_of_which_a_partition_has_an_invalid_part(
    database: Database, other: psycopg.Connection
) -> None:
    other.execute("CREATE INDEX idx_act ON learning_events (event_action)")
    part = other.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent = 'idx_act'::regclass ORDER BY 1 LIMIT 1"
    ).fetchone()
    assert part is not None
    other.execute(
        "UPDATE pg_index SET indisvalid = false"
        " WHERE indexrelid IN (%s::regclass, 'idx_act'::regclass)",
        part,
    )
    assert {one.name for one in found(database, "invalid-index")} == {"idx_act", *part}
    mend(other, the(database, "invalid-index", "idx_act"))
    assert found(database, "invalid-index") == []


@pytest.mark.parametrize(
    "made",
    [
        "ALTER TABLE users ADD CONSTRAINT c CHECK (email <> '') NOT VALID",
        "ALTER TABLE users ADD CONSTRAINT c FOREIGN KEY (id) REFERENCES users NOT VALID",
        "ALTER TABLE learning_events ADD CONSTRAINT c CHECK (event_type <> '') NOT VALID",
        "CREATE DOMAIN c AS text; ALTER DOMAIN c ADD CONSTRAINT c CHECK (value <> '') NOT VALID",
    ],
)
def test_a_constraint_never_validated(
    database: Database, other: psycopg.Connection, made: str
) -> None:
    assert found(database, "constraint-not-validated") == []
    other.execute(made.encode())
    finding = the(database, "constraint-not-validated", "c")
    assert finding.action_required
    mend(other, finding)
    assert found(database, "constraint-not-validated") == []


def test_a_constraint_that_is_not_enforced_on_purpose(
    database: Database, other: psycopg.Connection
) -> None:
    made = "ALTER TABLE users ADD CONSTRAINT c CHECK (email <> '') NOT ENFORCED"
    if database.version < 18:
        with pytest.raises(errors.SyntaxError):
            other.execute(made.encode())
        return
    other.execute(made.encode())
    assert not the(database, "constraint-not-enforced", "c").action_required
    assert found(database, "constraint-not-validated") == []


def test_a_detach_that_was_interrupted(
    database: Database, other: psycopg.Connection, upgraded_url: str
) -> None:
    other.execute(
        "CREATE TABLE marks (at int) PARTITION BY RANGE (at);"
        "CREATE TABLE marks_1 PARTITION OF marks FOR VALUES FROM (0) TO (10)"
    )
    with psycopg.connect(upgraded_url) as reader:
        reader.execute("SELECT FROM marks")
        other.execute("SET statement_timeout = '200ms'")
        with pytest.raises(errors.QueryCanceled):
            other.execute("ALTER TABLE marks DETACH PARTITION marks_1 CONCURRENTLY")
        other.execute("RESET statement_timeout")
    finding = the(database, "detach-pending", "marks_1")
    mend(other, finding)
    assert found(database, "detach-pending") == []


def test_rows_in_the_default_and_a_hole(database: Database, other: psycopg.Connection) -> None:
    assert found(database, "partitions") == []
    other.execute(
        "INSERT INTO learning_events"
        " (event_type, event_category, event_action, session_id, event_timestamp)"
        " VALUES ('view', 'navigation', 'open', gen_random_uuid(), '2031-05-05')"
    )
    [finding] = found(database, "partitions")
    assert finding.action_required
    assert finding.message.startswith("1 rows in learning_events_default are far off")
    other.execute(finding.remedy[0].encode())  # heal makes no partition for such a row
    assert found(database, "partitions") == []
    other.execute(
        "INSERT INTO learning_events"
        " (event_type, event_category, event_action, session_id, event_timestamp)"
        " VALUES ('view', 'navigation', 'open', gen_random_uuid(), now() - interval '1 year')"
    )
    [finding] = found(database, "partitions")
    assert finding.message == "1 rows in learning_events_default"
    assert finding.remedy == ("lmsschema partitions heal --schema public",)
    month = other.execute("SELECT to_char(now() + '1 month', '\"learning_events_\"YYYY_MM')")
    other.execute(f"DROP TABLE {(month.fetchone() or [''])[0]}".encode())
    messages = [one.message for one in found(database, "partitions")]
    assert any(message.startswith("hole from ") for message in messages)


@pytest.fixture
def run(upgraded_url: str) -> Iterator[psycopg.Connection]:
    """A session that holds the run lock, as a run's second connection does."""
    with psycopg.connect(upgraded_url, autocommit=True, application_name="lmsschema") as conn:
        conn.execute("BEGIN")
        assert conn.execute(query("locks/run_lock"), {"schema": "public"}).fetchone() == (True,)
        yield conn


def test_a_lock_of_a_dead_run(
    database: Database, run: psycopg.Connection, other: psycopg.Connection
) -> None:
    time.sleep(0.05)
    finding = the(database, "dead-run", "run lock", NOW)
    assert finding.action_required
    assert finding.details["pid"] == run.info.backend_pid
    mend(other, finding)
    for _ in range(100):
        if not found(database, "dead-run", NOW):
            break
        time.sleep(0.02)
    assert found(database, "dead-run", NOW) == []
    with contextlib.suppress(psycopg.OperationalError):
        run.execute("SELECT 1")


@pytest.mark.usefixtures("run")
def test_a_lock_of_a_run_that_began_lately(database: Database) -> None:
    assert not the(database, "run-at-work", "run lock", Limits()).action_required
    assert found(database, "dead-run", Limits()) == []


@pytest.mark.usefixtures("run")
def test_a_lock_of_a_run_whose_other_session_works(database: Database, upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url, application_name="lmsschema") as worker:
        thread = threading.Thread(target=worker.execute, args=["SELECT pg_sleep(2)"])
        thread.start()
        time.sleep(0.3)
        limits = Limits(age=timedelta(seconds=0.2))
        assert not the(database, "run-at-work", "run lock", limits).action_required
        assert found(database, "dead-run", limits) == []
        thread.join()


@pytest.mark.parametrize(
    ("statement", "holds"),
    [
        ("LOCK TABLE users IN ACCESS SHARE MODE", "locks users"),
        ("SELECT txid_current()", "prevents vacuum"),
    ],
)
def test_an_old_transaction(
    database: Database,
    other: psycopg.Connection,
    upgraded_url: str,
    statement: str,
    holds: str,
) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as forgotten:
        forgotten.execute("BEGIN")
        assert found(database, "old-transaction", NOW) == []  # it holds nothing
        forgotten.execute(statement.encode())
        assert found(database, "old-transaction", Limits()) == []  # it is young
        name = f"session {forgotten.info.backend_pid}"
        finding = the(database, "old-transaction", name, NOW)
        assert finding.action_required
        assert holds in finding.message
        assert statement in finding.message
        mend(other, finding)
        with pytest.raises(psycopg.OperationalError):
            forgotten.execute("SELECT 1")
    assert found(database, "old-transaction", NOW) == []


def test_a_long_statement_is_cancelled_not_killed(
    database: Database, other: psycopg.Connection, upgraded_url: str
) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as busy:
        ended: list[type[Exception]] = []

        def work() -> None:
            try:
                busy.execute("SELECT pg_sleep(30) FROM pg_class")
            except psycopg.Error as error:
                ended.append(type(error))

        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(0.3)
        mend(other, the(database, "old-transaction", f"session {busy.info.backend_pid}", NOW))
        thread.join(10)
        assert ended == [errors.QueryCanceled]
        assert busy.execute("SELECT 1").fetchone() == (1,)


def test_rows_long_not_frozen(database: Database, other: psycopg.Connection) -> None:
    assert found(database, "wraparound", Limits()) == []
    finding = the(database, "wraparound", "users", Limits(xids=1))
    assert not finding.action_required  # autovacuum has not even begun to care
    mend(other, finding)
    frozen = the(database, "wraparound", "users", Limits(xids=0))
    assert int(str(frozen.details["xids"])) < int(str(finding.details["xids"]))
