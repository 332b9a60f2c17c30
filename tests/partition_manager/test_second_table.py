"""The second table, ``grade_changes``: every command knows it, once the database has it."""

import psycopg
import pytest
from psycopg import errors

from tests.support.program import Outcome, Program

STRAY = """
    INSERT INTO grade_changes (kind, course_id, enrollment_id, changed_at)
    SELECT 'created', gen_random_uuid(), gen_random_uuid(), now() + interval '{}'
    FROM generate_series(1, 20)
"""


def test_a_database_of_an_earlier_revision_is_served_without_it(
    lmsschema: Program, database_url: str
) -> None:
    assert lmsschema("upgrade", "0005", "--url", database_url).code == 0
    for command in ("ensure", "list", "check", "heal"):
        done = lmsschema("partitions", command, "--json", "--url", database_url)
        assert done.code == 0, done.err
        assert "grade_changes" not in done.out


def test_its_rows_are_made_room_for_moved_and_never_changed(
    lmsschema: Program, upgraded_url: str
) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute(STRAY.format("5 months").encode())
        stray = "SELECT count(*) FROM grade_changes_default"
        assert conn.execute(stray).fetchone() == (20,)
        checked = lmsschema("partitions", "check", "--json", "--url", upgraded_url)
        assert [table["table"] for table in checked.json["tables"]] == [
            "learning_events",
            "grade_changes",
        ]
        healed = lmsschema("partitions", "heal", "--ahead", "6", "--url", upgraded_url)
        assert healed.code == 0, healed.err
        assert conn.execute(stray).fetchone() == (0,)
        assert conn.execute("SELECT count(*) FROM grade_changes").fetchone() == (20,)
        with pytest.raises(errors.RestrictViolation):
            conn.execute("UPDATE grade_changes SET reason = 'x'")
        with pytest.raises(errors.RestrictViolation):
            conn.execute("DELETE FROM grade_changes")
    assert lmsschema("partitions", "ensure", "--ahead", "6", "--url", upgraded_url).code == 0
    assert lmsschema("partitions", "check", "--url", upgraded_url).code == 0
    assert lmsschema("check", "--url", upgraded_url).code == 0


def test_what_deletes_rows_that_are_far_off_or_expired_runs_as_printed(
    lmsschema: Program, upgraded_url: str
) -> None:
    def run(*command: str) -> Outcome:
        return lmsschema("partitions", *command, "--url", upgraded_url)

    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute(STRAY.format("900 years").encode())
        [_, checked] = run("check", "--json").json["tables"]
        [finding] = checked["findings"]
        conn.execute(STRAY.format("-3 years").encode())
        conn.execute(finding["remedy"].encode())
        assert conn.execute("SELECT count(*) FROM grade_changes").fetchone() == (20,)
        pruned = run("prune", "--table", "grade_changes", "--keep", "24m")
        assert pruned.code == 3
        [hint] = [line for line in pruned.err.splitlines() if line.startswith("hint: ")]
        conn.execute(hint.removeprefix("hint: ").encode())
        assert run("prune", "--table", "grade_changes", "--keep", "24m").code == 0
        assert run("check").code == 0
        conn.execute(STRAY.format("1 day").encode())
        with pytest.raises(errors.RestrictViolation):
            conn.execute("DELETE FROM grade_changes")
        conn.execute(STRAY.format("900 years").encode())
        with pytest.raises(errors.RestrictViolation):
            conn.execute("DELETE FROM grade_changes_default")
    assert lmsschema("check", "--url", upgraded_url).code == 0
