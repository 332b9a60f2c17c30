"""The doctor's findings about indexes, and that it waits for nothing."""

from typing import Any, Self

import psycopg
import pytest
from psycopg import errors, sql

from lmsschema.database.connection import Database
from lmsschema.doctor import examine
from lmsschema.doctor.finding import Limits
from lmsschema.errors import DatabaseUnavailableError
from lmsschema.migration.upgrade import upgrade
from tests.support.doctors import NOW, Open, found, half_built, mend, the


@pytest.mark.parametrize(
    ("made", "served_by"),
    [
        ("CREATE INDEX mine ON users (email)", "users_email_key"),
        ("CREATE INDEX mine ON users (institution_id)", "idx_users_institution"),
        ("CREATE INDEX mine ON users (username) INCLUDE (username)", "users_username_key"),
        ("CREATE INDEX mine ON enrollments (user_id)", "enrollments_user_id_course_id_key"),
        (
            "CREATE INDEX mine ON learning_events (session_id)",
            "idx_learning_events_session",
        ),
        (
            "CREATE INDEX mine ON courses (lower(title)); CREATE INDEX z ON courses (lower(title))",
            "z",
        ),
        (
            "CREATE INDEX z ON users (id, role) WHERE role = 'ta';\
             CREATE INDEX mine ON users (id) WHERE role = 'ta'",
            "z",
        ),
    ],
)
def test_a_redundant_index(
    database: Database, other: psycopg.Connection, made: str, served_by: str
) -> None:
    other.execute(made.encode())
    finding = the(database, "redundant-index", "mine")
    assert (finding.action_required, finding.details["served_by"]) == (True, served_by)
    mend(other, finding)
    assert "mine" not in {one.name for one in found(database, "redundant-index")}


@pytest.mark.parametrize(
    "made",
    [
        "CREATE INDEX mine ON users (email DESC)",
        "CREATE INDEX mine ON users (email varchar_pattern_ops)",
        'CREATE INDEX mine ON users (email COLLATE "C")',
        "CREATE INDEX mine ON users (email) WHERE role = 'ta'",
        "CREATE INDEX mine ON users USING hash (email)",
        "CREATE INDEX mine ON users (reverse(email)); CREATE INDEX z ON users (upper(email))",
        "CREATE INDEX mine ON users USING gin (profile)",
        "CREATE INDEX mine ON users (email) INCLUDE (role)",
        "CREATE UNIQUE INDEX mine ON users (role, id)",
        "CREATE UNIQUE INDEX mine ON enrollments (user_id)",
    ],
)
def test_an_index_that_only_looks_redundant(
    database: Database, other: psycopg.Connection, made: str
) -> None:
    other.execute(made.encode())
    assert "mine" not in {one.name for one in found(database, "redundant-index")}


def test_of_two_equal_indexes_one_is_redundant(
    database: Database, other: psycopg.Connection
) -> None:
    other.execute("CREATE INDEX b ON users (created_at); CREATE INDEX a ON users (created_at)")
    mine = [one.name for one in found(database, "redundant-index") if one.name in {"a", "b"}]
    assert mine == ["a"]


def use(conn: psycopg.Connection, statement: str) -> None:
    """Run a query by index and have the statistics say so."""
    conn.execute("SET enable_seqscan = off")
    conn.execute(statement.encode())
    conn.execute("SELECT pg_stat_force_next_flush()")
    conn.execute("SELECT 1")


def test_an_unused_index(database: Database, other: psycopg.Connection) -> None:
    other.execute("CREATE INDEX mine ON learning_events (event_action)")
    finding = the(database, "unused-index", "mine")
    assert not finding.action_required
    assert "(never reset)" in finding.message
    assert not [one for one in found(database, "unused-index", Limits()) if one.name == "mine"]
    assert not [one for one in found(database, "unused-index") if one.name.endswith("_pkey")]
    use(other, "SELECT FROM learning_events_default WHERE event_action = 'x'")
    assert "mine" not in {one.name for one in found(database, "unused-index")}
    other.execute("SELECT pg_stat_reset()")
    since = the(database, "unused-index", "mine").message
    assert "were reset at 2" in since
    declared = the(database, "unused-index", "idx_users_role")
    assert (declared.remedy, "the guide declares it" in declared.message) == ((), True)


