"""Databases that were built by hand: which revision they equal, and what they lack to equal one."""

from collections.abc import Callable

import psycopg
import pytest

from lmsschema.database.connection import Database
from lmsschema.drift import adopt, check
from lmsschema.drift import script as drift_script
from lmsschema.drift.adopt import Adoption, Comparison
from lmsschema.drift.compare import Problem
from lmsschema.errors import DatabaseUnavailableError, FindingsError, LockTimeoutError
from lmsschema.locks import run_lock
from lmsschema.locks.context import Context
from lmsschema.migration import revisions
from lmsschema.migration.position import current
from lmsschema.migration.upgrade import upgrade

Open = Callable[..., Database]


@pytest.fixture
def by_hand(upgraded_url: str, opened: Open) -> Database:
    """A database with the newest schema and nothing that says so."""
    database = opened(upgraded_url)
    database.conn.execute("DROP TABLE lmsschema_version")
    return database


def nearest(database: Database) -> Comparison:
    """Return the comparison that adopt would act on."""
    return adopt.run(database, dry_run=True).nearest


def differences(database: Database) -> set[tuple[str, str, str]]:
    """Return table, object and attribute of each difference."""
    return {
        (one.identity.relation, one.identity.name, one.attribute)
        for one in nearest(database).differences
    }


def test_what_equals_the_newest_revision_is_recorded(by_hand: Database) -> None:
    tried = adopt.run(by_hand, dry_run=True)
    assert (tried.nearest.revision, tried.nearest.equal, tried.stamped) == (
        revisions.head(),
        True,
        False,
    )
    assert current(by_hand) is None
    assert adopt.run(by_hand).stamped
    assert current(by_hand) == revisions.head()
    assert upgrade(by_hand).applied == ()
    assert check.run(by_hand).clean(strict=True)


def test_each_revision_is_found(database_url: str, opened: Open) -> None:
    """Each upgrade goes on from the revision that was recorded."""
    database = opened(database_url)
    for revision in revisions.ids():
        assert upgrade(database, revision).applied == (revision,)
        database.conn.execute("DROP TABLE lmsschema_version")
        done = adopt.run(database)
        found = (done.nearest.revision, done.nearest.equal, done.stamped)
        assert found == (revision, True, True)
    assert check.run(database).clean(strict=True)


def test_a_database_that_has_a_revision_is_compared_with_it(
    upgraded_url: str, opened: Open
) -> None:
    database = opened(upgraded_url)
    done = adopt.run(database)
    assert (done.before, done.nearest.equal, done.stamped) == (revisions.head(), True, False)
    database.conn.execute("ALTER TABLE users ADD COLUMN nick text")
    done = adopt.run(database)
    assert (done.before, done.nearest.equal, done.stamped) == (revisions.head(), False, False)


def test_where_it_equals_none_nothing_is_changed(by_hand: Database) -> None:
    by_hand.conn.execute("ALTER TABLE users ALTER COLUMN email TYPE text")
    done = adopt.run(by_hand)
    assert (done.nearest.revision, done.stamped) == (revisions.head(), False)
    assert ("users", "email", "type") in differences(by_hand)
    assert current(by_hand) is None


def test_an_older_revision_is_not_found_in_a_newer_one_that_differs(by_hand: Database) -> None:
    """A newer revision's tables are no "site's own" to an older one."""
    by_hand.conn.execute("ALTER TABLE learner_analytics DROP COLUMN strength_areas")
    done = adopt.run(by_hand)
    assert done.nearest.revision == revisions.head()
    assert not done.nearest.equal


def test_no_comment_at_all_is_not_nearer_to_an_older_revision(by_hand: Database) -> None:
    tables = by_hand.conn.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p')"
    ).fetchall()
    for (table,) in tables:
        by_hand.conn.execute(f'COMMENT ON TABLE "{table}" IS NULL'.encode())
    found = nearest(by_hand)
    assert found.revision == revisions.head()
    assert found.differences
    assert all(adopt.is_comment(one) for one in found.differences)


def test_what_differs_in_its_name_alone_is_said_so(by_hand: Database) -> None:
    kept = {  # and what gives it another name
        "idx_users_role": "ALTER INDEX idx_users_role",
        "users_email_key": "ALTER TABLE users RENAME CONSTRAINT users_email_key",
        "users_pkey": "ALTER TABLE users RENAME CONSTRAINT users_pkey",
        "courses_instructor_id_fkey": (
            "ALTER TABLE courses RENAME CONSTRAINT courses_instructor_id_fkey"
        ),
        "user_role": "ALTER TYPE user_role",
        "course_status": "ALTER TYPE course_status",
        "idx_learning_events_session": "ALTER INDEX idx_learning_events_session",
    }
    for number, change in enumerate(kept.values()):
        renamed = change if "RENAME" in change else f"{change} RENAME"
        by_hand.conn.execute(f"{renamed} TO mine_{number}".encode())
    found = nearest(by_hand)
    assert not found.equal
    assert found.differences == ()
    names = {rename.expected: rename.found for rename in found.renames}
    assert names == {name: f"mine_{number}" for number, name in enumerate(kept)}
    assert len(found.renames) == len(kept)
    for rename in found.renames:
        by_hand.conn.execute(rename.statement.encode())
    assert nearest(by_hand).equal


