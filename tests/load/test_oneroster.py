"""OneRoster: 1.1 and 1.2, bulk and delta; who is absent; what is taken, broken or secret."""

import csv
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from tests.docs.test_reference import compare, shape
from tests.load.conftest import Load
from tests.support import loading

HEADERS = {
    "academicSessions": "sourcedId,status,title,type,startDate,endDate",
    "courses": "sourcedId,status,title,courseCode,orgSourcedId,subjects",
    "classes": "sourcedId,status,title,courseSourcedId,classCode,schoolSourcedId,termSourcedIds",
    "users": "sourcedId,status,enabledUser,username,givenName,familyName,email,sms,phone,password",
    "roles": "sourcedId,status,userSourcedId,roleType,role",
    "enrollments": "sourcedId,status,classSourcedId,userSourcedId,role,primary,beginDate",
}
#: 1.1 has the role in users.csv.
USERS_1_1 = "sourcedId,status,enabledUser,role,username,givenName,familyName,email,phone,password"

Rows = dict[str, Sequence[Sequence[str]]]


def user(name: str, email: str | None = None, enabled: str = "true", status: str = "") -> list[str]:
    email = f"{name}@north.example" if email is None else email
    return [name, status, enabled, name, name.title(), "Doe", email, "555-1", "555-2", "hunter2"]


def student(
    name: str, course: str = "k1", status: str = "", begin: str = "2026-08-31"
) -> list[str]:
    return [f"{name}-{course}", status, course, name, "student", "false", begin]


def teacher(name: str, primary: str, status: str = "") -> list[str]:
    return [f"{name}-k1", status, "k1", name, "teacher", primary, ""]


PEOPLE = [f"s{number:02}" for number in range(20)]
BULK: Rows = {
    "academicSessions": [["t1", "", "Fall 2026", "term", "2026-08-31", "2026-12-18"]],
    "courses": [["c1", "", "Algebra", "ALG1", "o1", "Mathematics,Science"]],
    "classes": [
        ["k1", "", "Algebra, 1st period", "c1", "", "o1", "t1"],
        ["k2", "", "Old class", "c9", "A" * 30, "o1", ""],
    ],
    "users": [*map(user, PEOPLE), user("tina"), user("tom", "")],
    "roles": [
        *([f"r-{one}", "", one, "primary", "student"] for one in PEOPLE),
        ["r1", "", "tina", "primary", "teacher"],
        ["r2", "", "tina", "secondary", "aide"],
        ["r3", "", "tom", "primary", "siteAdministrator"],
    ],
    "enrollments": [*map(student, PEOPLE), teacher("tom", "false"), teacher("tina", "true")],
}


def write(path: Path, rows: Rows, mode: str = "bulk", users: str = "", extra: bytes = b"") -> Path:
    """Write an archive; ``extra`` are further lines of users.csv."""
    with zipfile.ZipFile(path, "w") as archive:
        manifest = ["propertyName,value", "oneroster.version,1.2"]
        manifest += [f"file.{name},{mode if name in rows else 'absent'}" for name in HEADERS]
        archive.writestr("manifest.csv", "\n".join([*manifest, "file.results,absent"]))
        for name, content in rows.items():
            text = io.StringIO()
            header = users if users and name == "users" else HEADERS[name]
            csv.writer(text).writerows([header.split(","), *content])
            archive.writestr(f"{name}.csv", text.getvalue().encode() + extra * (name == "users"))
    return path


@pytest.fixture
def bulk(conn: psycopg.Connection, tmp_path: Path) -> Path:
    conn.execute("UPDATE institutions SET timezone = 'America/Chicago'")
    return write(tmp_path / "bulk.zip", BULK)


def statuses(conn: psycopg.Connection) -> dict[str, int]:
    rows = conn.execute("SELECT enrollment_status::text, count(*) FROM enrollments GROUP BY 1")
    return dict(rows.fetchall())


