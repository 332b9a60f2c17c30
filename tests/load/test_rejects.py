"""A file of all that can be wrong: what can be loaded is, and the rest is kept as it was."""

import gzip
import hashlib
import json
from pathlib import Path

import psycopg
import pytest

from tests.load.conftest import Load
from tests.support import loading
from tests.support.loading import line, statement

LONG = line(statement(90, result={"response": "z" * 9_000_000}))
#: Too deep for the stack of PostgreSQL, not for that of the decoder, which leaves it as it is.
NUMBER = json.dumps(statement(91)).replace("0.5}", "1e999999}").encode()
CHARACTERS = line(statement(92, result={"response": "\\"})).replace(b"\\\\", b"\\\\u0000")

#: What is rejected, by reason; each line is one of the file.
REJECTED: dict[str, list[bytes]] = {
    "not_json": [b'{"cut', b"nonsense", line(statement(60)) + b"]"],
    "not_utf8": [b"\xff\xfe{}"],
    "not_a_statement": [
        b"null",
        b"[1, 2]",
        b'{"id":"x"}',
        line(statement(61, actor=7)),
        line(statement(62, result=[])),
        line(statement(63, context={"extensions": 1})),
    ],
    "too_long": [LONG],
    "id_not_a_uuid": [line(statement(64, id="64"))],
    "timestamp_missing": [line(statement(65, timestamp=None))],
    "timestamp_unreadable": [line(statement(66, timestamp="yesterday"))],
    "timestamp_without_offset": [line(statement(67, timestamp="2024-03-01T10:00:00"))],
    "timestamp_out_of_range": [
        line(statement(68, timestamp="1970-01-01T00:00:00Z")),
        line(statement(69, timestamp="2121-01-01T00:00:00Z")),
        line(statement(70, timestamp="0001-01-01T00:00:00+23:59")),
    ],
    "actor_without_identifier": [line(statement(71, actor={"name": "Somebody"}))],
    "voids_no_statement": [line(loading.voiding(72, 1) | {"object": {"id": "https://x.example"}})],
    "lone_surrogate": [line(statement(73, result={"response": "?"})).replace(b"?", b"\\ud800")],
    "refused_by_database": [NUMBER],
}

#: What is loaded although it is odd.
LOADED: list[loading.Statement | bytes] = [
    statement(1),
    line(statement(2)) + b"\r",
    statement(3, verb={"id": "https://uni.example/verbs/" + "v" * 200}),
    statement(4, timestamp="2024-03-05T10:00:00.1234567-04:00"),
    statement(5, actor={"mbox": "mailto:Ann@Example.org"}),
    statement(
        6,
        actor={"mbox_sha1sum": hashlib.sha1(b"mailto:ann@example.org").hexdigest()},  # noqa: S324
    ),
    statement(7, actor={"objectType": "Group", "member": [{"mbox": "mailto:a@example.org"}]}),
    statement(8, id=None),
    dict(reversed(statement(8, id=None).items())),  # the same, written in another way
    statement(9, context=None),
    statement(10, object={"objectType": "Agent", "mbox": "mailto:ann@example.org"}),
    statement(11, result=None, context={"registration": "not-a-uuid", "platform": "App"}),
    statement(12, timestamp=None, stored="2024-03-07T00:00:00Z"),
    statement(13, result={"response": "\U0001f600 \t tab\nnew line"}),
    CHARACTERS,
]

#: What is loaded, but not as it was.
NUL = line(statement(20, result={"response": "a\0b"}))


def content() -> list[bytes]:
    lines = [line(one) for one in LOADED] + [NUL, b"", b"  "]
    for wrong in REJECTED.values():
        lines += wrong
    return [*lines, line(statement(30))]


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    return loading.write(tmp_path / "messy.jsonl", *content())


def test_each_rejected_line_is_kept_with_its_reason_and_place(
    conn: psycopg.Connection, load: Load, messy: Path
) -> None:
    done = load("xapi", messy, "--missing", "create")
    assert done.code == 3, done.err
    [source] = done.json["sources"]
    expected = {reason: len(lines) for reason, lines in REJECTED.items()}
    assert source["reasons"] == done.json["left"] == expected
    assert source["changes"] == {"nul": 1}
    assert (source["events"], source["duplicates"]) == (len(LOADED) + 1, 1)
    assert source["unknown_verbs"] == {"https://uni.example/verbs/" + "v" * 200: 1}
    for reason, number in expected.items():
        assert f"{reason} {number}" in done.err
    lines = content()
    kept = conn.execute(
        "SELECT reason, line, position, raw, length, state FROM rejected_records ORDER BY line"
    ).fetchall()
    assert len(kept) == sum(expected.values()) + 1
    for reason, number, position, raw, length, state in kept:
        whole = lines[number - 1]
        assert position == sum(len(one) + 1 for one in lines[: number - 1])
        assert length == len(whole)
        assert raw == (whole[: 64 * 1024] if reason == "too_long" else whole)
        assert state == ("changed" if reason == "nul" else "rejected")
        assert reason == "nul" or whole in REJECTED[reason]