def test_young_statistics_call_no_index_unused(
    database: Database, other: psycopg.Connection
) -> None:
    other.execute("SELECT pg_stat_reset()")
    limits = Limits(pages=0)
    assert found(database, "unused-index", limits) == []
    assert not the(database, "statistics-young", "statistics", limits).action_required


@pytest.mark.parametrize("kind", ["", " PARTITION BY RANGE (user_id)"])
def test_a_foreign_key_without_an_index(
    database: Database, other: psycopg.Connection, kind: str
) -> None:
    other.execute(
        f"CREATE TABLE badges (user_id uuid, course_id uuid REFERENCES courses){kind}".encode()
    )
    if kind:
        other.execute("CREATE TABLE badges_a PARTITION OF badges DEFAULT")
    other.execute("INSERT INTO badges (user_id) VALUES (gen_random_uuid()); ANALYZE badges")
    key = "badges_course_id_fkey"
    assert not the(database, "foreign-key-without-index", key, Limits()).action_required
    finding = the(database, "foreign-key-without-index", key, Limits(rows=1))
    assert finding.action_required
    mend(other, finding)
    assert key not in {one.name for one in found(database, "foreign-key-without-index")}
    assert found(database, "invalid-index") == []


@pytest.mark.parametrize(
    ("index", "serves"),
    [
        ("(b, a)", True),
        ("(a, b, c)", True),
        ("(a, c, b)", False),
        ("(a, b) WHERE c > 0", False),
        ("(a, b) WHERE a IS NOT NULL", False),
        ("(a)", False),
    ],
)
def test_which_index_serves_a_key_of_two_columns(
    database: Database, other: psycopg.Connection, index: str, *, serves: bool
) -> None:
    other.execute(
        "CREATE TABLE wide (a uuid, b int, c int, PRIMARY KEY (a, b));"
        "CREATE TABLE narrow (a uuid, b int, c int,"
        " CONSTRAINT narrow_fkey FOREIGN KEY (a, b) REFERENCES wide)"
    )
    other.execute(f"CREATE INDEX ON narrow {index}".encode())
    keys = {one.name for one in found(database, "foreign-key-without-index")}
    assert ("narrow_fkey" not in keys) == serves


@pytest.mark.parametrize(
    ("where", "serves"),
    [
        ('"User" IS NOT NULL', True),
        ('"User" IS NULL', False),
        ("a IS NOT NULL", False),
        ('"User" IS NOT NULL AND a > 0', False),
    ],
)
def test_an_index_without_the_nulls_serves_a_key(
    database: Database, other: psycopg.Connection, where: str, *, serves: bool
) -> None:
    other.execute(
        b'CREATE TABLE badges (a int, "User" uuid CONSTRAINT k REFERENCES users);'
        + f'CREATE INDEX ON badges ("User") WHERE {where}'.encode()
    )
    keys = {one.name for one in found(database, "foreign-key-without-index")}
    assert ("k" not in keys) == serves


def waiting(waits: list[errors.LockNotAvailable]) -> type[psycopg.Cursor[Any]]:
    """Return a kind of cursor that notes each wait for a lock that was given up."""

    class Cursor(psycopg.Cursor[Any]):
        def execute(self, *arguments: Any, **options: Any) -> Self:  # noqa: ANN401  psycopg's
            try:
                return super().execute(*arguments, **options)
            except errors.LockNotAvailable as error:
                waits.append(error)
                raise

    return Cursor


