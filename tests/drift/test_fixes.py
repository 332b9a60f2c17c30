"""Fixes that depend on more than the object that differs."""

import psycopg
import pytest

from lmsschema.drift import fixes
from tests.drift.test_check_mutations import undo
from tests.support.checking import checked, execute

KEY = "ALTER TABLE users ADD CONSTRAINT k UNIQUE {}; CREATE TABLE badges (a {}, b text, {})"


@pytest.mark.parametrize(
    ("columns", "kind", "reference", "undone"),
    [
        (
            "(last_active_at)",
            "timestamptz",
            "FOREIGN KEY (a) REFERENCES users (last_active_at)",
            False,
        ),
        ("(last_active_at)", "uuid", "FOREIGN KEY (a) REFERENCES users", True),
        ("(id, username)", "uuid", "FOREIGN KEY (b, a) REFERENCES users (username, id)", False),
        ("(id)", "uuid", "FOREIGN KEY (a) REFERENCES users (id)", True),
    ],
)
def test_a_key_that_a_foreign_key_needs_is_not_dropped(
    upgraded_url: str, columns: str, kind: str, reference: str, *, undone: bool
) -> None:
    execute(upgraded_url, KEY.format(columns, kind, reference))
    report = checked(upgraded_url)
    [fix] = fixes.plan(report.drift, report.expected, report.found, "public")
    assert bool(fix.statements) == undone
    assert bool(fix.reason) != undone
    undo(upgraded_url, report)


def test_the_parts_of_an_index_that_is_built_beside_another_have_names_of_their_own(
    upgraded_url: str,
) -> None:
    """PostgreSQL's own names for them are those of the parts of the other one."""
    execute(
        upgraded_url,
        "DROP INDEX idx_learning_events_user_time;"
        "CREATE INDEX idx_learning_events_user_time ON learning_events (user_id, event_timestamp);"
        "DROP INDEX idx_learning_events_course_time;"
        "CREATE INDEX of_the_site ON learning_events (course_id, event_timestamp)",
    )
    report = checked(upgraded_url)
    assert len(report.drift) == 3
    undo(upgraded_url, report)
    assert checked(upgraded_url).drift == ()


def test_views_come_back(upgraded_url: str) -> None:
    """One that is missing, with another that reads it; of another definition; of other rights."""
    execute(
        upgraded_url,
        "DROP VIEW report_missing_work, report_gradebook;"
        "ALTER VIEW report_grading_queue RESET (security_invoker);"
        "CREATE OR REPLACE VIEW report_at_risk_learners WITH (security_invoker = true) AS"
        " SELECT c.institution_id, c.id AS course_id, c.title, e.id AS enrollment_id, e.user_id,"
        " '{}'::jsonb AS signals FROM courses AS c"
        " INNER JOIN enrollments AS e ON c.id = e.course_id",
    )
    report = checked(upgraded_url)
    assert len(report.drift) == 4
    undo(upgraded_url, report)
    assert checked(upgraded_url).drift == ()


def test_names_come_first_and_foreign_keys_last(upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute(
            "ALTER TABLE courses DROP CONSTRAINT courses_instructor_id_fkey;"
            "ALTER TABLE users ALTER role DROP DEFAULT; ALTER TYPE user_role RENAME TO roles"
        )
    report = checked(upgraded_url)
    plan = fixes.plan(report.drift, report.expected, report.found, "public")
    kinds = [one.identity.kind for one, fix in fixes.in_order(report.drift, plan) if fix.statements]
    assert (kinds[0], kinds[-1]) == ("enum", "foreign key")
    undo(upgraded_url, report)
    assert checked(upgraded_url).drift == ()
