"""Changes composed at random: the check never says that a database is equal when it is not.

The judge is pg_dump, which knows nothing of the check: where it writes something else, the check
must have seen something too.
"""

import contextlib
import os
from collections.abc import Callable

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from lmsschema.tables import metadata
from lmsschema.testing.databases import Databases
from tests.support.checking import MUTATIONS, checked, filled

#: How many compositions are tried; a long search asks for more.
EXAMPLES = int(os.environ.get("LMSSCHEMA_TEST_EXAMPLES", "25"))

TABLES = sorted(metadata.tables)
COLUMNS = [(table, column.name) for table in TABLES for column in metadata.tables[table].columns]
INDEXES = sorted(str(i.name) for table in TABLES for i in metadata.tables[table].indexes)
CONSTRAINTS = [
    (table, str(constraint.name))
    for table in TABLES
    for constraint in metadata.tables[table].constraints
    if constraint.name is not None
]


def statements(text: str, names: st.SearchStrategy[tuple[str, ...]]) -> st.SearchStrategy[str]:
    """Return statements with names put into a constant text."""
    return names.map(lambda found: sql.SQL(text).format(*map(sql.Identifier, found)).as_string())


columns = st.sampled_from(COLUMNS)
indexes = st.sampled_from(INDEXES).map(lambda name: (name,))
tables = st.sampled_from(TABLES).map(lambda name: (name,))
constraints = st.sampled_from(CONSTRAINTS)
new_names = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x24F, exclude_characters="\x7f"),
    min_size=1,
    max_size=20,
)

named = st.tuples(st.sampled_from(TABLES), new_names)

#: One change each: those of the list, and the same kinds of change anywhere else.
changes = st.one_of(
    st.sampled_from([m.sql for m in MUTATIONS if m.dumped and not m.strict]),
    statements("ALTER TABLE {} ALTER COLUMN {} SET STATISTICS 7", columns),
    statements("ALTER TABLE {} ALTER COLUMN {} SET NOT NULL", columns),
    statements("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL", columns),
    statements("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT", columns),
    statements("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT NULL", columns),
    statements("ALTER TABLE {} ALTER COLUMN {} TYPE text", columns),
    statements("ALTER TABLE {} ALTER COLUMN {} SET STORAGE PLAIN", columns),
    statements("ALTER TABLE {} ALTER COLUMN {} SET (n_distinct = -0.5)", columns),
    statements("ALTER TABLE {} DROP COLUMN {} CASCADE", columns),
    statements("COMMENT ON COLUMN {}.{} IS NULL", columns),
    statements("COMMENT ON COLUMN {}.{} IS 'other'", columns),
    statements("CREATE INDEX ON {} ({})", columns),
    statements("CREATE INDEX ON {} ({} DESC)", columns),
    statements(
        "ALTER TABLE {} RENAME COLUMN {} TO {}",
        st.tuples(columns, new_names).map(lambda parts: (*parts[0], parts[1])),
    ),
    statements("DROP INDEX {}", indexes),
    statements("ALTER INDEX {} RENAME TO {}", st.tuples(st.sampled_from(INDEXES), new_names)),
    statements("COMMENT ON INDEX {} IS 'which query'", indexes),
    statements("ALTER TABLE {} DROP CONSTRAINT {} CASCADE", constraints),
    statements("ALTER TABLE {} RENAME CONSTRAINT {} TO renamed", constraints),
    statements("ALTER TABLE {} ALTER CONSTRAINT {} DEFERRABLE", constraints),
    statements("COMMENT ON CONSTRAINT {1} ON {0} IS 'why'", constraints),
    statements("ALTER TABLE {} SET (autovacuum_vacuum_threshold = 9)", tables),
    statements("ALTER TABLE {} ADD COLUMN {} integer", named),
    statements("CREATE TABLE {} (a integer)", new_names.map(lambda name: (name,))),
    statements("ALTER TABLE {} ENABLE ROW LEVEL SECURITY", tables),
    statements("CREATE POLICY {1} ON {0}", named),
    statements("DROP TABLE {} CASCADE", tables),
)


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(composed=st.lists(changes, min_size=1, max_size=6))
def test_never_a_false_equal(
    composed: list[str],
    lms_databases: Databases,
    lms_template: str,
    upgraded_url: str,
    dump: Callable[[str], str],
) -> None:
    name = lms_databases.create(lms_template)
    try:
        url = lms_databases.url(name)
        with psycopg.connect(url, autocommit=True) as conn:
            for change in composed:
                # not every change can be made after every other
                with contextlib.suppress(psycopg.Error):
                    conn.execute(filled(change, url).encode())
        equal = sorted(dump(url).splitlines()) == sorted(dump(upgraded_url).splitlines())
        assert checked(url).clean(strict=True) == equal
    finally:
        lms_databases.drop(name)