def test_what_is_odd_is_loaded_as_documented(
    conn: psycopg.Connection, load: Load, messy: Path
) -> None:
    load("xapi", messy, "--missing", "create")
    rows = {
        row[0]: row[1:]
        for row in conn.execute(
            "SELECT e.id, event_type, event_action, learning_context, event_data, user_id,"
            " section_id IS NOT NULL, event_timestamp::text, session_id FROM learning_events AS e"
        )
    }
    verb = rows[loading.uuid(3)]
    assert (verb[0], len(verb[1]), len(verb[2]["verb"])) == ("v" * 50, 100, 226)
    assert rows[loading.uuid(4)][6] == "2024-03-05 14:00:00.123456+00"
    assert rows[loading.uuid(5)][4] == rows[loading.uuid(6)][4] is not None
    group = rows[loading.uuid(7)]
    assert (group[4], group[2]["actor"]["objectType"]) == (None, "Group")
    assert rows[loading.uuid(9)][2]["session_derived"] is True
    assert rows[loading.uuid(10)][3]["object"]["mbox"] == "mailto:ann@example.org"
    assert rows[loading.uuid(11)][2] | {"object": 0} == {
        "object": 0,
        "registration": "not-a-uuid",
        "platform": "App",
    }
    assert rows[loading.uuid(12)][6] == "2024-03-07 00:00:00+00"
    assert rows[loading.uuid(13)][3]["response"] == "\U0001f600 \t tab\nnew line"
    assert rows[loading.uuid(92)][3]["response"] == "\\u0000"
    assert rows[loading.uuid(20)][3]["response"] == "a\ufffdb"
    one = rows[loading.uuid(1)]
    assert (one[0], one[5]) == ("experienced", True)
    assert one[3] == {
        "duration": "PT1M30.5S",
        "duration_seconds": 90.5,
        "score": {"scaled": 0.5},
    }


def test_a_replay_changes_nothing(
    conn: psycopg.Connection, load: Load, messy: Path, tmp_path: Path
) -> None:
    assert load("xapi", messy, "--missing", "create").code == 3
    before = loading.left(conn)
    again = load("xapi", messy, "--missing", "create")
    assert (again.code, again.json["now"]["lines"]) == (3, 0)
    assert loading.left(conn) == before
    other = loading.write(tmp_path / "other.jsonl", b"", *content())  # not the same file
    assert load("xapi", other, "--missing", "create").code == 3
    assert loading.left(conn) == before


def test_rejects_are_counted_written_and_loaded_again(
    conn: psycopg.Connection, load: Load, messy: Path, tmp_path: Path
) -> None:
    load("xapi", messy)  # nobody is known
    unknown = load("rejects", "--reason", "unresolved_user")
    assert unknown.code == 3
    [reason] = unknown.json["reasons"]
    assert reason["number"] == 17
    assert (reason["line"], reason["position"]) == (1, 0)
    file = tmp_path / "again.jsonl"
    exported = load("rejects", "--reason", "unresolved_user", "--export", file)
    assert exported.json["exported"] == 17
    assert set(file.read_bytes().splitlines()) <= {one.rstrip(b"\r") for one in content()}
    assert load("rejects", "--export", file).code == 2  # it is there
    zone = ("--missing", "create", "--time-zone", "America/Chicago")
    retried = load("retry", *zone)
    assert retried.code == 3
    assert retried.json["now"]["events"] == len(LOADED) - 1 + 3
    assert "timestamp_without_offset" not in retried.json["left"]
    assert "unresolved_user" not in retried.json["left"]
    row = conn.execute(
        "SELECT event_timestamp::text FROM learning_events WHERE id = %s", (loading.uuid(67),)
    ).fetchone()
    assert row == ("2024-03-01 16:00:00+00",)
    states = conn.execute(
        "SELECT state, count(*) FROM rejected_records WHERE reason = 'unresolved_user'"
        " GROUP BY state"
    ).fetchall()
    assert states == [("loaded", 15)]
    before = loading.left(conn)
    assert load("retry", *zone).json["now"]["events"] == 0
    after = loading.left(conn)
    assert after | {"rejects": 0} == before | {"rejects": 0}  # they were tried once more


def test_a_source_that_is_cut_short_is_loaded_as_far_as_it_goes(
    conn: psycopg.Connection, load: Load, tmp_path: Path
) -> None:
    lines = [
        line(statement(number, result={"response": str(loading.uuid(number))}))
        for number in range(400)
    ]
    whole = gzip.compress(b"\n".join(lines) + b"\n")
    file = tmp_path / "lines.jsonl.gz"
    file.write_bytes(whole[: len(whole) // 2])
    cut = load("xapi", file, "--missing", "create", "--batch", "50")
    assert cut.code == 3
    [source] = cut.json["sources"]
    assert source["incomplete"]
    assert 50 < source["events"] < 350
    assert source["reasons"] == {}
    assert load("status").json["sources"][0]["finished_at"] is None
    file.write_bytes(whole)
    done = load("xapi", file, "--missing", "create")
    assert done.code == 0
    assert done.json["now"]["events"] == 400 - source["events"]
    assert conn.execute("SELECT count(*) FROM learning_events").fetchone() == (400,)
