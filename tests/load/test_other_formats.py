"""Caliper and tracking logs of Open edX: from the command line to the rows, and what is broken."""

import gzip
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lmsschema.load.record import KEPT
from tests.docs.test_reference import compare, shape
from tests.load.conftest import Load
from tests.support import loading
from tests.support.acts import COURSE, acts, written

LINES = {
    name: [written(act, number)[name] for number, act in enumerate(acts())]
    for name in ("xapi", "caliper", "edx")
}


def changed(form: str, /, **values: Any) -> bytes:  # noqa: ANN401  JSON
    """Return the line of an act with other values; None: without."""
    line = json.loads(LINES[form][10]) | values
    return json.dumps({key: value for key, value in line.items() if value is not None}).encode()


def broken(name: str) -> dict[str, list[bytes]]:
    """Return lines that are rejected, by reason."""
    time = "eventTime" if name == "caliper" else "time"
    wrong = {
        "not_json": [b'{"cut', b"{]"],
        "not_utf8": [changed(name, x="?").replace(b"?", b"\xff")],
        "lone_surrogate": [changed(name, x="?").replace(b"?", b"\\ud800")],
        "not_an_event": [b"[1]", b'{"type": 7}'],
        "too_long": [changed(name, x="z" * 9_000_000)],
        "timestamp_missing": [changed(name, **{time: None})],
        "timestamp_unreadable": [changed(name, **{time: "yesterday"})],
        "timestamp_without_offset": [changed(name, **{time: "2026-09-01T08:00:00"})],
        "timestamp_out_of_range": [
            changed(name, **{time: "1970-01-01T00:00:00Z"}),
            changed(name, **{time: "2121-01-01T00:00:00Z"}),
        ],
    }
    if name == "caliper":
        wrong["id_not_a_uuid"] = [changed(name, id="7")]
        wrong["actor_without_identifier"] = [changed(name, actor=None)]
    return wrong


@pytest.mark.parametrize("name", ["caliper", "edx"])
def test_each_broken_line_is_kept_and_a_replay_changes_nothing(
    conn: psycopg.Connection, load: Load, tmp_path: Path, name: str
) -> None:
    wrong = broken(name)
    nul = changed(name, id=None, **{"object" if name == "caliper" else "event": {"id": "a\0b"}})
    lines = [*LINES[name], nul, *(line for each in wrong.values() for line in each), b""]
    file = loading.write(tmp_path / "lines.jsonl", *lines)
    done = load(name, file, "--missing", "create", "--until", "2026-12-31")
    assert done.code == 3, done.err
    compare(done.json, shape(f"`load {name}`"))
    [source] = done.json["sources"]
    assert source["reasons"] == {reason: len(each) for reason, each in wrong.items()}
    assert (source["events"], source["changes"]) == (80, {"nul": 1})
    kept = conn.execute("SELECT line, raw, reason FROM rejected_records").fetchall()
    for number, raw, reason in kept:
        assert raw == lines[number - 1][: KEPT if reason == "too_long" else None]
    assert conn.execute("SELECT count(*) FROM users").fetchone() == (1,)
    keys = conn.execute("SELECT key FROM external_ids WHERE kind = 'course'").fetchall()
    assert keys == [(COURSE,)]
    before = loading.left(conn)
    other = loading.write(tmp_path / "other.jsonl", b"", *lines)
    again = load(name, other, "--missing", "create", "--until", "2026-12-31")
    assert (again.code, again.json["now"]["duplicates"]) == (3, 80)
    assert loading.left(conn) == before
    zone = ("--missing", "create", "--time-zone", "UTC", "--until", "2026-12-31")
    assert load("retry", *zone).json["now"]["events"] == (0 if name == "caliper" else 1)
    rows = conn.execute("SELECT e::text FROM learning_events AS e").fetchall()
    assert "192.0.2.7" not in str(rows)
    assert conn.execute("SELECT count(*) FROM learning_events_default").fetchone() == (0,)


def test_the_events_of_an_envelope_are_rejected_one_by_one(
    conn: psycopg.Connection, load: Load, tmp_path: Path
) -> None:
    describes = b'{"id": "https://lms.north.example/users/7", "type": "Person"}'
    events = [LINES["caliper"][0], changed("caliper", id="7"), describes, LINES["caliper"][1]]
    begin = b'{"sensor": "s", "sendTime": "2026-10-01T00:00:00Z", "dataVersion": "v", "data": ['
    envelope = begin + b",".join(events) + b"]}"
    cut = gzip.compress(envelope + b"\n" + b" " * 100_000)[:-50]
    (tmp_path / "cut.gz").write_bytes(cut)
    done = load("caliper", tmp_path / "cut.gz", "--missing", "create", "--until", "2026-12-31")
    assert done.code == 3
    [source] = done.json["sources"]
    assert (source["events"], source["reasons"]) == (2, {"id_not_a_uuid": 1})
    assert source["incomplete"]
    [(raw,)] = conn.execute("SELECT raw FROM rejected_records").fetchall()
    part = json.loads(raw)
    assert part == {"sendTime": "2026-10-01T00:00:00Z", "data": [json.loads(events[1])]}


def test_old_logs_of_edx_are_read(conn: psycopg.Connection, load: Load, tmp_path: Path) -> None:
    cut = changed("edx", event='{"problem": "block-v1', name=None, event_type="problem_check")
    anonymous = changed("edx", context={"user_id": "", "course_id": ""}, event="input_2=3&x=")
    prefixed = b"Sep  1 08:00:00 host [tracking] " + LINES["edx"][3]
    path = changed("edx", event_type="/courses/x/about", name=None, session=None)
    file = loading.write(tmp_path / "tracking.log", cut, anonymous, prefixed, path, LINES["edx"][3])
    done = load("edx", file, "--missing", "create", "--until", "2026-12-31")
    assert done.code == 0, done.err
    assert (done.json["now"]["events"], done.json["now"]["duplicates"]) == (4, 1)
    rows = conn.execute(
        "SELECT event_type, user_id IS NULL, course_id IS NULL, event_data ->> 'text',"
        " learning_context ? 'session_derived' FROM learning_events ORDER BY 1, 2"
    ).fetchall()
    assert rows == [
        ("first_time", False, False, None, False),
        ("problem_check", False, False, '{"problem": "block-v1', False),
        ("url_visited", False, False, None, True),
        ("url_visited", True, True, "input_2=3&x=", False),
    ]
