"""What check, adopt and doctor print for the same difference, where all of them see it."""

import psycopg
import pytest

from lmsschema.doctor import examine
from tests.drift.test_check_mutations import undo
from tests.support import same_statements
from tests.support.checking import checked, opened

#: Changes that doctor sees as well, each with how many of its findings are also differences.
SEEN = {
    "CREATE INDEX mine ON users (institution_id)": 2,
    "CREATE INDEX mine ON learning_events (session_id)": 2,
    "CREATE INDEX mine ON learning_events (event_action, session_id)": 1,
    "DROP INDEX idx_users_institution": 1,
    "DROP INDEX idx_learning_events_lesson": 1,
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_users_role'::regclass": 1,
    """
    ALTER TABLE courses DROP CONSTRAINT courses_instructor_id_fkey;
    ALTER TABLE courses ADD CONSTRAINT courses_instructor_id_fkey
    FOREIGN KEY (instructor_id) REFERENCES users (id) ON DELETE SET NULL NOT VALID
    """: 1,
    """
    DROP INDEX idx_learning_events_session;
    CREATE INDEX idx_learning_events_session ON ONLY learning_events (session_id)
    """: 1,
}


@pytest.mark.parametrize(
    ("change", "seen"), SEEN.items(), ids=[change[:60].strip() for change in SEEN]
)
def test_they_are_the_same_and_end_it(upgraded_url: str, change: str, seen: int) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute(change.encode())
    report = checked(upgraded_url)
    assert same_statements.require(upgraded_url, report) == seen
    undo(upgraded_url, report)
    assert checked(upgraded_url).drift == ()


def test_a_declared_index_under_another_name_is_never_to_be_dropped(upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute("ALTER INDEX idx_users_role RENAME TO mine")
        conn.execute("ALTER INDEX idx_lessons_course RENAME TO redundant")
    report = checked(upgraded_url)
    same_statements.require(upgraded_url, report)
    with opened(upgraded_url) as database:
        findings = examine.examine(database, same_statements.ALL).findings
    named = {one.topic: one for one in findings if one.name in {"mine", "redundant"}}
    assert set(named) == {"redundant-index", "unused-index"}
    assert [one.remedy for one in named.values()] == [(), ()]
    undo(upgraded_url, report)
    assert checked(upgraded_url).drift == ()
