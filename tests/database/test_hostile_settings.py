"""What a role has set never changes what a command does: all that a role may set, set badly."""

import contextlib
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.locks import concurrently
from lmsschema.locks.context import Context, Patience, silent
from lmsschema.testing.databases import url as url_of
from lmsschema.testing.servers import RunningServer
from tests.support import pooler
from tests.support.program import Program

CATEGORIES = ("Client Connection Defaults%", "Version and Platform%", "Error Handling")

#: By these a site says who works where, or that nothing is to be changed; or they load code.
MEANT = ("search_path", "default_transaction_read_only", "local_preload_libraries")

TEXTS = {
    "DateStyle": "SQL, DMY",
    "TimeZone": "Asia/Kathmandu",
    "client_encoding": "LATIN1",
    "createrole_self_grant": "set",
    "default_text_search_config": "pg_catalog.german",
    "lc_monetary": "POSIX",
    "lc_numeric": "POSIX",
    "lc_time": "POSIX",
    "restrict_nonsystem_relation_kind": "view",
    "timezone_abbreviations": "India",
}


def hostile(kind: str, name: str, usual: str, values: list[str], place: str) -> str:
    """Return a value that a setting should never have."""
    if name in ("default_tablespace", "temp_tablespaces", "default_table_access_method"):
        return place
    if name.endswith("_timeout"):
        return "300"  # milliseconds
    if kind == "bool":
        return "off" if usual == "on" else "on"
    if kind == "enum":
        return next((one for one in reversed(values) if one != usual), usual)
    return TEXTS[name] if kind == "string" else {"extra_float_digits": "-15"}.get(name, "1000")


@pytest.fixture
def role(database_url: str) -> Iterator[str]:
    """The database's owner, who has all of it set badly; a tablespace and a method of that name."""
    name = f"hostile_{uuid.uuid4().hex[:8]}"
    quoted = sql.Identifier(name)
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("SET allow_in_place_tablespaces TO on")
        for statement in (
            "CREATE ROLE {0} LOGIN CREATEDB PASSWORD 'p@ss'",
            "CREATE TABLESPACE {0} OWNER {0} LOCATION ''",
            "CREATE ACCESS METHOD {0} TYPE TABLE HANDLER heap_tableam_handler",
        ):
            conn.execute(sql.SQL(statement).format(quoted))
        owned = sql.SQL("ALTER DATABASE {} OWNER TO {}")
        conn.execute(owned.format(sql.Identifier(conn.info.dbname), quoted))
        found = conn.execute(
            "SELECT name, vartype, boot_val, enumvals FROM pg_settings WHERE context = 'user'"
            " AND category LIKE ANY (%s) AND name <> ALL (%s) AND name NOT LIKE 'transaction\\_%%'"
            " UNION ALL SELECT name, vartype, boot_val, enumvals FROM pg_settings"
            " WHERE name = 'transaction_timeout'",
            [list(CATEGORIES), list(MEANT)],
        ).fetchall()
        assert len(found) > 30
        for setting, kind, usual, values in found:
            value = hostile(kind, setting, usual, values, name)
            conn.execute(
                sql.SQL("ALTER ROLE {} SET {} = {}").format(quoted, sql.Identifier(setting), value)
            )
    yield name
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(quoted))
        back = sql.SQL("ALTER DATABASE {} OWNER TO CURRENT_USER")
        conn.execute(back.format(sql.Identifier(conn.info.dbname)))
        conn.execute(sql.SQL("DROP ACCESS METHOD {}").format(quoted))
        for (template,) in conn.execute(
            "SELECT datname FROM pg_database WHERE datdba = %s::regrole", [name]
        ).fetchall():
            for statement in ("ALTER DATABASE {} IS_TEMPLATE false", "DROP DATABASE {}"):
                conn.execute(sql.SQL(statement).format(sql.Identifier(template)))
        conn.execute(sql.SQL("DROP TABLESPACE {}").format(quoted))
        conn.execute(sql.SQL("DROP ROLE {}").format(quoted))


def as_role(url: str, role: str) -> str:
    return psycopg.conninfo.make_conninfo(url, user=role, password="p@ss")


