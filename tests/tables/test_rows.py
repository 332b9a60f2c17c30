"""Rows that can't be true are refused by the rule that says so; what a rule does not mean is taken.

The rows are data, in ``rows.toml``. They are tried one after the other in one database.
"""

import itertools
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path
from string import Template

import psycopg
import pytest
from psycopg import errors, sql
from sqlalchemy.dialects.postgresql import JSONB

from lmsschema.database import catalog
from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.errors import UnsafeError
from lmsschema.migration.upgrade import upgrade
from lmsschema.tables import metadata
from lmsschema.testing.databases import Databases
from tests.support.upgrading import unmeasured

Values = dict[str, str]

CASES = tomllib.loads(Path(__file__).with_name("rows.toml").read_text("utf-8"))

#: Stand-ins for ids in the rows → the ids, as SQL.
IDS = {
    name: f"'{uuid.uuid5(uuid.NAMESPACE_OID, name)}'"
    for name in ("i1", "i2", "u1", "u2", "u3", "c1", "c2", "l1", "l2", "s1", "s2", "e1", "e2")
}

NUMBERS = itertools.count(100)

#: What the rows refer to.
PEOPLE = """
    INSERT INTO institutions (id, name, domain, education_level)
    VALUES ($i1, 'A', 'a.example', 'k12'), ($i2, 'B', 'b.example', 'k12');
    INSERT INTO users (id, institution_id, email, username, role)
    VALUES ($u1, $i1, 'u1@a.example', 'u1', 'student'),
        ($u2, $i1, 'u2@a.example', 'u2', 'student'),
        ($u3, $i2, 'u3@b.example', 'u3', 'instructor');
    INSERT INTO courses (id, institution_id, title, description, subject_area, difficulty_level)
    VALUES ($c1, $i1, 'C1', '', 's', 'beginner'), ($c2, $i1, 'C2', '', 's', 'beginner');
    INSERT INTO lessons (id, course_id, title, order_index)
    VALUES ($l1, $c1, 'L1', 1), ($l2, $c2, 'L2', 1);
    INSERT INTO sections
    (id, lesson_id, title, content, section_type, order_index, interaction_type)
    VALUES ($s1, $l1, 'S1', '', 'content', 1, 'read'),
        ($s2, $l2, 'S2', '', 'content', 1, 'read');
    INSERT INTO enrollments (id, user_id, course_id) VALUES ($e1, $u1, $c1), ($e2, $u2, $c1);
"""


@pytest.fixture(scope="module")
def before(lms_databases: Databases) -> Iterator[psycopg.Connection]:
    """A connection to a database at 0004_integrity; each test leaves its rows as they are."""
    name = lms_databases.create()
    database = connect(Target(lms_databases.url(name), "the test"))
    with database.conn as conn:
        upgrade(database, "0004_integrity")
        conn.execute(Template(PEOPLE).substitute(IDS).encode())
        yield conn
    lms_databases.drop(name)


@pytest.fixture(scope="module")
def head(lms_databases: Databases, before: psycopg.Connection) -> psycopg.Connection:
    """The same database at head."""
    database = connect(Target(lms_databases.url(before.info.dbname), "the test"))
    with database.conn:
        unmeasured(database)
    return before


def refused(*, later: bool = True) -> Iterator[tuple[str, str, Values]]:
    """Yield a table, also of later revisions or not, a rule, and a row's values that break it."""
    for table, rules in CASES["refused"].items():
        for rule, rows in rules.items() if later or table not in CASES["later"] else ():
            for values in rows:
                yield table, rule, values


def insert(
    conn: psycopg.Connection, table: str, values: Values, *, keep: bool = False
) -> str | None:
    """Insert a row, and take it back unless it is to be kept; returns the rule that refuses it."""
    ids = IDS | {"n": str(next(NUMBERS))}
    row = CASES["plain"][table] | values
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(sql.SQL(Template(value).substitute(ids)) for value in row.values()),
    )
    try:
        with conn.transaction(force_rollback=not keep):
            conn.execute(statement)
    except (errors.CheckViolation, errors.UniqueViolation, errors.ForeignKeyViolation) as error:
        return error.diag.constraint_name
    return None


def test_there_are_rows_of_every_table() -> None:
    graded = tomllib.loads(Path(__file__).with_name("grading_rows.toml").read_text("utf-8"))
    for kind in ("plain", "taken", "refused"):
        assert set(CASES[kind]) == set(metadata.tables) - set(graded["plain"])


def test_every_json_column_is_of_the_type_that_its_comment_says_and_takes_none_as_null() -> None:
    looked_at = 0
    for column in (column for table in metadata.tables.values() for column in table.columns):
        if isinstance(column.type, JSONB):
            kind = f" {column.info['json_type']}" if column.info else ""  # any, of a response
            assert str(column.comment).startswith(f"JSON{kind}: "), column
            assert column.type.none_as_null, column
            looked_at += 1
    assert looked_at > 40


def test_before_the_revision_they_are_taken(before: psycopg.Connection) -> None:
    there = {
        name for (name,) in before.execute("SELECT conname FROM pg_constraint WHERE contype = 'c'")
    }
    found = [(rule, insert(before, table, values)) for table, rule, values in refused(later=False)]
    assert [one for one in found if one[1] is not None and one[1] not in there] == []
    taken = [rule for rule, by in found if by is None]
    assert there.isdisjoint(taken)
    assert (len(taken), len(found)) == (67, 72)


def test_those_that_are_there_are_counted_before_anything_is_changed(
    before: psycopg.Connection, lms_databases: Databases
) -> None:
    there = {
        rule
        for table, rule, values in refused(later=False)
        if not insert(before, table, values, keep=True)
    }
    assert len(there) > 30
    database = connect(Target(lms_databases.url(before.info.dbname), "the test"))
    with database.conn:
        catalogs = catalog.read(database.conn, database.schema)
        with pytest.raises(UnsafeError) as refusal:
            upgrade(database, shadow_url=lms_databases.url("postgres"))
        assert catalog.read(database.conn, database.schema) == catalogs
    violations = refusal.value.details["violations"]
    assert isinstance(violations, list)
    assert {one["rule"] for one in violations} >= there
    for one in violations:
        assert f"{one['rule']}: {one['rows']} row" in refusal.value.message
        assert before.execute(one["query"].encode()).rowcount == one["rows"] > 0
    before.execute("TRUNCATE institutions CASCADE")
    before.execute(Template(PEOPLE).substitute(IDS).encode())


def test_at_head_each_is_refused_by_its_rule(head: psycopg.Connection) -> None:
    wrong = [
        (rule, by, values)
        for table, rule, values in refused()
        if (by := insert(head, table, values)) != rule
    ]
    assert wrong == []


def test_at_head_what_no_rule_means_is_taken(head: psycopg.Connection) -> None:
    wrong = [
        (table, by, values)
        for table, rows in CASES["taken"].items()
        for values in ({}, *rows)
        if (by := insert(head, table, values)) is not None
    ]
    assert wrong == []


def test_progress_goes_where_its_enrollment_goes(head: psycopg.Connection) -> None:
    moved, counted = (
        Template(text).substitute(IDS).encode()
        for text in (
            "UPDATE enrollments SET user_id = $u3 WHERE id = $e1",
            "SELECT count(*) FROM section_progress WHERE user_id = $u3",
        )
    )
    with head.transaction(force_rollback=True):
        assert insert(head, "section_progress", {}, keep=True) is None
        head.execute(moved)
        assert head.execute(counted).fetchone() == (1,)
        head.execute("DELETE FROM enrollments")
        assert head.execute(counted).fetchone() == (0,)