def test_a_bulk_roster_is_loaded_and_a_replay_changes_nothing(
    conn: psycopg.Connection, load: Load, bulk: Path
) -> None:
    assert load("oneroster", bulk, "--dry-run").code == 0
    done = load("oneroster", bulk)
    assert done.code == 0, done.err
    compare(done.json, shape("`load oneroster`"))
    assert done.json["rows"] == {
        "users": {"inserted": 22, "updated": 0},
        "courses": {"inserted": 2, "updated": 0},
        "enrollments": {"inserted": 20, "updated": 0},
    }
    users = conn.execute(
        "SELECT username, role::text, email LIKE '%@pseudonym.invalid', profile FROM users"
        " WHERE username !~ '^s[0-9]' OR username ~ '^s00' ORDER BY username"
    ).fetchall()
    assert users == [
        ("s00@uni.example", "student", False, {"given_name": "S00", "family_name": "Doe"}),
        ("tina@uni.example", "instructor", False, {"given_name": "Tina", "family_name": "Doe"}),
        ("tom@uni.example", "admin", True, {"given_name": "Tom", "family_name": "Doe"}),
    ]
    courses = conn.execute(
        "SELECT title, subject_area, academic_term, course_code, u.username,"
        " jsonb_array_length(jsonb_path_query_array(content_structure, '$.oneroster.staff.*'))"
        " FROM courses AS c LEFT JOIN users AS u ON u.id = c.instructor_id ORDER BY title"
    ).fetchall()
    assert courses == [
        ("Algebra, 1st period", "Mathematics", "Fall 2026", "ALG1", "tina@uni.example", 2),
        ("Old class", "unknown", None, None, None, 0),
    ]
    begins = conn.execute("SELECT DISTINCT enrolled_at::text FROM enrollments").fetchall()
    assert begins == [("2026-08-31 05:00:00+00",)]
    before = loading.everything(conn)
    assert load("oneroster", bulk).code == 0
    assert loading.everything(conn) == before
    text = conn.execute("SELECT string_agg(u::text, '') FROM users AS u").fetchone()
    assert text is not None
    assert not {"hunter2", "555-1", "555-2"} & set(text[0].split('"'))


def test_a_delta_changes_only_what_it_has(
    conn: psycopg.Connection, load: Load, bulk: Path, tmp_path: Path
) -> None:
    assert load("oneroster", bulk).code == 0
    conn.execute(
        "UPDATE enrollments SET enrollment_status = 'completed', completion_date = now()"
        " WHERE user_id = (SELECT id FROM users WHERE username LIKE 's03@%')"
    )
    delta: Rows = {
        "classes": [["k1", "", "Algebra I", "c1", "", "o1", "t1"]],
        "users": [user("s02", enabled="false"), user("s04", "new@north.example")],
        "enrollments": [
            student("s01", status="tobedeleted"),
            student("s03", status="tobedeleted"),
            teacher("tina", "true", "tobedeleted"),
        ],
    }
    done = load("oneroster", write(tmp_path / "delta.zip", delta, "delta"))
    assert done.code == 0, done.err
    assert done.json["rows"]["users"] == {"inserted": 0, "updated": 1}
    assert statuses(conn) == {"active": 17, "completed": 1, "suspended": 1, "withdrawn": 1}
    course = conn.execute(
        "SELECT title, subject_area, academic_term, course_code, u.username FROM courses AS c"
        " JOIN users AS u ON u.id = c.instructor_id"
    ).fetchone()
    assert course == ("Algebra I", "Mathematics", "Fall 2026", "ALG1", "tom@uni.example")
    roles = conn.execute("SELECT role::text, count(*) FROM users GROUP BY 1").fetchall()
    assert dict(roles) == {"student": 20, "instructor": 1, "admin": 1}
    before = loading.everything(conn)
    assert load("oneroster", tmp_path / "delta.zip").code == 0
    assert loading.everything(conn) == before
    again: Rows = {"users": [user("s02")]}
    assert load("oneroster", write(tmp_path / "again.zip", again, "delta")).code == 0
    assert statuses(conn) == {"active": 18, "completed": 1, "withdrawn": 1}
    refused = load("oneroster", tmp_path / "delta.zip", "--absent", "withdraw")
    assert (refused.code, "bulk" in refused.err) == (2, True)


