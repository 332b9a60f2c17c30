"""``lmsschema plan --file``: an application's own revisions on a database with rows."""

from pathlib import Path

import psycopg

from lmsschema.migration import revisions
from tests.support.program import Program

EXAMPLE = revisions.folder().parent / "examples" / "alembic" / "migrations" / "versions"

HAZARDOUS = """
from alembic import op

def upgrade():
    op.execute("ALTER TABLE bookmarks ADD COLUMN at timestamptz DEFAULT clock_timestamp()")
    op.execute("CREATE INDEX idx_bookmarks_at ON bookmarks (at)")
"""


def test_what_it_locks_is_measured_on_a_copy(
    lmsschema: Program, upgraded_url: str, database_url: str, tmp_path: Path
) -> None:
    with psycopg.connect(upgraded_url) as conn:
        conn.execute("CREATE TABLE bookmarks (id int PRIMARY KEY, user_id uuid REFERENCES users)")
        conn.execute("INSERT INTO bookmarks VALUES (1)")
        conn.execute(
            "INSERT INTO institutions (name, domain, education_level)"
            " VALUES ('A', 'a.example', 'k12')"
        )
        conn.execute(
            "INSERT INTO users (institution_id, email, username, role)"
            " SELECT id, 'a@a.example', 'a', 'student' FROM institutions"
        )
    there = ("--url", upgraded_url, "--shadow-url", database_url)
    # steps lock for a moment, and are no hazard
    steps = lmsschema("plan", "--file", str(EXAMPLE / "bookmarks_0002.py"), *there)
    assert steps.code == 0, steps.err
    assert "bookmarks_0002 makes others wait" in steps.out
    assert "users (1 rows" in steps.out
    assert "alembic upgrade does what is left" in steps.out
    assert "hazard" not in steps.err
    # statements on a table of the application's own are measured as well
    file = tmp_path / "mine.py"
    file.write_text(HAZARDOUS)
    plan = lmsschema("plan", "--file", str(file), "--json", *there).json
    kinds = {one["kind"]: one["tables"] for one in plan["steps"][0]["hazards"]}
    assert kinds == {"table-rewrite": ["bookmarks"], "blocking-lock": ["bookmarks"]}
    assert [step["name"] for step in plan["steps"]] == ["mine"]
    # what the steps will refuse is said before
    with psycopg.connect(upgraded_url) as conn:
        conn.execute("ALTER TABLE users ADD COLUMN bookmarks_max INTEGER NOT NULL DEFAULT -1")
        conn.execute("ALTER TABLE users ALTER COLUMN bookmarks_max SET DEFAULT 100")
    refused = lmsschema("plan", "--file", str(EXAMPLE / "bookmarks_0002.py"), *there)
    assert refused.code == 3
    assert "bookmarks_max" in refused.err
    # and what fails on the copy, too
    failing = lmsschema("plan", "--file", str(EXAMPLE / "bookmarks_0001.py"), *there)
    assert failing.code == 1
    assert 'relation "bookmarks" already exists' in failing.err
