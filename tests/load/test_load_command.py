"""What the commands refuse, print and document."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from backports import zstd

from tests.docs.test_reference import compare, shape
from tests.load.conftest import Load
from tests.support import loading
from tests.support.loading import line, statement
from tests.support.program import Program, clean_environment


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return loading.write(tmp_path / "lines.jsonl", statement(1), b"{", statement(2))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{file}.gone"], "can't be read: No such file"),
        (["{folder}/empty"], "has no files"),
        (["{folder}/zip"], "damaged"),
        (["{file}", "--time-zone", "Mars/Base"], "--time-zone 'Mars/Base'"),
        (["{file}", "--since", "soon"], "--since 'soon' is no date"),
        (["{file}", "--since", "2030-01-01", "--until", "2029-01-01"], "is not after --since"),
        (["{file}", "--until", "+99999d", "--since", "9999-01-01"], "is not after --since"),
        (["{file}", "--max-line", "much"], "--max-line 'much' is no size"),
        (["{file}", "--verbs", "{file}"], "is no TOML"),
        (["{file}", "--verbs", "{folder}/verbs"], "is not a table verbs"),
        (["{file}", "--institution", "nobody.example"], "no institution with domain"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_said(
    lmsschema: Program, loaded_url: str, file: Path, *, arguments: list[str], said: str
) -> None:
    (file.parent / "empty").mkdir()
    (file.parent / "zip").write_bytes(b"PK\x03\x04....")
    (file.parent / "verbs").write_text("[verbs]\nfun = ['danced']\n")
    given = [one.format(file=file, folder=file.parent) for one in arguments]
    whose = () if "--institution" in given else ("--institution", loading.DOMAIN)
    outcome = lmsschema("load", "xapi", *given, *whose, "--url", loaded_url)
    assert outcome.code == 2, outcome.err
    assert said in outcome.err


def test_a_database_that_has_no_tables_for_it_is_named(
    lmsschema: Program, database_url: str, file: Path
) -> None:
    whose = ("--institution", loading.DOMAIN, "--url", database_url)
    for command in (("xapi", str(file)), ("status",), ("rejects",), ("retry",)):
        outcome = lmsschema("load", *command, *whose)
        assert outcome.code == 1
        assert "has no table load_sources" in outcome.err
        assert "lmsschema upgrade" in outcome.err


def test_the_json_is_as_documented(conn: psycopg.Connection, load: Load, file: Path) -> None:
    dry = load("xapi", file, "--dry-run")
    assert dry.code == 3
    assert dry.json["now"]["reasons"] == {"not_json": 1}
    assert conn.execute("SELECT count(*) FROM load_sources").fetchone() == (0,)
    compare(dry.json, shape("`load xapi`"))
    for command in (("xapi", file), ("status",), ("rejects",), ("retry",)):
        outcome = load(*command)
        assert outcome.code in {0, 3}, outcome.err
        compare(outcome.json, shape(f"`load {command[0]}`"))


def test_unknown_people_are_null_or_their_lines_are_rejected(
    conn: psycopg.Connection, load: Load, tmp_path: Path
) -> None:
    ann, someone = "mailto:ann@uni.example", "mailto:someone@uni.example"
    conn.execute(
        "INSERT INTO users (institution_id, email, username, role)"
        " VALUES (%s, 'Ann@uni.example', 'ann', 'instructor')",
        (loading.INSTITUTION,),
    )
    file = loading.write(
        tmp_path / "people.jsonl",
        statement(1, actor={"mbox": ann}, context=None),
        statement(2, actor={"mbox": someone}, context=None),
        statement(3),
    )
    done = load("xapi", file)
    assert done.json["left"] == {"unresolved_user": 2}
    query: LiteralString = (
        "SELECT u.username, e.learning_context -> 'actor' FROM learning_events AS e"
        " LEFT JOIN users AS u ON u.id = e.user_id ORDER BY e.id = %s DESC, e.id = %s DESC"
    )
    order = (loading.uuid(1), loading.uuid(2))
    assert conn.execute(query, order).fetchall() == [("ann", None)]
    assert load("retry", "--missing", "null").code == 0
    account = statement(3)["actor"]
    assert conn.execute(query, order).fetchall() == [
        ("ann", None),
        (None, {"mbox": someone}),
        (None, account),
    ]
    assert conn.execute("SELECT count(*) FROM users").fetchone() == (1,)


def test_folders_archives_and_standard_input(
    conn: psycopg.Connection, load: Load, loaded_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    (folder / "within").mkdir(parents=True)
    (folder / ".hidden").write_text("nonsense")
    loading.write(folder / "b.jsonl", statement(1))
    loading.write(folder / "within" / "a.jsonl", b"\xef\xbb\xbf" + line(statement(2)))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr("one.jsonl", line(statement(3)))
        members.writestr("two.jsonl", line(statement(4)))
    (tmp_path / "both.zip").write_bytes(archive.getvalue())
    loading.write(tmp_path / "array.json", b"[", line(statement(6)), b",", line(statement(7)), b"]")
    packed = tmp_path / "lines.zst"
    packed.write_bytes(zstd.compress(line(statement(8)) + b"\n" + line(statement(9))))
    more = (tmp_path / "both.zip", tmp_path / "array.json", packed)
    done = load("xapi", folder, *more, "--missing", "create")
    assert done.code == 0, done.err
    assert [one["events"] for one in done.json["sources"]] == [1, 1, 1, 1, 2, 2]
    piped = subprocess.run(
        [
            *(sys.executable, "-m", "lmsschema", "load", "xapi", "-", "--missing", "create"),
            *("--url", loaded_url, "--institution", loading.DOMAIN),
        ],
        input=line(statement(5)),
        env=clean_environment(),
        capture_output=True,
        check=False,
    )
    assert (piped.returncode, piped.stdout) == (0, b"-: 1 lines: 1 events\n"), piped.stderr
    assert conn.execute("SELECT count(*) FROM learning_events").fetchone() == (9,)


def test_another_institution_s_events_are_not_voided(
    conn: psycopg.Connection, load: Load, lmsschema: Program, loaded_url: str, tmp_path: Path
) -> None:
    conn.execute(
        "INSERT INTO institutions (name, domain, education_level)"
        " VALUES ('Other', 'other.example', 'k12') ON CONFLICT DO NOTHING"
    )
    file = loading.write(tmp_path / "lines.jsonl", statement(1), statement(2))
    assert load("xapi", file, "--missing", "create").code == 0
    voids = loading.write(tmp_path / "voids.jsonl", loading.voiding(11, 1))
    other = ("--institution", "other.example", "--url", loaded_url)
    assert lmsschema("load", "xapi", str(voids), *other).code == 0
    assert conn.execute("SELECT count(*) FROM learning_events").fetchone() == (2,)
    assert load("xapi", voids).json["now"]["voided"] == 1
    assert conn.execute("SELECT count(*) FROM learning_events").fetchone() == (1,)
