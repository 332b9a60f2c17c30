"""``lmsschema report``: the list, the formats, the options, and what goes wrong."""

import csv
import io
import re
from pathlib import Path

import psycopg
import pytest

from lmsschema.reports import REPORTS
from tests.support.program import Program

PAGE = (Path(__file__).parents[2] / "docs" / "reports.md").read_text("utf-8")
TITLE = 'Sets, "rings"\nand = fields; \u00e9'


@pytest.fixture
def url(upgraded_url: str) -> str:
    """The URL of a database with a course of a difficult title."""
    with psycopg.connect(upgraded_url) as conn:
        conn.execute(
            "WITH i AS (INSERT INTO institutions (name, domain, education_level)"
            " VALUES ('I', 'uni.example', 'k12') RETURNING id)"
            " INSERT INTO courses (institution_id, title, description, subject_area,"
            " difficulty_level) SELECT id, x.title, '', 's', 'beginner' FROM i"
            " CROSS JOIN (VALUES (%s::text), ('Plain')) AS x (title)",
            [TITLE],
        )
    return upgraded_url


def test_the_page_has_each_report_with_what_the_program_says() -> None:
    rows = re.findall(
        r"^\| `([\w-]+)` \| (.+?) \| (.+?) \| `(\w+)` \| (.+?) \|$", PAGE, re.MULTILINE
    )
    assert rows == [
        (
            one.name,
            one.question,
            " ".join(f"`--{option}`" for option in one.filters),
            one.index,
            f"{one.cost:g}",
        )
        for one in REPORTS.values()
    ]
    assert 8 <= len(rows) <= 12
    assert all(one.cost > 0 for one in REPORTS.values())
    assert re.findall(r"^- \*\*`([\w-]+)`\*\*", PAGE, re.MULTILINE) == [
        name for name in REPORTS if name != "at-risk-learners"
    ]


def test_without_a_name_it_lists_them(lmsschema: Program) -> None:
    listed = lmsschema("report", env={"LMSSCHEMA_DATABASE_URL": "postgresql://nobody.invalid/x"})
    assert listed.code == 0
    assert [line.split()[0] for line in listed.out.splitlines()[1:]] == list(REPORTS)
    assert [one["name"] for one in lmsschema("report", "--json").json["reports"]] == list(REPORTS)


def test_the_formats(lmsschema: Program, url: str) -> None:
    def run(*arguments: str) -> str:
        done = lmsschema("report", "course-funnel", *arguments, "--url", url)
        assert done.code == 0, done.err
        return done.out

    rows = list(csv.DictReader(io.StringIO(run("--format", "csv"), newline="")))
    assert {row["title"] for row in rows} == {TITLE, "Plain"}
    assert {row["enrolled"] for row in rows} == {"0"}
    data = lmsschema("report", "course-funnel", "--format", "json", "--url", url).json
    assert {row["title"] for row in data["rows"]} == {TITLE, "Plain"}
    assert data["columns"] == list(rows[0])
    assert len(run().splitlines()) == 3  # a title of two lines is a cell of one
    assert len(run("--institution", "UNI.example").splitlines()) == 3
    assert len(run("--limit", "1").splitlines()) == 2
    chosen = run("--course", rows[0]["course_id"], "--format", "csv")
    assert list(csv.DictReader(io.StringIO(chosen, newline=""))) == rows[:1]
    assert run("--limit", "0") == "no rows\n"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["gradebok"], 2, "there is no report gradebok"),
        (["course-funnel", "--user", "x"], 2, "has no --user"),
        (["course-funnel", "--course", "x"], 2, "invalid input syntax for type uuid"),
        (["course-funnel", "--institution", "no.example"], 2, "invalid input syntax"),
        (["course-funnel", "--limit", "-1"], 2, "limit"),
    ],
)
def test_what_is_wrong_usage(
    lmsschema: Program, url: str, arguments: list[str], code: int, says: str
) -> None:
    done = lmsschema("report", *arguments, "--url", url)
    assert (done.code, done.out) == (code, "")
    assert says in done.err
    assert "Traceback" not in done.err


def test_it_gives_up_in_time(lmsschema: Program, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(
            "CREATE OR REPLACE VIEW report_course_funnel AS SELECT NULL::uuid AS institution_id,"
            " c.id AS course_id, c.title, 1::bigint AS enrolled, 1::bigint AS started,"
            " 1::bigint AS reached_25, 1::bigint AS reached_50, 1::bigint AS reached_75,"
            " 1::bigint AS reached_100, 1::bigint AS completed, 1::bigint AS withdrawn"
            " FROM courses AS c CROSS JOIN pg_sleep(60)"
        )
    done = lmsschema("report", "course-funnel", "--timeout", "0.2", "--url", url)
    assert done.code == 4
    assert "took longer than 0.2 s" in done.err


def test_a_role_without_rights_sees_nothing(lmsschema: Program, url: str) -> None:
    """A view has its reader's rights."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("CREATE ROLE report_reader")
        try:
            conn.execute("GRANT SELECT ON report_course_funnel TO report_reader")
            conn.execute("SET ROLE report_reader")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute("SELECT FROM report_course_funnel")
        finally:
            conn.execute("RESET ROLE")
            conn.execute("DROP OWNED BY report_reader; DROP ROLE report_reader")
    assert lmsschema("downgrade", "0012_rollups", "--url", url).code == 0
    done = lmsschema("report", "course-funnel", "--url", url)
    assert done.code == 1
    assert "lmsschema upgrade" in done.err
