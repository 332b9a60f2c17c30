"""What doctor finds in a database at head, and that its commands mend it."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Self

import psycopg
import pytest
from psycopg import errors, sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.doctor import examine
from lmsschema.doctor.finding import Finding, Limits
from lmsschema.errors import DatabaseUnavailableError
from lmsschema.migration import migrate

Open = Callable[..., Database]

NOW = Limits(age=timedelta(0))
SMALL = Limits(age=timedelta(0), rows=0, pages=0, kept=timedelta(0))


@pytest.fixture
def database(upgraded_url: str, opened: Open) -> Database:
    """A database at head, as the program opens it."""
    return opened(upgraded_url)


@pytest.fixture
def other(upgraded_url: str) -> Iterator[psycopg.Connection]:
    """Another session, in autocommit mode."""
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        yield conn


def found(database: Database, topic: str, limits: Limits = SMALL) -> list[Finding]:
    """Return the findings of a topic."""
    return [one for one in examine.examine(database, limits).findings if one.topic == topic]


def the(database: Database, topic: str, name: str, limits: Limits = SMALL) -> Finding:
    """Return the one finding of a topic about something."""
    [finding] = [one for one in found(database, topic, limits) if one.name == name]
    return finding


def mend(conn: psycopg.Connection, finding: Finding) -> None:
    """Run the commands of a finding as they are printed."""
    assert finding.remedy
    for command in finding.remedy:
        conn.execute(command.encode())


def test_a_fresh_database_needs_no_hand(database: Database) -> None:
    report = examine.examine(database)
    assert [one for one in report.findings if one.action_required] == []
    assert report.healthy
    assert not report.standby


def test_the_guide_s_own_redundant_indexes_are_known(database: Database) -> None:
    redundant = {one.name: one for one in found(database, "redundant-index")}
    assert {
        "idx_institutions_domain",
        "idx_lessons_course",
        "idx_lessons_course_order",
        "idx_section_progress_user_section",
    } <= set(redundant)
    for one in redundant.values():
        assert (one.action_required, one.remedy) == (False, ())
        assert "the guide declares it" in one.message
    # begins with another's columns in another order, which is another index
    assert "idx_learning_events_user_time" not in redundant


def duplicate_names(conn: psycopg.Connection) -> None:
    conn.execute(
        "INSERT INTO institutions (name, domain, education_level)"
        " VALUES ('North', 'n.example', 'k12'), ('North', 'm.example', 'k12')"
    )


def half_built(conn: psycopg.Connection) -> None:
    """Leave an index INVALID, as a failed build does."""
    duplicate_names(conn)
    with pytest.raises(errors.UniqueViolation):
        conn.execute("CREATE UNIQUE INDEX CONCURRENTLY names ON institutions (name)")
    conn.execute("DELETE FROM institutions WHERE domain = 'm.example'")


def test_an_index_that_failed_to_build(database: Database, other: psycopg.Connection) -> None:
    half_built(other)
    finding = the(database, "invalid-index", "names")
    assert finding.action_required
    mend(other, finding)
    assert found(database, "invalid-index") == []
    valid = other.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'names'::regclass")
    assert valid.fetchone() == (True,)


def test_what_a_cut_short_reindex_leaves(database: Database, other: psycopg.Connection) -> None:
    duplicate_names(other)
    with pytest.raises(errors.UniqueViolation):
        other.execute("CREATE UNIQUE INDEX CONCURRENTLY names_ccnew1 ON institutions (name)")
    mend(other, the(database, "invalid-index", "names_ccnew1"))
    assert other.execute("SELECT to_regclass('names_ccnew1')").fetchone() == (None,)


def test_an_index_being_built_needs_no_hand(
    database: Database, other: psycopg.Connection, upgraded_url: str
) -> None:
    half_built(other)
    with psycopg.connect(upgraded_url) as builder:
        builder.execute("LOCK TABLE institutions IN SHARE UPDATE EXCLUSIVE MODE")
        finding = the(database, "index-being-built", "names")
        assert not finding.action_required
        assert finding.details["pid"] == builder.info.backend_pid
        assert found(database, "invalid-index") == []
    assert the(database, "invalid-index", "names").action_required


def test_an_index_that_not_every_partition_has(
    database: Database, other: psycopg.Connection
) -> None:
    other.execute("CREATE INDEX idx_learning_events_act ON ONLY learning_events (event_action)")
    finding = the(database, "invalid-index", "idx_learning_events_act")
    mend(other, finding)
    assert found(database, "invalid-index") == []


def test_an_index_of_which_a_partition_has_an_invalid_part(
    database: Database, other: psycopg.Connection
) -> None:
    other.execute("CREATE INDEX idx_act ON learning_events (event_action)")
    part = other.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent = 'idx_act'::regclass ORDER BY 1 LIMIT 1"
    ).fetchone()
    assert part is not None
    other.execute(
        "UPDATE pg_index SET indisvalid = false"
        " WHERE indexrelid IN (%s::regclass, 'idx_act'::regclass)",
        part,
    )
    assert {one.name for one in found(database, "invalid-index")} == {"idx_act", *part}
    mend(other, the(database, "invalid-index", "idx_act"))
    assert found(database, "invalid-index") == []


@pytest.mark.parametrize(
    "made",
    [
        "ALTER TABLE users ADD CONSTRAINT c CHECK (email <> '') NOT VALID",
        "ALTER TABLE users ADD CONSTRAINT c FOREIGN KEY (id) REFERENCES users NOT VALID",
        "ALTER TABLE learning_events ADD CONSTRAINT c CHECK (event_type <> '') NOT VALID",
        "CREATE DOMAIN c AS text; ALTER DOMAIN c ADD CONSTRAINT c CHECK (value <> '') NOT VALID",
    ],
)
def test_a_constraint_never_validated(
    database: Database, other: psycopg.Connection, made: str
) -> None:
    assert found(database, "constraint-not-validated") == []
    other.execute(made.encode())
    finding = the(database, "constraint-not-validated", "c")
    assert finding.action_required
    mend(other, finding)
    assert found(database, "constraint-not-validated") == []


def test_a_constraint_that_is_not_enforced_on_purpose(
    database: Database, other: psycopg.Connection
) -> None:
    made = "ALTER TABLE users ADD CONSTRAINT c CHECK (email <> '') NOT ENFORCED"
    if database.version < 18:
        with pytest.raises(errors.SyntaxError):
            other.execute(made.encode())
        return
    other.execute(made.encode())
    assert not the(database, "constraint-not-enforced", "c").action_required
    assert found(database, "constraint-not-validated") == []


def test_a_detach_that_was_cut_short(
    database: Database, other: psycopg.Connection, upgraded_url: str
) -> None:
    other.execute(
        "CREATE TABLE grades (at int) PARTITION BY RANGE (at);"
        "CREATE TABLE grades_1 PARTITION OF grades FOR VALUES FROM (0) TO (10)"
    )
    with psycopg.connect(upgraded_url) as reader:
        reader.execute("SELECT FROM grades")
        other.execute("SET statement_timeout = '200ms'")
        with pytest.raises(errors.QueryCanceled):
            other.execute("ALTER TABLE grades DETACH PARTITION grades_1 CONCURRENTLY")
        other.execute("RESET statement_timeout")
    finding = the(database, "detach-pending", "grades_1")
    mend(other, finding)
    assert found(database, "detach-pending") == []


def test_rows_in_the_default_and_a_hole(database: Database, other: psycopg.Connection) -> None:
    assert found(database, "partitions") == []
    other.execute(
        "INSERT INTO learning_events"
        " (event_type, event_category, event_action, session_id, event_timestamp)"
        " VALUES ('view', 'navigation', 'open', gen_random_uuid(), '2031-05-05')"
    )
    [finding] = found(database, "partitions")
    assert finding.action_required
    assert finding.message == "1 rows in learning_events_default"
    assert finding.remedy == ("lmsschema partitions heal --schema public",)
    month = other.execute("SELECT to_char(now() + '1 month', '\"learning_events_\"YYYY_MM')")
    other.execute(f"DROP TABLE {(month.fetchone() or [''])[0]}".encode())
    messages = [one.message for one in found(database, "partitions")]
    assert any(message.startswith("hole from ") for message in messages)


@pytest.fixture
def run(upgraded_url: str) -> Iterator[psycopg.Connection]:
    """A session that holds the run lock, as a run's second connection does."""
    with psycopg.connect(upgraded_url, autocommit=True, application_name="lmsschema") as conn:
        conn.execute("BEGIN")
        assert conn.execute(query("locks/run_lock"), {"schema": "public"}).fetchone() == (True,)
        yield conn


