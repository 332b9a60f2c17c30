"""check of a database that is behind, busy, or not the role's own."""

import contextlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import conninfo, sql

from lmsschema.database import catalog, scratch
from lmsschema.drift import check
from lmsschema.errors import DatabaseUnavailableError, UnsafeError
from lmsschema.locks.context import Context
from lmsschema.migration import revisions, schema_script
from lmsschema.migration.downgrade import downgrade
from lmsschema.migration.upgrade import upgrade
from lmsschema.partition_manager import ensure
from lmsschema.partitions import LEARNING_EVENTS
from tests.support.checking import checked, execute, opened, server_version, what
from tests.support.checks import what_differs


def as_role(url: str, role: str) -> str:
    return conninfo.make_conninfo(url, user=role, password="x")


def test_behind_is_said_as_such(database_url: str) -> None:
    with opened(database_url) as database:
        upgrade(database, "0002_progress")
    report = checked(database_url)
    assert report.revision == "0002_progress"
    assert report.pending == tuple(revisions.ids()[2:])
    assert report.drift == ()
    assert report.unmanaged == ()
    assert not report.clean(strict=False)


def test_drift_of_a_database_that_is_behind(database_url: str) -> None:
    with opened(database_url) as database:
        upgrade(database, "0002_progress")
    execute(database_url, "DROP INDEX idx_users_role; CREATE TABLE learning_sessions (a integer)")
    report = checked(database_url)
    assert [what(one) for one in report.drift] == [["users", "index", "idx_users_role", "missing"]]
    assert [what(one)[2:] for one in report.unmanaged] == [["learning_sessions", "unmanaged"]]


def test_nothing_there(database_url: str) -> None:
    assert checked(database_url).pending == tuple(revisions.ids())
    absent = checked(database_url, "nowhere")
    assert absent.pending == tuple(revisions.ids())
    assert (absent.drift, absent.unmanaged) == ((), ())


def test_oddly_named_schema_beside_another(upgraded_url: str) -> None:
    schema = 'Campus "North" %s 50%'
    with opened(upgraded_url, schema) as database:
        upgrade(database)
    with opened(upgraded_url, schema) as database:
        ensure.ensure(Context(database), LEARNING_EVENTS)
        assert check.run(database).clean(strict=True)
        with database.transaction() as conn:
            conn.execute("CREATE INDEX by_name ON users (username)")
            conn.execute(
                "INSERT INTO institutions (name, domain, education_level) VALUES ('a', 'a', 'k12')"
            )
        assert [what(one) for one in check.run(database).drift] == [
            ["users", "index", "by_name", "unexpected"]
        ]
        with pytest.raises(UnsafeError, match="that hold rows: institutions\n"):
            downgrade(database, "base")
    assert checked(upgraded_url).clean(strict=True)


def test_nothing_of_it_remains(upgraded_url: str) -> None:
    def everything() -> object:
        with psycopg.connect(upgraded_url) as conn:
            return conn.execute(
                "SELECT (SELECT array_agg(oid ORDER BY oid) FROM pg_class),"
                " (SELECT array_agg(oid ORDER BY oid) FROM pg_namespace),"
                " (SELECT array_agg(oid ORDER BY oid) FROM pg_type),"
                " (SELECT array_agg(oid ORDER BY oid) FROM pg_proc)"
            ).fetchone()

    before = everything()
    with opened(upgraded_url) as database:
        check.run(database)
        assert everything() == before
        assert database.conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_no_lock_that_a_writer_notices(upgraded_url: str) -> None:
    """While the declared schema is there and read, only ACCESS SHARE is held on anything else."""
    with (
        opened(upgraded_url) as database,
        psycopg.connect(upgraded_url) as observer,
        scratch.schema(database) as name,
    ):
        database.conn.execute(schema_script.render(None, datetime.now(UTC)).encode())
        catalog.read(database.conn, name)
        catalog.read(database.conn, "public")
        held = observer.execute(
            "SELECT DISTINCT l.mode FROM pg_locks AS l"
            " INNER JOIN pg_class AS c ON l.relation = c.oid"
            " WHERE l.pid = %s AND l.locktype = 'relation' AND c.oid >= 16384",
            [database.conn.info.backend_pid],
        ).fetchall()
    assert {mode for (mode,) in held} <= {"AccessShareLock"}