def test_who_is_absent_is_withdrawn_only_if_asked_and_only_a_tenth(
    conn: psycopg.Connection, load: Load, bulk: Path, tmp_path: Path
) -> None:
    assert load("oneroster", bulk).code == 0
    conn.execute(  # by hand, in a class of the roster
        "INSERT INTO enrollments (user_id, course_id) SELECT u.id, c.id FROM users AS u, courses"
        " AS c WHERE u.username LIKE 'tom@%' AND c.title = 'Old class'"
    )
    fewer: Rows = BULK | {"enrollments": BULK["enrollments"][2:]}
    file = write(tmp_path / "fewer.zip", fewer)
    assert load("oneroster", file).code == 0
    assert statuses(conn) == {"active": 21}
    broken = write(tmp_path / "broken.zip", fewer, extra=b"odd\r\n")
    unsure = load("oneroster", broken, "--absent", "withdraw")
    assert (unsure.code, unsure.json["withdrawn"]) == (3, 0)
    assert "nothing is withdrawn" in unsure.err
    done = load("oneroster", file, "--absent", "withdraw")
    assert (done.code, done.json["withdrawn"]) == (0, 2)
    assert statuses(conn) == {"active": 19, "withdrawn": 2}
    most: Rows = BULK | {"enrollments": BULK["enrollments"][10:]}
    file = write(tmp_path / "most.zip", most)
    before = loading.everything(conn)
    refused = load("oneroster", file, "--absent", "withdraw")
    assert refused.code == 6
    assert "8 of 18 enrollments" in refused.err
    assert loading.everything(conn) == before
    allowed = load("oneroster", file, "--absent", "withdraw", "--allow-withdraw")
    assert (allowed.code, allowed.json["withdrawn"]) == (0, 8)


def test_what_is_taken_or_broken_is_rejected_and_never_merged(
    conn: psycopg.Connection, load: Load, tmp_path: Path
) -> None:
    conn.execute(
        "INSERT INTO users (institution_id, email, username, role)"
        " VALUES (%s, 'S01@north.example', 'admin', 'admin')",
        (loading.INSTITUTION,),
    )
    rows: Rows = BULK | {
        "users": [
            *BULK["users"],
            user("x1", "s02@north.example"),
            user("", "nobody@north.example"),
            user("x3" * 60),
        ],
        "enrollments": [
            *BULK["enrollments"],
            student("s05", "k9"),
            student("s05", begin="31/08/2026"),
            student("s05", begin="1970-01-01"),
            student("s05", begin="2121-01-01"),
        ],
    }
    bad = [b"x5,,true,a\xff,b,c,d@north.example,1,2,hunter2", b"x6,,true,a\0,b,c,e,,,hunter2"]
    bad += [b"x7,hunter2", b"x8," + b"y" * 3000]
    file = write(tmp_path / "bad.zip", rows, extra=b"\r\n".join(bad) + b"\r\n")
    done = load("oneroster", file, "--max-line", "2KiB")
    assert done.code == 3, done.err
    assert done.json["left"] == {
        "email_taken": 2,
        "no_identifier": 1,
        "not_utf8": 1,
        "nul": 1,
        "timestamp_out_of_range": 2,
        "timestamp_unreadable": 1,
        "too_long": 1,
        "unresolved_course": 1,
        "unresolved_user": 1,
        "value_too_long": 1,
        "wrong_number_of_fields": 1,
    }
    assert conn.execute("SELECT count(*) FROM users").fetchone() == (22,)
    kept = conn.execute("SELECT raw FROM rejected_records").fetchall()
    assert not [raw for (raw,) in kept if b"hunter2" in raw or b"555-" in raw]
    assert b"x5,,true,a\xff,b,c,d@north.example,,," in {raw for (raw,) in kept}
    before = loading.everything(conn)
    assert load("oneroster", file, "--max-line", "2KiB").code == 3
    assert loading.everything(conn) == before
    conn.execute("DELETE FROM users WHERE username = 'admin'")
    again = load("oneroster", file, "--max-line", "2KiB")
    assert again.json["rows"]["enrollments"] == {"inserted": 1, "updated": 0}
    assert "unresolved_user" not in again.json["left"]
    assert again.json["left"]["email_taken"] == 1


def test_version_1_1_has_the_role_with_the_user(
    conn: psycopg.Connection, load: Load, tmp_path: Path
) -> None:
    rows: Rows = {
        "users": [
            ["u1", "", "true", "teacher", "ann", "Ann", "Doe", "Ann@north.example", "555-2", "x"],
            ["u2", "", "true", "parent", "bob@home", "Bob", "Doe", "", "", ""],
        ]
    }
    done = load("oneroster", write(tmp_path / "old.zip", rows, users=USERS_1_1))
    assert done.code == 0, done.err
    found = conn.execute("SELECT username, role::text, email FROM users ORDER BY 1").fetchall()
    assert found[0] == ("ann@uni.example", "instructor", "ann@north.example")
    assert found[1][:2] == ("bob@home", "observer")
    statement = loading.statement(1, actor={"mbox": "mailto:ann@north.example"}, context=None)
    assert load("xapi", loading.write(tmp_path / "one.jsonl", statement)).code == 0
    (tmp_path / "empty.csv").write_text("")
    assert "manifest.csv" in load("oneroster", tmp_path / "empty.csv").err