def test_a_lock_of_a_dead_run(
    database: Database, run: psycopg.Connection, other: psycopg.Connection
) -> None:
    time.sleep(0.05)
    finding = the(database, "dead-run", "run lock", NOW)
    assert finding.action_required
    assert finding.details["pid"] == run.info.backend_pid
    mend(other, finding)
    for _ in range(100):
        if not found(database, "dead-run", NOW):
            break
        time.sleep(0.02)
    assert found(database, "dead-run", NOW) == []
    with contextlib.suppress(psycopg.OperationalError):
        run.execute("SELECT 1")


@pytest.mark.usefixtures("run")
def test_a_lock_of_a_run_that_began_lately(database: Database) -> None:
    assert not the(database, "run-at-work", "run lock", Limits()).action_required
    assert found(database, "dead-run", Limits()) == []


@pytest.mark.usefixtures("run")
def test_a_lock_of_a_run_whose_other_session_works(database: Database, upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url, application_name="lmsschema") as worker:
        thread = threading.Thread(target=worker.execute, args=["SELECT pg_sleep(2)"])
        thread.start()
        time.sleep(0.3)
        limits = Limits(age=timedelta(seconds=0.2))
        assert not the(database, "run-at-work", "run lock", limits).action_required
        assert found(database, "dead-run", limits) == []
        thread.join()


