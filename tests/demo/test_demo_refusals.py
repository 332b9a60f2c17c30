"""``lmsschema demo`` asked for what it can't do: the house's exit codes, and nothing changed."""

import psycopg
import pytest
from psycopg import conninfo, sql

from tests.support.program import Program

USAGE = {
    "no event": ("--events", "0"),
    "fewer than none": ("--events", "-5"),
    "more than it can": ("--events", "1000000000000"),
    "no number": ("--events", "many"),
    "no such day": ("--events", "5", "--until", "2026-02-30"),
    "no date": ("--events", "5", "--until", "soon"),
    "too early a day": ("--events", "5", "--until", "0001-01-01"),
    "no institution": ("--events", "5", "--institutions", "0"),
    "a negative seed": ("--events", "5", "--seed", "-1"),
    "no worker": ("--events", "5", "--workers", "0"),
}


@pytest.mark.parametrize("what", USAGE)
def test_what_can_not_be_asked_for(lmsschema: Program, what: str) -> None:
    """No database is asked: there is none."""
    outcome = lmsschema("demo", *USAGE[what], "--url", "postgresql://127.0.0.1:1/none")
    assert outcome.code == 2, outcome.err


def test_a_database_with_users(lmsschema: Program, upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url) as conn:
        conn.execute(
            "WITH i AS (INSERT INTO institutions (name, domain, education_level)"
            " VALUES ('A', 'a.example', 'k12') RETURNING id)"
            " INSERT INTO users (institution_id, email, username, role)"
            " SELECT id, 'a@a.example', 'a', 'student' FROM i"
        )
    asked = ("demo", "--events", "50", "--url", upgraded_url)
    outcome = lmsschema(*asked, "--json")
    assert outcome.code == outcome.json["error"]["exit_code"] == 6
    assert "has users" in outcome.err
    assert "--allow-users" in outcome.err
    assert lmsschema(*asked, "--allow-users").code == 0
    assert lmsschema(*asked).code == 0  # that data is there


def test_a_database_that_is_not_at_head(lmsschema: Program, database_url: str) -> None:
    for revision in (None, "0004_integrity"):
        if revision is not None:
            assert lmsschema("upgrade", revision, "--url", database_url).code == 0
        outcome = lmsschema("demo", "--events", "50", "--url", database_url)
        assert outcome.code == 1
        assert "first: lmsschema upgrade" in outcome.err


def test_rows_of_the_default_that_block_a_month(lmsschema: Program, upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url) as conn:
        conn.execute(
            "INSERT INTO learning_events"
            " (event_type, event_category, event_action, session_id, event_timestamp)"
            " VALUES ('x', 'social', 'x', gen_random_uuid(), '2020-03-05')"
        )
    asked = ("demo", "--events", "50", "--until", "2020-11-26", "--url", upgraded_url)
    outcome = lmsschema(*asked)
    assert outcome.code == 3
    assert "learning_events_2020_03" in outcome.err
    assert lmsschema("partitions", "heal", "--reach", "10y", "--url", upgraded_url).code == 0
    assert lmsschema(*asked).code == 0


def test_roles(lmsschema: Program, upgraded_url: str) -> None:
    """The owner of the schema's tables needs no more; who may not insert is refused."""
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        role = sql.Identifier(f"demo_{conn.info.dbname}")
        conn.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(role))
        url = conninfo.make_conninfo(upgraded_url, user=role.as_string().strip('"'), password="x")
        asked = ("demo", "--events", "500", "--url", url)
        try:
            for statement in (
                "GRANT USAGE, CREATE ON SCHEMA public TO {}",
                "GRANT SELECT ON lmsschema_version TO {}",
            ):
                assert lmsschema(*asked).code == 4
                conn.execute(sql.SQL(statement).format(role))
            assert lmsschema(*asked).code == 4
            tables = conn.execute(
                "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')"
                " AND relnamespace = 'public'::regnamespace"
            ).fetchall()
            assert conn.execute("SELECT count(*) FROM users").fetchone() == (0,)
            for (table,) in tables:
                owner = sql.SQL("ALTER TABLE {} OWNER TO {}")
                conn.execute(owner.format(sql.Identifier(table), role))
            outcome = lmsschema(*asked)
            assert outcome.code == 0, outcome.err
            assert conn.execute("SELECT count(*) FROM learning_events").fetchone() == (500,)
        finally:
            conn.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(role))
            conn.execute(sql.SQL("DROP ROLE {}").format(role))


def test_a_database_that_takes_no_changes(lmsschema: Program, upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        name = sql.Identifier(conn.info.dbname)
        conn.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_read_only TO on").format(name)
        )
    outcome = lmsschema("demo", "--events", "50", "--url", upgraded_url)
    assert outcome.code == 4
    assert "accepts no changes" in outcome.err