def test_the_name_of_a_not_null_constraint(by_hand: Database) -> None:
    """Since 18 the catalogs hold it; before, it has none."""
    if by_hand.version < 18:
        assert nearest(by_hand).equal
        return
    by_hand.conn.execute("ALTER TABLE users RENAME CONSTRAINT users_email_not_null TO mine")
    [rename] = nearest(by_hand).renames
    by_hand.conn.execute(rename.statement.encode())
    assert nearest(by_hand).equal


def test_another_name_does_not_hide_another_definition(by_hand: Database) -> None:
    by_hand.conn.execute(
        "DROP INDEX idx_users_role; CREATE INDEX mine ON users (role DESC);"
        "ALTER TYPE user_role RENAME TO mine; ALTER TYPE mine ADD VALUE 'guest'"
    )
    found = nearest(by_hand)
    assert found.renames == ()
    assert {one.problem for one in found.differences} == {
        Problem.MISSING,
        Problem.UNEXPECTED,
        Problem.CHANGED,
    }


def test_partitions_are_no_revision_s(by_hand: Database) -> None:
    """As the guide makes them: months of a year, here a past one, and no default."""
    by_hand.conn.execute(
        "DO $$ DECLARE one text; BEGIN FOR one IN SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent = 'learning_events'::regclass LOOP EXECUTE 'DROP TABLE ' || one;"
        " END LOOP; END $$;"
        "CREATE TABLE learning_events_2025_01 PARTITION OF learning_events"
        " FOR VALUES FROM ('2025-01-01 00:00+00') TO ('2025-02-01 00:00+00');"
        "CREATE TABLE learning_events_2025_02 PARTITION OF learning_events"
        " FOR VALUES FROM ('2025-02-01 00:00+00') TO ('2025-03-01 00:00+00')"
    )
    found = nearest(by_hand)
    assert all(adopt.is_comment(one) for one in found.differences)  # PARTITION OF copies none
    script = drift_script.render(found.differences, found.expected, found.found, "public")
    by_hand.conn.execute(script.encode())
    done = adopt.run(by_hand)
    assert done.stamped
    assert "learning_events_default" in done.nearest.partitions
    upgrade(by_hand)
    # from March 2025 to last month: a hole that only partitions create fills
    assert adopt.run(by_hand).nearest.partitions == ("learning_events_2025_03",)


def test_partitions_off_the_grid_are_a_difference(by_hand: Database) -> None:
    by_hand.conn.execute(
        "CREATE TABLE learning_events_2025_01 PARTITION OF learning_events"
        " FOR VALUES FROM ('2025-01-01 05:00+00') TO ('2025-02-01 05:00+00')"
    )
    assert ("learning_events_2025_01", "learning_events_2025_01", "bounds") in differences(by_hand)


def test_what_a_site_has_besides_is_counted_and_does_not_matter(by_hand: Database) -> None:
    by_hand.conn.execute("CREATE TABLE backup_2024 (n int); CREATE TYPE mood AS ENUM ('a')")
    done = adopt.run(by_hand)
    assert (done.stamped, done.nearest.unmanaged) == (True, 2)


@pytest.mark.parametrize("schema", ["public", "nowhere"])
def test_an_empty_schema_has_nothing_to_adopt(database_url: str, opened: Open, schema: str) -> None:
    database = opened(database_url, schema)
    database.conn.execute("CREATE TABLE IF NOT EXISTS public.mine (n int)")
    with pytest.raises(FindingsError, match="nothing to adopt") as nothing:
        adopt.run(database)
    assert "lmsschema upgrade" in nothing.value.hint
    assert current(database) is None


def test_it_runs_under_the_run_lock(by_hand: Database, opened: Open, upgraded_url: str) -> None:
    other = opened(upgraded_url)
    with run_lock.hold(Context(other), wait=0):
        with pytest.raises(LockTimeoutError, match="another run of lmsschema"):
            adopt.run(by_hand, wait=0)
        assert adopt.run(by_hand, dry_run=True).nearest.equal
    assert current(by_hand) is None


def test_a_role_that_may_only_read_can_try(
    by_hand: Database, opened: Open, upgraded_url: str
) -> None:
    role = f"reader_{by_hand.conn.info.dbname}"
    by_hand.conn.execute(
        f"CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT CREATE ON DATABASE"
        f" {by_hand.conn.info.dbname} TO {role}".encode()
    )
    try:
        reader = opened(psycopg.conninfo.make_conninfo(upgraded_url, user=role, password="x"))
        assert adopt.run(reader, dry_run=True).nearest.equal
        with pytest.raises(DatabaseUnavailableError, match="may not create in schema"):
            adopt.run(reader)
        reader.conn.close()
    finally:
        by_hand.conn.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


def test_a_schema_of_another_name(opened: Open, database_url: str) -> None:
    north = opened(database_url, "Campus North")
    upgrade(north)
    north = opened(database_url, "Campus North")
    north.conn.execute('DROP TABLE "Campus North".lmsschema_version')
    done: Adoption = adopt.run(north)
    assert done.stamped
    assert current(north) == revisions.head()
