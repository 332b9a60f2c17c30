"""docs/reference.md says which privileges are enough: roles that have those and no more."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import conninfo, sql

from tests.support.program import Program

Run = Callable[..., int]

#: What a command needs besides USAGE on the schema, where it changes nothing.
READING = {
    "current": ["lmsschema_version"],
    "plan": ["lmsschema_version"],
    "doctor": [],
    "partitions list": [],
    "partitions check": ["learning_events_default", "grade_changes_default"],
    "partitions ensure --dry-run": [],
    "partitions ensure": [],  # nothing is missing
    "partitions create --from 2024-01 --to 2024-01 --dry-run": [],
    "partitions prune --keep 24m --dry-run": [],
    "partitions heal --dry-run": ["learning_events_default", "grade_changes_default"],
    "partitions heal": ["learning_events_default", "grade_changes_default"],  # no row is misplaced
}

REFERRED_TO = ("users", "courses", "lessons", "sections")


@pytest.fixture
def role(upgraded_url: str) -> Iterator[sql.Identifier]:
    """A login role that may use the schema and no more."""
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        role = sql.Identifier(f"few_rights_{conn.info.dbname}")
        conn.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(role))
        conn.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        conn.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
        yield role
        conn.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(role))
        conn.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.fixture
def as_role(lmsschema: Program, upgraded_url: str, role: sql.Identifier) -> Run:
    """Run a command as that role; returns its exit code."""
    name = role.as_string().strip('"')
    url = conninfo.make_conninfo(upgraded_url, user=name, password="x")
    return lambda command: lmsschema(*command.split(), "--url", url).code


@pytest.mark.parametrize("command", READING)
def test_what_a_command_needs_to_read(
    command: str, as_role: Run, role: sql.Identifier, upgraded_url: str
) -> None:
    if READING[command]:
        assert as_role(command) == 4
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        for table in READING[command]:
            grant = sql.SQL("GRANT SELECT ON {} TO {}")
            conn.execute(grant.format(sql.Identifier(table), role))
    assert as_role(command) == 0


def test_the_owner_of_the_partitions_is_enough_except_for_a_drop(
    as_role: Run, role: sql.Identifier, upgraded_url: str
) -> None:
    create = "partitions create --from 2024-01 --to 2024-02"
    assert as_role(create) == 4
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute(sql.SQL("GRANT CREATE ON SCHEMA public TO {}").format(role))
        tables = conn.execute(
            "SELECT relname FROM pg_class"
            " WHERE relname ~ '^(learning_events|grade_changes)' AND relkind IN ('r', 'p')"
        ).fetchall()
        for (table,) in tables:
            owner = sql.SQL("ALTER TABLE {} OWNER TO {}")
            conn.execute(owner.format(sql.Identifier(table), role))
        prune = "partitions prune --keep 24m"
        drop = f"{prune} --action drop --grace 0d"
        for command in (
            create,
            "partitions ensure --ahead 4",
            prune,
            "partitions restore learning_events_2024_01",
        ):
            assert as_role(command) == 0, command
        assert as_role(drop) == 4
        for table in REFERRED_TO:
            grant = sql.SQL("GRANT UPDATE ON {} TO {}")
            conn.execute(grant.format(sql.Identifier(table), role))
        assert as_role(drop) == 0
