"""Enumerations as an application uses them: members, text, and labels of a newer schema."""

import asyncio
import inspect
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, assert_type, get_args

import psycopg
import pytest
import sqlalchemy
from sqlalchemy import Column, MetaData, Select, Table, Update, func, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY, ENUM, JSONB, TSVECTOR
from sqlalchemy.ext.asyncio import create_async_engine

from lmsschema import tables
from lmsschema.tables import (
    TABLES,
    CourseDifficulty,
    CourseStatus,
    columns,
    courses,
    grade_columns,
    grading_columns,
    institutions,
    pipeline_columns,
    rollup_columns,
)
from tests.support import events

#: Runs statements in one transaction; returns the rows of each that has rows.
Run = Callable[[str, Sequence[Select[Any] | Update]], list[list[Any]]]


def synchronously(url: str, statements: Sequence[Select[Any] | Update]) -> list[list[Any]]:
    engine = sqlalchemy.create_engine(
        url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sqlalchemy.NullPool
    )
    with engine.begin() as connection:
        results = [connection.execute(one) for one in statements]
        return [list(one.scalars()) for one in results if one.returns_rows]


def asynchronously(driver: str) -> Run:
    async def run(url: str, statements: Sequence[Select[Any] | Update]) -> list[list[Any]]:
        engine = create_async_engine(
            url.replace("postgresql:", f"postgresql+{driver}:"), poolclass=sqlalchemy.NullPool
        )
        async with engine.begin() as connection:
            results = [await connection.execute(one) for one in statements]
            return [list(one.scalars()) for one in results if one.returns_rows]

    return lambda url, statements: asyncio.run(run(url, statements))


@pytest.mark.parametrize(
    "run",
    [synchronously, asynchronously("psycopg"), asynchronously("asyncpg")],
    ids=["psycopg", "psycopg, asynchronous", "asyncpg"],
)
def test_labels_round_trip_and_one_of_a_newer_schema_is_its_text(
    upgraded_url: str, run: Run
) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        events.people(conn)
        conn.execute("ALTER TYPE course_status ADD VALUE 'hidden'")
    status = select(courses.c.status)
    found = run(
        upgraded_url,
        [
            update(courses).values(status=CourseStatus.PUBLISHED),
            status.where(courses.c.status == CourseStatus.PUBLISHED),
            update(courses).values(status="under_review"),  # the text of a member
            status.where(courses.c.status.in_(["under_review", CourseStatus.DRAFT])),
            select(courses.c.difficulty_level),
            select(func.array_agg(courses.c.status)),
        ],
    )
    assert found == [
        [CourseStatus.PUBLISHED],
        [CourseStatus.UNDER_REVIEW],
        [CourseDifficulty.BEGINNER],
        [[CourseStatus.UNDER_REVIEW]],
    ]
    assert isinstance(found[0][0], CourseStatus)  # which text would be equal to
    assert isinstance(found[3][0][0], CourseStatus)
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute("UPDATE courses SET status = 'hidden'")
    [[hidden]] = run(upgraded_url, [status])
    assert (type(hidden), hidden) == (str, "hidden")
    with pytest.raises(
        sqlalchemy.exc.StatementError, match=r"'hiden'.*course_status\. Possible values: draft"
    ):
        run(upgraded_url, [update(courses).values(status="hiden")])


def test_the_types_are_postgresqls_own_for_reflection_and_ddl(upgraded_url: str) -> None:
    engine = sqlalchemy.create_engine(upgraded_url.replace("postgresql:", "postgresql+psycopg:"))
    reflected = Table("courses", MetaData(), autoload_with=engine)
    engine.dispose()
    found, declared = reflected.c.status.type, courses.c.status.type
    assert isinstance(found, ENUM)
    assert isinstance(declared, ENUM)
    assert (found.name, found.enums) == (declared.name, declared.enums)
    copied = courses.to_metadata(MetaData()).c.status.type
    assert type(copied) is type(declared)
    assert copied.python_type is CourseStatus


def test_every_table_and_enumeration_is_named_by_the_package() -> None:
    assert [getattr(tables, table.name) for table in TABLES] == list(TABLES)
    used = {
        column.type.python_type
        for table in TABLES
        for column in table.columns
        if isinstance(column.type, ENUM)
    }
    assert len(used) == 24
    assert {name for name, value in vars(tables).items() if isinstance(value, type)} == {
        one.__name__ for one in used
    }
    assert {one.__name__ for one in used} | {table.name for table in TABLES} <= set(tables.__all__)


def test_the_tables_are_built_when_used_and_import_nothing_but_sqlalchemy() -> None:
    script = (
        "import sys, sqlalchemy.dialects.postgresql; before = set(sys.modules)\n"
        "import lmsschema.tables; built = 'lmsschema.tables._all' in sys.modules\n"
        "from lmsschema.tables import analytics, users; print(built, len(users.metadata.tables))\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    first, modules = done.stdout.splitlines()
    assert first == f"False {len(TABLES)}"
    assert [name for name in modules.split() if not name.startswith("lmsschema.tables")] == [
        "lmsschema",
        "lmsschema.names",
        "lmsschema.reports",
    ]


def test_updated_at_is_fresh_after_a_commit(upgraded_url: str) -> None:
    class Institution:
        id: Any
        updated_at: Any

    sqlalchemy.orm.registry().map_imperatively(Institution, institutions)
    engine = sqlalchemy.create_engine(upgraded_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(
            insert(institutions).values(name="A", domain="a.example", education_level="k12")
        )
    with sqlalchemy.orm.Session(engine, expire_on_commit=False) as session:
        institution = session.scalars(select(Institution)).one()
        before = institution.updated_at
        institution.name = "B"  # type: ignore[attr-defined]  # mapped
        session.commit()
        assert institution.updated_at > before
    engine.dispose()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_what_type_checkers_are_told_of_columns_is_so(table: Table) -> None:
    name = table.name.title().replace("_", "")
    [described] = [
        vars(module)[name]
        for module in (columns, grade_columns, grading_columns, pipeline_columns, rollup_columns)
        if name in vars(module)
    ]
    told = inspect.get_annotations(described, eval_str=True)
    assert list(told) == [column.name for column in table.columns]
    for column in table.columns:
        assert get_args(told[column.name]) == (python_type(column),), column.name
    assert_type(courses.c.status, Column[CourseStatus])  # what mypy sees


def python_type(column: Column[Any]) -> Any:  # noqa: ANN401  a type
    """Return the type of a column's values."""
    kind: Any = column.type.python_type if not isinstance(column.type, JSONB) else dict[str, Any]
    if isinstance(column.type, JSONB) and "[]" in str(getattr(column.server_default, "arg", "")):
        kind = list[Any]
    if isinstance(column.type, ARRAY):
        kind = list[column.type.item_type.python_type | None]  # type: ignore[name-defined]  # at run time
    if isinstance(column.type, TSVECTOR):
        kind = str  # as drivers read it
    if str(column.type) == "INET" or (isinstance(column.type, JSONB) and not column.info):
        kind = Any
    return kind | None if column.nullable and kind is not Any else kind