@pytest.mark.parametrize("pattern", ["%", "learning_events_default"])
def test_it_waits_for_no_lock(
    database: Database, other: psycopg.Connection, upgraded_url: str, pattern: str
) -> None:
    half_built(other)
    names = other.execute(
        "SELECT string_agg(quote_ident(relname), ', ') FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND relname LIKE %s",
        [pattern],
    ).fetchone()
    assert names is not None
    with psycopg.connect(upgraded_url) as owner:
        owner.execute(f"LOCK TABLE {names[0]} IN ACCESS EXCLUSIVE MODE".encode())
        waits: list[errors.LockNotAvailable] = []
        database.conn.cursor_factory = waiting(waits)
        report = examine.examine(database)
        # for the rows of the default, for the partitions, for rows that contradict each other
        assert len(waits) <= 3
    assert {one.topic for one in report.findings if one.action_required} == {"invalid-index"}
    assert any(one.topic.endswith("-not-read") for one in report.findings)


def test_the_server_itself_refuses_a_write(database: Database) -> None:
    """Each statement is in a READ ONLY transaction, asked of the server just before it."""
    read_only: list[str] = []

    class Cursor(psycopg.Cursor[Any]):
        def execute(self, *arguments: Any, **options: Any) -> Self:  # noqa: ANN401  psycopg's
            asking = psycopg.Cursor(self.connection)
            row = asking.execute("SHOW transaction_read_only").fetchone()
            read_only.append(str(row))
            return super().execute(*arguments, **options)

    database.conn.cursor_factory = Cursor
    examine.examine(database)
    assert len(read_only) > 20
    assert set(read_only) == {"('on',)"}


def test_a_role_without_any_right_sees_what_the_catalogs_say(
    other: psycopg.Connection, opened: Open, upgraded_url: str
) -> None:
    half_built(other)
    role = f"reader_{other.info.dbname}"
    other.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(sql.Identifier(role)))
    try:
        other.execute("REVOKE ALL ON SCHEMA public FROM public")
        with psycopg.connect(upgraded_url) as forgotten:
            forgotten.execute("LOCK TABLE users IN ACCESS SHARE MODE")
            with_rights = psycopg.conninfo.make_conninfo(upgraded_url, user=role, password="x")
            reader = opened(with_rights, "public")
            report = examine.examine(reader, NOW)
        topics = {one.topic for one in report.findings}
        assert {"invalid-index", "default-not-read", "sessions-hidden"} <= topics
        assert "old-transaction" not in topics
        for topic in ("default-not-read", "sessions-hidden"):
            found = [one for one in report.findings if one.topic == topic]
            assert found
            for finding in found:
                assert not finding.action_required
                mend(other, finding)
        reader.conn.close()
        other.execute(
            sql.SQL("GRANT SELECT ON learning_events_default, grade_changes_default TO {}").format(
                sql.Identifier(role)
            )
        )
        again = {one.topic for one in examine.examine(opened(with_rights, "public")).findings}
        assert not {"default-not-read", "sessions-hidden"} & again
    finally:
        other.execute(sql.SQL("DROP OWNED BY {}; DROP ROLE {}").format(*[sql.Identifier(role)] * 2))


def test_only_the_schema_is_looked_at_and_its_name_is_quoted(
    database: Database, other: psycopg.Connection, opened: Open, upgraded_url: str
) -> None:
    campus = opened(upgraded_url, 'Campus "North"')
    upgrade(campus)
    campus = opened(upgraded_url, 'Campus "North"')
    other.execute('CREATE INDEX "My index" ON "Campus ""North""".users (email)')
    assert "My index" not in {one.name for one in found(database, "redundant-index")}
    mend(other, the(campus, "redundant-index", "My index"))
    assert "My index" not in {one.name for one in found(campus, "redundant-index")}


def test_a_schema_that_is_not_there(opened: Open, upgraded_url: str) -> None:
    with pytest.raises(DatabaseUnavailableError, match="there is no schema nowhere"):
        examine.examine(opened(upgraded_url, "nowhere"))


def test_a_schema_that_is_empty(opened: Open, upgraded_url: str, other: psycopg.Connection) -> None:
    other.execute("CREATE SCHEMA fresh")
    assert examine.examine(opened(upgraded_url, "fresh")).healthy
