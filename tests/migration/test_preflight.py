"""What an upgrade will be refused for is found before anything runs, by plan and by upgrade."""

from pathlib import Path

import psycopg
import pytest

from tests.support import checkouts
from tests.support.program import Program

INSTITUTION = (
    "INSERT INTO institutions (name, domain, education_level) VALUES ('A', 'a.example', 'k12')"
)
COURSE = (
    "INSERT INTO courses (institution_id, title, description, subject_area, difficulty_level,"
    " credit_hours) SELECT id, 'Algebra', 'Numbers', 'maths', 'beginner', -1 FROM institutions"
)
OWN_FUNCTION = (
    "CREATE FUNCTION set_updated_at() RETURNS trigger LANGUAGE plpgsql"
    " AS 'BEGIN new.updated_at = now(); RETURN new; END'"
)

CHECK = "courses_credit_hours_not_negative_check"

#: The revision that the database is at, what is there besides, and what is said.
CASES = {
    "rows": (
        "0003",
        f"{INSTITUTION}; {COURSE}",
        f"{CHECK}: 1 row of courses",
    ),
    "a table that is gone": ("0003", "DROP TABLE learner_analytics", "there is no table"),
    "a function": ("0002", OWN_FUNCTION, "function set_updated_at is there already"),
    "a table": ("0002", "CREATE TABLE learner_analytics (id int)", "table learner_analytics"),
    "a type": ("0002", "CREATE TYPE event_category AS (a int)", "type event_category"),
    "a constraint": (
        "0003",
        f"ALTER TABLE courses ADD CONSTRAINT {CHECK} CHECK (credit_hours > 5)",
        "wanted: CHECK (credit_hours >= 0)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_plan_and_upgrade_say_the_same_and_change_nothing(
    lmsschema: Program, database_url: str, case: str
) -> None:
    before, statements, message = CASES[case]
    assert lmsschema("upgrade", before, "--url", database_url).code == 0
    with psycopg.connect(database_url) as conn:
        conn.execute(statements.encode())
    where = ("--url", database_url, "--shadow-url", database_url, "--json")
    planned = lmsschema("plan", *where)
    assert planned.code == 3, planned
    assert message in planned.json["refused"]["message"]
    assert f"upgrade will refuse: {planned.json['refused']['message']}" in planned.err
    refused = lmsschema("upgrade", *where)
    assert refused.code == 6, refused
    assert refused.json["error"]["message"] == planned.json["refused"]["message"]
    stands = lmsschema("current", "--url", database_url, "--json").json
    assert str(stands["revision"]).startswith(before)


def test_own_function_on_a_database_without_revisions(
    lmsschema: Program, database_url: str
) -> None:
    with psycopg.connect(database_url) as conn:
        conn.execute(OWN_FUNCTION)
    refused = lmsschema("upgrade", "--url", database_url)
    assert refused.code == 6
    assert "function set_updated_at is there already" in refused.err
    assert lmsschema("current", "--url", database_url, "--json").json["revision"] is None


COLUMN_AND_RULE = (
    """AddColumn("users", "phone", "TEXT")""",
    """Checks("users", {"users_phone_check": "phone <> ''"})""",
    """NotNull("users", ("phone",))""",
)


@pytest.mark.parametrize("rows", [False, True])
def test_a_new_column_and_its_rule_in_one_revision(
    upgraded_url: str, tmp_path: Path, *, rows: bool
) -> None:
    if rows:
        with psycopg.connect(upgraded_url) as conn:
            conn.execute(INSTITUTION)
            conn.execute(
                "INSERT INTO users (institution_id, email, username, role)"
                " SELECT id, 'ann@a.example', 'ann', 'student' FROM institutions"
            )
    program = checkouts.of_steps(tmp_path, *COLUMN_AND_RULE)
    where = ("--url", upgraded_url, "--shadow-url", upgraded_url)
    done = program("upgrade", *where)
    if not rows:
        assert done.code == 0, done
        return
    assert done.code == 6, done
    assert "users.phone NOT NULL: 1 row of users" in done.err
    with psycopg.connect(upgraded_url) as conn:
        left = conn.execute("SELECT FROM pg_constraint WHERE conname = 'users_not_null_check'")
        assert left.fetchone() is None
        conn.execute("UPDATE users SET phone = '1'")
    assert program("upgrade", *where).code == 0
