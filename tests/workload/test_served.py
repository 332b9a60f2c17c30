"""Each index of the lean profile is used by the statements that it says it serves.

They are run on synthetic data, each in a transaction that is rolled back, and the server counts the
scans of every index: also those of the cascades, which no plan shows.
"""

import functools
from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.rows import dict_row

from lmsschema.demo.fill import TABLES as FILLED
from lmsschema.names import LEAN
from lmsschema.tables import TABLES
from lmsschema.tables.profiles import indexes
from lmsschema.testing.databases import Databases
from lmsschema.workload import statements
from tests.support.program import Program

SERVED = {
    str(index.name): index.info["serves"]
    for table in TABLES
    if table.name in FILLED
    for index in indexes(table, LEAN)
    if not index.unique
}

#: A month as full as those of an LMS are, in the order of its events' arrival; and more courses.
MORE: LiteralString = """
    INSERT INTO learning_events (
        user_id, course_id, event_type, event_category, event_action, session_id, event_timestamp
    )
    SELECT
        s.user_id, s.course_id, 'page_viewed', 'navigation', 'viewed', s.id,
        date_trunc('month', now(), 'UTC') + g * interval '60 seconds'
    FROM generate_series(1, 30000) AS g
    INNER JOIN (SELECT row_number() OVER () - 1 AS number, * FROM learning_sessions) AS s
        ON g % (SELECT count(*) FROM learning_sessions) = s.number
    ORDER BY g;
    INSERT INTO courses (
        institution_id, title, description, subject_area, difficulty_level, academic_term,
        visibility, status
    )
    SELECT
        i.id, 'word' || g % 200, 'course ' || g, 'subject ' || g % 30, 'beginner',
        'term ' || g % 30, 'public',
        CASE WHEN g % 400 = 0 THEN 'under_review' ELSE 'published' END::course_status
    FROM institutions AS i, generate_series(1, 1000) AS g;
    UPDATE institutions SET language = 'en';
"""

#: What the statements are given: of a session in the month that is full.
VALUES: LiteralString = """
    SELECT
        u.email,
        u.id AS user_id,
        u.institution_id,
        c.instructor_id,
        c.id AS course_id,
        c.subject_area,
        c.academic_term,
        e.id AS enrollment_id,
        s.id AS session_id,
        p.section_id,
        n.lesson_id,
        'en' AS language,
        split_part(c.title, ' ', 1) AS words,
        a.analysis_period,
        a.period_start,
        date_trunc('month', now(), 'UTC') + interval '7 days' AS since,
        date_trunc('month', now(), 'UTC') + interval '8 days' AS until,
        jsonb_build_array(
            jsonb_build_object('user_id', u.id, 'course_id', c.id, 'session_id', s.id)
        )::text AS sent
    FROM learning_sessions AS s
    INNER JOIN enrollments AS e ON s.user_id = e.user_id AND s.course_id = e.course_id
    INNER JOIN section_progress AS p ON e.id = p.enrollment_id
    INNER JOIN sections AS n ON p.section_id = n.id
    INNER JOIN users AS u ON e.user_id = u.id
    INNER JOIN courses AS c ON e.course_id = c.id
    CROSS JOIN (SELECT * FROM course_analytics ORDER BY id LIMIT 1) AS a
    ORDER BY s.session_start DESC, s.id, p.id
    LIMIT 1
"""

#: Scans by this transaction, of each index with those of its partitions.
SCANS: LiteralString = """
    SELECT
        whole.relname,
        sum(pg_stat_get_xact_numscans(i.oid))::bigint
    FROM pg_class AS i
    INNER JOIN pg_class AS whole
        ON whole.oid = coalesce(pg_partition_root(i.oid), i.oid)
    WHERE i.relkind = 'i' AND i.relnamespace = 'public'::regnamespace
    GROUP BY whole.relname
"""


@pytest.fixture(scope="module")
def database(lmsschema: Program, lms_databases: Databases) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a lean database with synthetic data; small tables aren't read whole."""
    name = lms_databases.create()
    url = lms_databases.url(name)
    for command in (("upgrade", "--profile", LEAN), ("demo", "--events", "6000", "--seed", "7")):
        done = lmsschema(*command, "--url", url)
        assert done.code == 0, done.err
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SET enable_seqscan = off")
        conn.execute(MORE)
        conn.execute("VACUUM ANALYZE")
        yield conn
    lms_databases.drop(name)


class Workload:
    """What is run of the statements, each once."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self._conn = conn
        with conn.cursor(row_factory=dict_row) as cursor:
            self._values = cursor.execute(VALUES).fetchone() or {}

    @functools.cache  # noqa: B019  it lives as long as the module
    def run(self, name: str) -> tuple[frozenset[str], str]:
        """Run a statement; return the indexes that were scanned, and its plan."""
        with self._conn.transaction(force_rollback=True):
            before = dict(self._conn.execute(SCANS).fetchall())
            explained = f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {statements()[name].text}"
            plan = self._conn.execute(explained.encode(), self._values).fetchall()
            after = dict(self._conn.execute(SCANS).fetchall())
        scanned = frozenset(one for one in after if after[one] > before.get(one, 0))
        return scanned, "\n".join(line for (line,) in plan)


@pytest.fixture(scope="module")
def workload(database: psycopg.Connection[Any]) -> Workload:
    return Workload(database)


@pytest.mark.parametrize("index", SERVED)
def test_an_index_is_used_by_what_it_serves(workload: Workload, index: str) -> None:
    assert SERVED[index]
    for name in SERVED[index]:
        scanned, plan = workload.run(name)
        assert index in scanned, f"{name} does not use it:\n{plan}"


def test_the_others_run_as_well(workload: Workload) -> None:
    for name in statements():
        workload.run(name)
