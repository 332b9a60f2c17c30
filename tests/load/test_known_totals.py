"""22,000 real statements: their known totals come back, and a replay changes nothing."""

import gzip
from pathlib import Path

import psycopg

from tests.load.conftest import Load
from tests.support import loading
from tests.support.real_data.load import folder


def test_real_statements_come_back_and_a_replay_changes_nothing(
    conn: psycopg.Connection, load: Load, tmp_path: Path
) -> None:
    file = folder() / "xapi" / "video_statements.jsonl.gz"
    done = load("xapi", file, "--missing", "create")
    assert done.code == 0, done.err
    assert done.json["now"]["events"] == 22_000
    assert done.json["now"]["unknown_verbs"] == {}
    found = conn.execute(
        "SELECT count(*), count(DISTINCT user_id), count(DISTINCT course_id),"
        " count(DISTINCT section_id), count(DISTINCT session_id) FROM learning_events"
    ).fetchone()
    assert found == (22_000, 1_452, 2, 10, 3_656)
    conn.execute("SELECT rollup_events('-infinity', 'infinity')")
    sessions = "SELECT count(*), sum(interactions_count) FROM learning_sessions"
    days = "SELECT sum(events), sum(interactions) FROM learner_course_daily"
    assert conn.execute(sessions).fetchone() == (3_656, 6_237)
    assert conn.execute(days).fetchone() == (22_000, 21_364)
    before = loading.left(conn)
    assert before["misplaced"] is before["rejects"] is None
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(b"\n" + gzip.decompress(file.read_bytes()))  # not the same file
    again = load("xapi", copy, "--missing", "create")
    assert again.code == 0
    assert again.json["now"]["duplicates"] == 22_000
    assert loading.left(conn) == before
