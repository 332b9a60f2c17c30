"""``lmsschema indexes`` wrongly used, or where it can't work: refused, and nothing is changed."""

import uuid

import psycopg
import pytest
from psycopg import conninfo, sql

from lmsschema.database import catalog
from lmsschema.locks import run_lock
from lmsschema.locks.context import Context
from tests.support.checking import execute, opened
from tests.support.program import Program


@pytest.mark.parametrize(
    "command",
    [
        "indexes set leen",
        "indexes plan leen",
        "upgrade --profile leen",
        "ddl --profile leen",
        "createdb x --profile leen",
    ],
)
def test_an_unknown_profile(lmsschema: Program, command: str) -> None:
    done = lmsschema(*command.split())
    assert done.code == 2
    assert "'leen' is not one of 'faithful', 'lean'" in done.err


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (
            "CREATE INDEX idx_learning_sessions_user_start ON learning_sessions (ip_address)",
            6,
            "idx_learning_sessions_user_start is there already and is another index",
        ),
        (
            "CREATE TABLE idx_learning_events_time ()",
            6,
            "idx_learning_events_time is there already and is no index, but a table",
        ),
        (
            "DROP INDEX idx_users_role; CREATE UNIQUE INDEX idx_users_role ON users (role, id)",
            6,
            "index idx_users_role is not dropped: it is another one",
        ),
        (
            "INSERT INTO lmsschema_settings (profile) VALUES ('newest')",
            6,
            "the database has the index profile newest, which this program does not know",
        ),
        ("DROP TABLE lmsschema_version", 6, "is at base"),
    ],
)
def test_what_is_refused(
    upgraded_url: str, lmsschema: Program, change: str, code: int, message: str
) -> None:
    execute(upgraded_url, change)
    with opened(upgraded_url) as database:
        before = catalog.read(database.conn, database.schema)
        done = lmsschema("indexes", "set", "lean", "--url", upgraded_url)
        assert catalog.read(database.conn, database.schema) == before
    assert (done.code, message in done.err) == (code, True), done.err
    planned = lmsschema("indexes", "plan", "lean", "--url", upgraded_url)
    assert planned.code in {3, 6}
    assert message in planned.err


def test_a_server_that_takes_no_changes(upgraded_url: str, lmsschema: Program) -> None:
    read_only = conninfo.make_conninfo(upgraded_url, options="-c default_transaction_read_only=on")
    done = lmsschema("indexes", "set", "lean", "--url", read_only)
    assert done.code == 4
    assert "accepts no changes" in done.err
    assert lmsschema("indexes", "set", "lean", "--dry-run", "--url", read_only).code == 0
    assert lmsschema("indexes", "advise", "--url", read_only).code == 0


def test_a_role_without_rights(upgraded_url: str, lmsschema: Program) -> None:
    role = f"reader_{uuid.uuid4().hex[:8]}"
    execute(
        upgraded_url,
        sql.SQL(
            "CREATE ROLE {role} LOGIN; GRANT CREATE, USAGE ON SCHEMA public TO {role};"
            "GRANT SELECT ON lmsschema_version TO {role}"
        )
        .format(role=sql.Identifier(role))
        .as_string(),
    )
    url = conninfo.make_conninfo(upgraded_url, options=f"-c role={role}")
    try:
        asked = lmsschema("indexes", "show", "--url", url)
        assert asked.code == 4
        assert f'GRANT SELECT ON "public"."lmsschema_settings" TO "{role}";' in asked.err
        # check goes on: it assumes the default profile, and says so
        assert "faithful is assumed" in lmsschema("check", "--url", url).err
        execute(upgraded_url, f'GRANT SELECT ON lmsschema_settings TO "{role}"')
        assert lmsschema("indexes", "show", "--url", url).code == 0
        done = lmsschema("indexes", "set", "lean", "--url", url)
        assert done.code == 4
        assert "belongs to role" in done.err
    finally:
        execute(upgraded_url, f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')


def test_two_at_once(upgraded_url: str, lmsschema: Program) -> None:
    with opened(upgraded_url) as database, run_lock.hold(Context(database)):
        done = lmsschema("indexes", "set", "lean", "--wait", "0", "--url", upgraded_url)
    assert done.code == 5
    assert "still works on schema public" in done.err


def test_a_revision_of_before_the_profiles(database_url: str, lmsschema: Program) -> None:
    on = ("--url", database_url)
    assert lmsschema("upgrade", "0005", *on).code == 0
    early = lmsschema("indexes", "set", "lean", *on)
    assert early.code == 6
    assert "lmsschema upgrade --profile lean" in early.err
    wrong = lmsschema("upgrade", "0005", "--profile", "lean", *on)
    assert wrong.code == 2
    assert "--profile needs the newest revision" in wrong.err
    assert lmsschema("upgrade", "--profile", "lean", *on).code == 0
    back = lmsschema("downgrade", "0005", *on)
    assert back.code == 6
    assert "First run: lmsschema indexes set faithful" in back.err
    assert lmsschema("indexes", "set", "faithful", *on).code == 0
    assert lmsschema("downgrade", "0005", *on).code == 0
    with psycopg.connect(database_url) as conn:
        assert conn.execute("SELECT to_regclass('lmsschema_settings')").fetchone() == (None,)


def test_advice(upgraded_url: str, lmsschema: Program) -> None:
    execute(upgraded_url, "CREATE INDEX own ON users (profile)")
    found = lmsschema("indexes", "advise", "--json", "--url", upgraded_url).json
    by_name = {one["name"]: one for one in found["indexes"]}
    assert by_name["idx_users_last_active"]["hot_columns"] == ["last_active_at"]
    assert by_name["idx_users_last_active"]["profiles"] == ["faithful"]
    assert by_name["idx_learning_events_time"]["state"] == "missing"
    assert by_name["own"]["profiles"] == []
    other = found["other_profiles"]["lean"]
    assert "idx_users_role" in other["drop"]
    assert "idx_learning_events_time" in other["build"]
    assert found["complete"] is True
    text = lmsschema("indexes", "advise", "--url", upgraded_url).out
    assert "lean would build" in text
