"""OULAD: the known totals of the real data, clicks, and lines that are broken."""

from pathlib import Path

import psycopg

from tests.docs.test_reference import compare, shape
from tests.load.conftest import Load
from tests.support import loading
from tests.support.real_data.load import folder

COURSES = b"""code_module,code_presentation,module_presentation_length
AAA,2013J,268
BBB,1970J,240
CCC,2121B,240
DDD,2014X,240
"""
STUDENTS = b"""code_module,code_presentation,id_student,gender,region,disability,final_result
AAA,2013J,1,M,"Ireland, North",N,Pass
AAA,2013J,2,F,Wales,Y,Withdrawn
AAA,2013J,3,F,Wales,Y,Enrolled
AAA,2013J,4,F,\xff,N,Pass
AAA,2013J,5,F,a\0b,N,Pass
AAA,2013J,6,F
AAA,2013J,7,F,"Wales,N,Fail
AAA,2013J,8,F,"East
Anglia",N,Fail
"""
REGISTRATIONS = b"""code_module,code_presentation,id_student,date_registration,date_unregistration
AAA,2013J,1,-159,
AAA,2013J,2,-53,12
AAA,2013J,8,soon,
AAA,2013J,9,-53,
"""
VLE = b"""id_site,code_module,code_presentation,activity_type
11,AAA,2013J,forumng
12,AAA,2013J,resource
"""
CLICKS = b"""code_module,code_presentation,id_student,id_site,date,sum_click
AAA,2013J,1,11,-10,4
AAA,2013J,1,11,-10,2
AAA,2013J,1,12,3,1
AAA,2013J,1,12,3,1
AAA,2013J,2,13,31,7
AAA,2013J,1,12,99999,1
AAA,2013J,1,12,3,many
"""


def test_the_known_totals_come_back_and_a_replay_changes_nothing(
    conn: psycopg.Connection, load: Load
) -> None:
    done = load("oulad", folder() / "oulad")
    assert done.code == 0, done.err
    assert done.json["rows"] == {
        "users": {"inserted": 28_785, "updated": 0},
        "courses": {"inserted": 22, "updated": 0},
        "enrollments": {"inserted": 32_593, "updated": 0},
    }
    results = conn.execute(
        "SELECT enrollment_status::text, grade_letter, count(*) FROM enrollments GROUP BY 1, 2"
    ).fetchall()
    assert sorted(results) == [
        ("completed", "D", 3_024),
        ("completed", "F", 7_052),
        ("completed", "P", 12_361),
        ("withdrawn", "W", 10_156),
    ]
    before = loading.everything(conn)
    again = load("oulad", folder() / "oulad")
    assert again.code == 0, again.err
    assert {sum(numbers.values()) for numbers in again.json["rows"].values()} == {0}
    assert loading.everything(conn) == before


def test_clicks_become_events_and_broken_lines_are_kept(
    conn: psycopg.Connection, load: Load, tmp_path: Path
) -> None:
    data = tmp_path / "oulad"
    data.mkdir()
    files = {"courses": COURSES, "studentInfo": STUDENTS, "studentRegistration": REGISTRATIONS}
    for name, content in (files | {"vle": VLE, "studentVle": CLICKS}).items():
        (data / f"{name}.csv").write_bytes(content)
    dry = load("oulad", data, "--dry-run")
    assert dry.code == 3
    assert conn.execute("SELECT count(*) FROM load_sources").fetchone() == (0,)
    done = load("oulad", data)
    assert done.code == 3
    compare(done.json, shape("`load oulad`"))
    assert done.json["left"] == {
        "not_a_number": 2,
        "not_csv": 1,
        "not_utf8": 1,
        "nul": 1,
        "timestamp_out_of_range": 3,
        "timestamp_unreadable": 1,
        "unknown_result": 1,
        "unresolved_user": 1,
        "wrong_number_of_fields": 1,
    }
    assert {one["name"]: one["rejected"] for one in dry.json["sources"]} == {
        one["name"]: one["rejected"] for one in done.json["sources"]
    }
    kept = conn.execute(
        "SELECT line, position, raw FROM rejected_records WHERE reason = 'not_utf8'"
    ).fetchall()
    bad = b"AAA,2013J,4,F,\xff,N,Pass"
    assert kept == [(5, STUDENTS.index(bad), bad)]
    assert conn.execute(
        "SELECT u.profile ->> 'region' FROM users AS u ORDER BY split_part(email, '@', 1)"
    ).fetchall() == [("Ireland, North",), ("Wales",), ("East\nAnglia",)]
    events = conn.execute(
        "SELECT event_category::text, event_action, s.title, (event_data ->> 'clicks')::int,"
        " event_timestamp::date::text FROM learning_events AS e"
        " JOIN sections AS s ON s.id = e.section_id ORDER BY event_timestamp, 4"
    ).fetchall()
    assert events == [
        ("social", "forumng", "forumng 11", 2, "2013-09-21"),
        ("social", "forumng", "forumng 11", 4, "2013-09-21"),
        ("interaction", "resource", "resource 12", 1, "2013-10-04"),
        ("interaction", "unknown", "unknown 13", 7, "2013-11-01"),
    ]
    before = loading.everything(conn)
    assert load("oulad", data).code == 3
    assert loading.everything(conn) == before
    (data / "studentInfo.csv").write_bytes(STUDENTS.replace(b"Enrolled", b"Fail"))
    mended = load("oulad", data)
    assert mended.json["rows"]["users"] == {"inserted": 1, "updated": 0}
    assert load("oulad", data / "vle.csv").code == 2
