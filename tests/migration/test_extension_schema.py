"""A revision that uses an extension which lies in another schema than the one that is upgraded."""

from pathlib import Path

import psycopg

from lmsschema.database import extensions
from tests.support import checkouts

COLUMN = "ALTER TABLE users ADD COLUMN nickname citext"
STEPS = {
    "9001_column": checkouts.text("9001_column", checkouts.HEAD, f'    op.execute("{COLUMN}")'),
    "9002_step": checkouts.text(
        "9002_step",
        "9001_column",
        "    steps.apply(op, STEPS)",
        'STEPS = (AddColumn("courses", "nickname", "CITEXT"),)\n',
    ),
}
OF_NORTH = "SELECT relname FROM pg_class WHERE relnamespace = 'north'::regnamespace"
COLUMNS = (
    "SELECT attrelid::regclass::text, format_type(atttypid, atttypmod) FROM pg_attribute"
    " WHERE attname = 'nickname' ORDER BY 1"
)


def test_what_an_extension_made_is_found_in_a_schema_that_holds_nothing_else(
    database_url: str, tmp_path: Path
) -> None:
    program = checkouts.write(tmp_path, STEPS)
    run = ("--url", database_url, "--schema", "north")
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("CREATE EXTENSION citext SCHEMA public")
        done = program("upgrade", *run)
        assert done.code == 0, done
        assert conn.execute(COLUMNS).fetchall() == [
            ("north.courses", "citext"),
            ("north.users", "citext"),
        ]
        conn.execute("UPDATE north.lmsschema_version SET version_num = '9001_column'")
        again = program("upgrade", *run)  # as after an interruption: the column is known
        assert again.code == 0, again.err
        assert program("check", *run).code == 3  # the columns, which are not declared
        made = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        assert conn.execute(made.encode()).fetchone() == (0,)


def test_a_schema_with_an_lms_of_its_own_is_not_searched(upgraded_url: str, tmp_path: Path) -> None:
    program = checkouts.write(tmp_path, STEPS)
    run = ("--url", upgraded_url, "--schema", "north")
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute("CREATE EXTENSION citext SCHEMA public")
        assert program("upgrade", checkouts.HEAD, *run).code == 0
        conn.execute("DROP TABLE north.users CASCADE")  # then users would mean the other one
        refused = program("upgrade", *run)
        assert refused.code == 1, refused.err
        assert 'relation "users" does not exist' in refused.err
        assert conn.execute(COLUMNS).fetchall() == []
        conn.execute("CREATE TABLE north.users (); CREATE SCHEMA extensions")
        refused = program("upgrade", *run)
        assert refused.code == 1, refused.err
        assert 'type "citext" does not exist' in refused.err
        conn.execute("ALTER EXTENSION citext SET SCHEMA extensions")
        done = program("upgrade", "9001", *run)
        assert done.code == 0, done.err
        assert conn.execute(COLUMNS).fetchall() == [("north.users", "extensions.citext")]


def test_only_a_schema_that_is_an_extension_s_alone_is_searched(
    connection: psycopg.Connection,
) -> None:
    connection.execute("CREATE SCHEMA north; CREATE SCHEMA extensions")
    connection.execute("CREATE EXTENSION citext SCHEMA extensions")
    connection.execute("CREATE EXTENSION ltree SCHEMA extensions")
    connection.execute("CREATE EXTENSION pg_stat_statements SCHEMA extensions")  # it has views
    assert extensions.path(connection, "north") == "north, extensions"
    for made, dropped in (
        ("CREATE TABLE extensions.users ()", "DROP TABLE extensions.users"),
        ("CREATE SEQUENCE extensions.s", "DROP SEQUENCE extensions.s"),
        ("CREATE TYPE extensions.t AS ENUM ('a')", "DROP TYPE extensions.t"),
        ("CREATE DOMAIN extensions.d AS int", "DROP DOMAIN extensions.d"),
        (
            "CREATE FUNCTION extensions.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "DROP FUNCTION extensions.f",
        ),
        (
            "CREATE OPERATOR extensions.=== (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int)",
            "DROP OPERATOR extensions.=== (int, int)",
        ),
        (
            "GRANT CREATE ON SCHEMA extensions TO PUBLIC",
            "REVOKE CREATE ON SCHEMA extensions FROM PUBLIC",
        ),
    ):
        connection.execute(made)
        assert extensions.path(connection, "north") == "north", made
        connection.execute(dropped)
        assert extensions.path(connection, "north") == "north, extensions", dropped
    assert extensions.path(connection, "extensions") == "extensions"
