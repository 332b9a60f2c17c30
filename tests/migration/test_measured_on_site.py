"""Hazards that a database's own objects and statistics make, beyond what its revisions made."""

from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.migration import estimate
from tests.support import checkouts
from tests.support.program import Outcome

PEOPLE = """
    WITH i AS (
        INSERT INTO institutions (name, domain, education_level)
        VALUES ('North', 'north.example', 'higher_ed') RETURNING id
    )
    INSERT INTO users (institution_id, email, username, role)
    SELECT
        i.id, n || '@north.example', 'u' || n,
        (CASE WHEN n <= {few} THEN 'ta' ELSE 'student' END)::user_role
    FROM i, generate_series(1, {rows}) AS n;
    ANALYZE users;
"""


def planned(program: checkouts.Checkout, url: str) -> tuple[set[str], Outcome]:
    """Return the kinds of hazards of the one pending revision, and the outcome."""
    outcome = program("plan", "--url", url, "--shadow-url", url, "--json")
    assert outcome.code == 0, outcome
    return {hazard["kind"] for hazard in outcome.json["steps"][0]["hazards"]}, outcome


def fill(url: str, rows: int, few: int = 5) -> None:
    with psycopg.connect(url) as conn:
        conn.execute(PEOPLE.format(rows=rows, few=few).encode())


@pytest.mark.parametrize(
    ("role", "kinds"), [("student", {"table-rewrite"}), ("ta", set())], ids=["most", "few"]
)
def test_an_update_by_way_of_an_index_counts_by_the_statistics(
    upgraded_url: str, tmp_path: Path, role: str, kinds: set[str]
) -> None:
    fill(upgraded_url, 20_000)
    statement = "UPDATE users SET username = upper(username) WHERE role = '{}'"
    program = checkouts.make(tmp_path, f'    op.execute("{statement.format(role)}")')
    found, _ = planned(program, upgraded_url)
    assert found == kinds


def test_an_update_that_can_t_be_explained_counts_as_a_large_one(
    upgraded_url: str, tmp_path: Path
) -> None:
    fill(upgraded_url, 20_000)
    statement = "DO $$ BEGIN UPDATE users SET username = username WHERE role = 'ta'; END $$"
    program = checkouts.make(tmp_path, f'    op.execute("{statement}")')
    assert planned(program, upgraded_url)[0] == {"table-rewrite"}


def test_what_is_estimated_is_never_run(upgraded_url: str) -> None:
    fill(upgraded_url, 10)
    with closing(connect(Target(upgraded_url, "the test")).conn) as conn:
        database = connect(Target(upgraded_url, "the test"))
        assert estimate.rows(database, "UPDATE users SET username = 'x'") == 10
        for several in (
            "UPDATE users SET username = 'x'; COMMIT; DROP TABLE users CASCADE",
            "UPDATE users SET username = 'x'; DROP TABLE users CASCADE",
        ):
            assert estimate.rows(database, several) is None
        assert conn.execute("SELECT count(*) FROM users WHERE username <> 'x'").fetchone() == (10,)
        database.conn.close()


def test_an_index_that_a_site_added_is_seen_to_be_rebuilt(
    upgraded_url: str, tmp_path: Path
) -> None:
    fill(upgraded_url, 10)
    with psycopg.connect(upgraded_url) as conn:
        conn.execute("INSERT INTO learning_sessions (user_id) SELECT id FROM users")
    statement = "ALTER TABLE learning_sessions ALTER COLUMN device_type TYPE text"
    program = checkouts.make(tmp_path, f'    op.execute("{statement}")')
    assert planned(program, upgraded_url)[0] == set()
    with psycopg.connect(upgraded_url) as conn:
        conn.execute(
            "ALTER TABLE learning_sessions ADD COLUMN of_site text;"
            "CREATE INDEX of_site ON learning_sessions (lower(device_type), of_site)"
        )
    assert "blocking-lock" in planned(program, upgraded_url)[0]


def test_what_the_copy_can_t_have_is_said_where_its_table_is_locked(
    upgraded_url: str, tmp_path: Path
) -> None:
    fill(upgraded_url, 10)
    with psycopg.connect(upgraded_url) as conn:
        conn.execute(
            "CREATE FUNCTION of_site(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1';"
            "CREATE INDEX of_site ON users (of_site(username))"
        )
    locking = checkouts.make(
        tmp_path, '    op.execute("ALTER TABLE users ADD COLUMN x int")', name="9001_locking"
    )
    found, outcome = planned(locking, upgraded_url)
    assert found == {"unmeasured"}
    assert "of_site(username" in outcome.err
    assert "--shadow-url" in outcome.err
    assert locking("upgrade", "--url", upgraded_url, "--shadow-url", upgraded_url).code == 6


def test_what_is_measured_is_told(upgraded_url: str, tmp_path: Path) -> None:
    fill(upgraded_url, 10)
    program = checkouts.make(tmp_path, "    op.execute(\"COMMENT ON TABLE users IS 'people'\")")
    _, outcome = planned(program, upgraded_url)
    assert "measuring locks: 9001_test (1 of 1)" in outcome.err
