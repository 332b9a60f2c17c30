"""The doctor's look at rows that contradict rows of other tables: what no constraint can hold.

Each question is asked for some seconds at most, by one process of the server, so that it costs
little on a large database too; what was not answered in time is said, with the query.
"""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta

from psycopg import errors, sql

from lmsschema.database.connection import Database
from lmsschema.ddl.statement import qualified
from lmsschema.doctor.finding import Finding, command

#: Seconds to wait for a table that a session has to itself.
_PATIENCE = 0.1

_SECTIONS = """\
SELECT p.* FROM {section_progress} AS p
JOIN {enrollments} AS e ON e.id = p.enrollment_id
JOIN {sections} AS s ON s.id = p.section_id
JOIN {lessons} AS l ON l.id = s.lesson_id
WHERE l.course_id <> e.course_id"""
_LESSONS = """\
SELECT p.* FROM {lesson_progress} AS p
JOIN {enrollments} AS e ON e.id = p.enrollment_id
JOIN {lessons} AS l ON l.id = p.lesson_id
WHERE l.course_id <> e.course_id"""
_INSTRUCTORS = """\
SELECT c.* FROM {courses} AS c
JOIN {users} AS u ON u.id = c.instructor_id
WHERE u.institution_id <> c.institution_id"""
_LEARNERS = """\
SELECT e.* FROM {enrollments} AS e
JOIN {users} AS u ON u.id = e.user_id
JOIN {courses} AS c ON c.id = e.course_id
WHERE u.institution_id <> c.institution_id AND c.visibility <> 'public'"""

_TABLES = (
    *("section_progress", "lesson_progress", "enrollments"),
    *("sections", "lessons", "courses", "users"),
)


@dataclasses.dataclass(frozen=True)
class Question:
    """A question about the rows of a table.

    Attributes:
        table: The table.
        what: What its rows are that contradict others.
        query: What finds them.
        action_required: Whether they are always wrong.
    """

    table: str
    what: str
    query: str
    action_required: bool = False


QUESTIONS = (
    Question(
        "section_progress",
        "in a section of another course than the enrollment's",
        _SECTIONS,
        action_required=True,
    ),
    Question(
        "lesson_progress",
        "in a lesson of another course than the enrollment's",
        _LESSONS,
        action_required=True,
    ),
    Question("courses", "with an instructor of another institution", _INSTRUCTORS),
    Question(
        "enrollments",
        "of a user of another institution than the course's, which is not public",
        _LEARNERS,
    ),
)


def contradicting(database: Database, limit: timedelta) -> Iterator[Finding]:
    """Yield the rows that contradict others, and what could not be looked at.

    Args:
        database: The database.
        limit: Time that each question may take.
    """
    names = {table: qualified(database.schema, table) for table in _TABLES}
    refused: dict[str, str] = {}
    locked = False
    for question in QUESTIONS:
        query = sql.SQL(question.query).format(**names)
        if locked:  # one lock is waited for, not one for each question
            yield _unread(question, query, limit)
            continue
        try:
            found = _count(database, query, limit)
        except errors.UndefinedTable:
            continue  # of a later revision
        except errors.InsufficientPrivilege as error:
            refused[question.table] = str(error.diag.message_primary)
            continue
        except (
            errors.QueryCanceled,
            errors.LockNotAvailable,
            errors.SerializationFailure,
        ) as error:
            locked = isinstance(error, errors.LockNotAvailable)
            yield _unread(question, query, limit)
            continue
        if found:
            yield Finding(
                "contradicting-rows",
                question.table,
                f"has {found} {'row' if found == 1 else 'rows'} {question.what}",
                (f"{query.as_string()};",),
                action_required=question.action_required,
                details={"table": question.table, "rows": found},
            )
    if refused:
        yield _not_read(database, refused)


def _count(database: Database, query: sql.Composed, limit: timedelta) -> int:
    """Return how many rows a query finds."""
    with database.transaction(read_only=True, lock_timeout=_PATIENCE) as conn:
        conn.execute(
            "SELECT pg_catalog.set_config('statement_timeout', %s, true),"
            " pg_catalog.set_config('max_parallel_workers_per_gather', '0', true)",
            [f"{limit / timedelta(milliseconds=1):.0f}ms"],
        )
        row = conn.execute(sql.SQL("SELECT count(*) FROM ({}) AS found").format(query)).fetchone()
    return 0 if row is None else int(row[0])


def _unread(question: Question, query: sql.Composed, limit: timedelta) -> Finding:
    """Return what is said where a question was not answered."""
    return Finding(
        "rows-not-read",
        question.table,
        f"may have rows {question.what}: to find them takes longer than "
        f"{limit.total_seconds():g} s, or a table was locked",
        (f"{query.as_string()};",),
        action_required=False,
    )


def _not_read(database: Database, refused: dict[str, str]) -> Finding:
    """Return what is said where the role may not read the tables, or not all of their rows."""
    user = sql.Identifier(database.user)
    tables = sql.SQL(", ").join(qualified(database.schema, table) for table in _TABLES)
    grants = [sql.SQL("GRANT SELECT ON {} TO {}").format(tables, user)]
    if not database.can_use:
        usage = sql.SQL("GRANT USAGE ON SCHEMA {} TO {}")
        grants.insert(0, usage.format(sql.Identifier(database.schema), user))
    return Finding(
        "rows-not-read",
        ", ".join(refused),
        f"may have rows that contradict others: {next(iter(refused.values()))}",
        tuple(command("{}", grant) for grant in grants),
        action_required=False,
    )