@pytest.mark.parametrize(
    ("statement", "holds"),
    [
        ("LOCK TABLE users IN ACCESS SHARE MODE", "locks users"),
        ("SELECT txid_current()", "keeps vacuum"),
    ],
)
def test_an_old_transaction(
    database: Database,
    other: psycopg.Connection,
    upgraded_url: str,
    statement: str,
    holds: str,
) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as forgotten:
        forgotten.execute("BEGIN")
        assert found(database, "old-transaction", NOW) == []  # it holds nothing
        forgotten.execute(statement.encode())
        assert found(database, "old-transaction", Limits()) == []  # it is young
        name = f"session {forgotten.info.backend_pid}"
        finding = the(database, "old-transaction", name, NOW)
        assert finding.action_required
        assert holds in finding.message
        assert statement in finding.message
        mend(other, finding)
        with pytest.raises(psycopg.OperationalError):
            forgotten.execute("SELECT 1")
    assert found(database, "old-transaction", NOW) == []


def test_a_long_statement_is_cancelled_not_killed(
    database: Database, other: psycopg.Connection, upgraded_url: str
) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as busy:
        ended: list[type[Exception]] = []

        def work() -> None:
            try:
                busy.execute("SELECT pg_sleep(30) FROM pg_class")
            except psycopg.Error as error:
                ended.append(type(error))

        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(0.3)
        mend(other, the(database, "old-transaction", f"session {busy.info.backend_pid}", NOW))
        thread.join(10)
        assert ended == [errors.QueryCanceled]
        assert busy.execute("SELECT 1").fetchone() == (1,)


def test_rows_long_not_frozen(database: Database, other: psycopg.Connection) -> None:
    assert found(database, "wraparound", Limits()) == []
    finding = the(database, "wraparound", "users", Limits(xids=1))
    assert not finding.action_required  # autovacuum has not even begun to care
    mend(other, finding)
    frozen = the(database, "wraparound", "users", Limits(xids=0))
    assert int(str(frozen.details["xids"])) < int(str(finding.details["xids"]))


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
        "CREATE INDEX mine ON users (lower(email)); CREATE INDEX z ON users (upper(email))",
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
    assert "kept since 2" in since
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
        assert len(waits) <= 2  # one for the rows of the default, one for the partitions
    assert {one.topic for one in report.findings if one.action_required} == {"invalid-index"}
    assert any(one.topic.endswith("-not-read") for one in report.findings)


def test_the_server_itself_refuses_a_write(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = query
    asked = []

    def writing(name: str) -> sql.SQL:
        asked.append(name)
        return sql.SQL("DELETE FROM users") if name.startswith("doctor/") else real(name)

    monkeypatch.setattr(examine, "query", writing)
    with pytest.raises(errors.ReadOnlySqlTransaction):
        examine.examine(database)
    assert asked


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
            [finding] = [one for one in report.findings if one.topic == topic]
            assert not finding.action_required
            mend(other, finding)
        reader.conn.close()
        other.execute(
            sql.SQL("GRANT SELECT ON learning_events_default TO {}").format(sql.Identifier(role))
        )
        again = {one.topic for one in examine.examine(opened(with_rights, "public")).findings}
        assert not {"default-not-read", "sessions-hidden"} & again
    finally:
        other.execute(sql.SQL("DROP OWNED BY {}; DROP ROLE {}").format(*[sql.Identifier(role)] * 2))


def test_only_the_schema_is_looked_at_and_its_name_is_quoted(
    database: Database, other: psycopg.Connection, opened: Open, upgraded_url: str
) -> None:
    campus = opened(upgraded_url, 'Campus "North"')
    migrate.upgrade(campus)
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