def placed(url: str, name: str) -> list[tuple[object, ...]]:
    """Return what is not where, or not how, a database's own things are."""
    with psycopg.connect(url) as conn:
        return conn.execute(
            "SELECT c.relname FROM pg_class AS c LEFT JOIN pg_am AS a ON a.oid = c.relam"
            " WHERE c.reltablespace IN (SELECT oid FROM pg_tablespace WHERE spcname = %s)"
            " OR a.amname = %s",
            [name, name],
        ).fetchall()


def run_commands(lmsschema: Program, url: str) -> None:
    """Run the commands; each does what it always does."""
    for command, code in (
        ("upgrade 0002", 0),
        ("plan", 0),
        ("upgrade", 0),
        ("upgrade", 0),
        ("current", 0),
        ("check --strict", 0),
        ("adopt --dry-run", 0),
        ("partitions ensure --ahead 5", 0),
        ("partitions ensure --repair", 0),
        ("partitions list", 0),
        ("partitions heal", 0),
        ("partitions prune --keep 1y", 0),
        ("partitions check", 0),
        ("doctor", 0),
        ("downgrade base --lose-rows", 0),
        ("upgrade", 0),
    ):
        done = lmsschema(*command.split(), "--url", url, "--json")
        assert done.code == code, (command, done)


def test_settings_of_a_role_change_nothing(
    lmsschema: Program, database_url: str, role: str
) -> None:
    run_commands(lmsschema, as_role(database_url, role))
    assert placed(database_url, role) == []


def test_nor_through_pgbouncer_in_transaction_mode(
    lmsschema: Program, database_url: str, role: str
) -> None:
    with pooler.transaction_mode(as_role(database_url, role)) as url:
        run_commands(lmsschema, url)
    assert placed(database_url, role) == []


def test_nor_what_createdb_makes(lmsschema: Program, lms_server: RunningServer, role: str) -> None:
    url = as_role(lms_server.url, role)
    made = lmsschema("createdb", f"{role}_made", "--url", url)
    assert made.code == 0, made.err
    of_it = url_of(url, f"{role}_made")
    assert placed(url_of(lms_server.url, f"{role}_made"), role) == []
    assert lmsschema("check", "--strict", "--url", of_it).code == 0
    dropped = lmsschema("dropdb", f"{role}_made", "--yes", "--url", url)
    assert dropped.code == 0, dropped.err


def test_triggers_and_rules_switched_off_for_a_role_are_refused(
    lmsschema: Program, lms_server: RunningServer, database_url: str, role: str
) -> None:
    with psycopg.connect(lms_server.url, autocommit=True) as conn:
        off = "ALTER ROLE {} SET session_replication_role = replica"
        conn.execute(sql.SQL(off).format(sql.Identifier(role)))
    refused = lmsschema("upgrade", "--url", as_role(database_url, role))
    assert refused.code == 4
    assert f'ALTER ROLE "{role}" RESET session_replication_role;' in refused.err


def test_createdb_wants_a_direct_connection(lmsschema: Program, database_url: str) -> None:
    with pooler.transaction_mode(database_url) as url:
        refused = lmsschema("createdb", "never_made", "--url", url)
    assert refused.code == 4
    assert "needs a direct connection" in refused.err


def test_a_statement_timeout_behind_a_pooler_is_nobody_s_lock(database_url: str, role: str) -> None:
    """Outside a transaction the settings of a pooler's session are the role's."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(f"ALTER ROLE {role} SET statement_timeout = '50ms'".encode())
    with pooler.transaction_mode(as_role(database_url, role)) as url:
        database = connect(Target(url, "the test"))
        with contextlib.closing(database.conn), pytest.raises(psycopg.errors.QueryCanceled):
            concurrently.run(
                Context(database, Patience(total=1), silent),
                sql.SQL("SELECT pg_catalog.pg_sleep(30)").format(),
                table="users",
                what="build an index",
                drops=False,
            )


def test_a_statement_outside_a_transaction_leaves_the_state(database_url: str, role: str) -> None:
    database = connect(Target(as_role(database_url, role), "the test"))
    with contextlib.closing(database.conn) as conn:
        concurrently.run(
            Context(database, Patience(total=1), silent),
            sql.SQL("SELECT 1").format(),
            table="users",
            what="build an index",
            drops=False,
        )
        assert conn.execute("SHOW statement_timeout").fetchone() == ("0",)
        assert conn.execute("SHOW lock_timeout").fetchone() == ("1min",)
