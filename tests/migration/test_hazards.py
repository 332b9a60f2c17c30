"""What is measured of a statement, and which of it counts as dangerous on a table with rows."""

from collections.abc import Callable

import psycopg
import pytest

from lmsschema.database.connection import Database
from lmsschema.migration import hazards
from lmsschema.migration.hazards import Activity, Kind
from lmsschema.migration.recorder import Recorder

Open = Callable[..., Database]

FILLED = {
    name: Activity(8192, 8192, 1, 0.0)
    for name in ("users", "courses", "enrollments", "learning_events", "learner_analytics")
}

LOSS, LOCK, REWRITE = Kind.DATA_LOSS, Kind.BLOCKING_LOCK, Kind.TABLE_REWRITE

#: Statements of a transaction → the kinds of hazards that they are. The last is the one looked at.
IN_A_TRANSACTION: dict[str, set[Kind]] = {
    "DELETE FROM users": {LOSS},
    "DELETE FROM users WHERE username = 'a'": {LOSS},
    "WITH gone AS (DELETE FROM users RETURNING id) SELECT count(*) FROM gone": {LOSS},
    "DO $$ BEGIN EXECUTE 'delete' || ' from users';END $$": {LOSS},
    "DELETE FROM learning_events_default": {LOSS},
    "MERGE INTO users USING courses ON users.id = courses.id WHEN MATCHED THEN DELETE": {LOSS},
    "TRUNCATE users CASCADE": {LOSS},
    "ALTER TABLE users DROP COLUMN profile, ADD COLUMN profile text": {LOSS},
    "ALTER TABLE users RENAME TO people; DROP TABLE people CASCADE": {LOSS},
    "DROP TYPE user_role CASCADE": {LOSS},
    "UPDATE users SET username = lower(username)": {REWRITE},
    "UPDATE users SET username = 'b' WHERE id = gen_random_uuid()": {REWRITE},
    "UPDATE users SET username = 'b' WHERE id = 'd4a0d3d2-4d9c-4d8c-9c5e-0d9c6a1e6c11'": set(),
    "ALTER TABLE users ALTER COLUMN role TYPE text": {LOCK, REWRITE},
    "ALTER TABLE users ADD COLUMN n float DEFAULT random()": {LOCK, REWRITE},
    "ALTER TABLE users ADD COLUMN n float DEFAULT 1": set(),
    "ALTER TABLE learner_analytics SET UNLOGGED": {LOCK, REWRITE},
    "CLUSTER users USING users_pkey": {LOCK, REWRITE},
    "REINDEX TABLE users": {LOCK},
    "ALTER TABLE users ALTER COLUMN last_active_at SET NOT NULL": {LOCK},
    "ALTER TABLE users ADD UNIQUE (profile)": {LOCK},
    "ALTER TABLE courses ADD FOREIGN KEY (id) REFERENCES users": {LOCK},
    "ALTER TABLE courses ADD FOREIGN KEY (id) REFERENCES users NOT VALID": set(),
    "ALTER TABLE users RENAME TO people; CREATE INDEX ON people (profile)": {LOCK},
    "LOCK TABLE users; SELECT count(*) FROM courses": {LOCK},
    "CREATE TABLE copies AS SELECT * FROM users": set(),
    "CREATE INDEX ON sections (title)": set(),  # it has no rows
    "ALTER TYPE user_role ADD VALUE 'parent'": set(),
    "INSERT INTO institutions (name, domain, education_level) VALUES ('A', 'a', 'k12')": set(),
}

#: The same for statements that are no part of a transaction.
ALONE: dict[str, set[Kind]] = {
    "DROP TABLE users CASCADE": {LOSS},
    "TRUNCATE users CASCADE": {LOSS},
    "CREATE INDEX ON users (profile)": {LOCK},
    "ALTER TABLE users ADD CONSTRAINT c CHECK (email <> '')": {LOCK},
    "VACUUM FULL users": {LOCK, REWRITE},
    "CREATE INDEX CONCURRENTLY ON users (profile)": set(),
    "DROP INDEX CONCURRENTLY idx_users_role": set(),
    "REINDEX TABLE CONCURRENTLY users": set(),
    "VACUUM users": set(),
}


@pytest.mark.parametrize("statements", IN_A_TRANSACTION)
def test_in_a_transaction(statements: str, upgraded_url: str, opened: Open) -> None:
    database = opened(upgraded_url)
    with Recorder.recording(database) as recorder, database.transaction() as conn:
        for statement in statements.split("; "):
            conn.execute(statement.encode())
        found = hazards.find(recorder.take(), FILLED)
    assert {hazard.kind for hazard in found} == IN_A_TRANSACTION[statements], found


@pytest.mark.parametrize("statement", ALONE)
def test_outside_a_transaction(statement: str, upgraded_url: str, opened: Open) -> None:
    database = opened(upgraded_url)
    with Recorder.recording(database) as recorder:
        database.conn.execute(statement.encode())
        found = hazards.find(recorder.take(), FILLED)
    assert {hazard.kind for hazard in found} == ALONE[statement], found


def test_what_fails_is_told_and_leaves_no_transaction_open(upgraded_url: str, opened: Open) -> None:
    database = opened(upgraded_url)
    with Recorder.recording(database), pytest.raises(psycopg.errors.UndefinedTable):
        database.conn.execute("DROP TABLE nobody_knows")
    assert database.conn.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