def test_works_while_tables_are_written_and_altered(upgraded_url: str) -> None:
    """EXCLUSIVE lets nobody in but readers."""
    with psycopg.connect(upgraded_url) as other:
        other.execute("LOCK TABLE users, courses, learning_events IN EXCLUSIVE MODE")
        assert checked(upgraded_url).clean(strict=True)


def test_works_while_partitions_come_and_go(upgraded_url: str) -> None:
    stop = threading.Event()

    def churn() -> None:
        with psycopg.connect(upgraded_url, autocommit=True) as conn:
            while not stop.is_set():
                conn.execute("CREATE TABLE fleeting (a integer PRIMARY KEY, b text DEFAULT 'b')")
                conn.execute("CREATE INDEX fleeting_index ON fleeting (b) WHERE a > 1")
                conn.execute("CREATE VIEW glance AS SELECT a FROM fleeting")
                conn.execute("DROP TABLE fleeting CASCADE")

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        with opened(upgraded_url) as database:
            for _ in range(8):
                assert check.run(database).drift == ()
    finally:
        stop.set()
        thread.join()


def test_role_that_may_only_read_the_catalogs(
    upgraded_url: str, new_url: Callable[[], str], role: str
) -> None:
    execute(upgraded_url, "DROP INDEX idx_users_role")
    said: list[str] = []
    with opened(as_role(upgraded_url, role)) as database:
        report = check.run(database, shadow_url=new_url(), notify=said.append)
    assert [what(one) for one in report.drift] == [["users", "index", "idx_users_role", "missing"]]
    version = server_version(upgraded_url)
    assert report.built_on.startswith(f"PostgreSQL {version}, ")
    assert f"the declared schema is built on {report.built_on}" in said
    assert any(
        f'GRANT SELECT ON "public"."lmsschema_version" TO "{role}";' in line for line in said
    )


def test_role_without_usage_is_told_what_to_grant(upgraded_url: str, role: str) -> None:
    execute(upgraded_url, "REVOKE USAGE ON SCHEMA public FROM PUBLIC")
    execute(upgraded_url, f'REVOKE USAGE ON SCHEMA public FROM "{role}"')
    with (
        opened(as_role(upgraded_url, role), "public") as database,
        pytest.raises(DatabaseUnavailableError) as error,
    ):
        check.run(database)
    assert f'GRANT USAGE ON SCHEMA "public" TO "{role}"' in error.value.hint


def test_where_an_event_trigger_forbids_ddl(
    upgraded_url: str, new_url: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(
        upgraded_url,
        "CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql"
        " AS 'BEGIN RAISE EXCEPTION $$no DDL here$$; END';"
        "CREATE EVENT TRIGGER forbidden ON ddl_command_start EXECUTE FUNCTION forbid()",
    )
    with opened(upgraded_url) as database:
        report = check.run(database, shadow_url=new_url())
    assert report.drift == ()
    assert {one.identity.kind for one in report.unmanaged} == {"function", "event trigger"}
    monkeypatch.setenv("LMSSCHEMA_HOME", "/no, place")  # for an embedded server
    with (
        opened(upgraded_url) as database,
        pytest.raises(DatabaseUnavailableError, match=r"no DDL here.*no embedded server"),
    ):
        check.run(database)


def test_tablespace(upgraded_url: str) -> None:
    """A tablespace is the cluster's, so this one is made and taken away here."""
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        name = sql.Identifier(f"space_{conn.info.dbname}")
        conn.execute("SET allow_in_place_tablespaces = on")
        conn.execute(sql.SQL("CREATE TABLESPACE {} LOCATION ''").format(name))
        with contextlib.ExitStack() as ends:
            ends.callback(conn.execute, sql.SQL("DROP TABLESPACE {}").format(name))
            ends.callback(conn.execute, "ALTER INDEX idx_users_role SET TABLESPACE pg_default")
            ends.callback(conn.execute, "ALTER TABLE lessons SET TABLESPACE pg_default")
            conn.execute(sql.SQL("ALTER TABLE lessons SET TABLESPACE {}").format(name))
            conn.execute(sql.SQL("ALTER INDEX idx_users_role SET TABLESPACE {}").format(name))
            found = what_differs(upgraded_url)
    assert found == [
        ["lessons", "table", "lessons", "tablespace"],
        ["users", "index", "idx_users_role", "tablespace"],
    ]
