import contextlib
import secrets
import threading

import psycopg
from psycopg import conninfo, sql

from lmsschema.testing.databases import PREFIX, Databases
from lmsschema.testing.pool import Pool
from lmsschema.testing.servers import RunningServer


def test_a_database_is_fresh_and_empty(connection: psycopg.Connection) -> None:
    row = connection.execute(
        "SELECT count(*) FROM pg_catalog.pg_class WHERE oid >= 16384"
    ).fetchone()
    assert row == (0,)


def test_what_one_test_writes_no_other_sees(connection: psycopg.Connection) -> None:
    connection.execute("CREATE TABLE left_behind ()")


def test_what_another_test_wrote_this_one_does_not_see(connection: psycopg.Connection) -> None:
    connection.execute("CREATE TABLE left_behind ()")


def test_a_database_at_head_takes_rows(upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url) as conn:
        conn.execute("SELECT FROM users")


def test_a_template_that_another_program_dropped_is_found_again(
    lms_server: RunningServer, lms_template: str
) -> None:
    found = iter(["lmsschema_template_of_nobody", lms_template])
    by = []

    def find() -> str:
        by.append(threading.current_thread())
        return next(found)

    pool = Pool(lms_server.url, find, 1)
    name = pool.take()
    assert by == [threading.main_thread()] * 2  # Alembic, which builds it, is not thread-safe
    with psycopg.connect(pool.url(name)) as conn:
        assert conn.execute("SELECT count(*) FROM users").fetchone() == (0,)
    pool.close()


def test_what_another_role_left_behind_does_not_end_the_run(lms_databases: Databases) -> None:
    with psycopg.connect(lms_databases.url("postgres"), autocommit=True) as admin:
        suffix = secrets.token_hex(4)
        theirs, role = f"{PREFIX}{suffix}_1", f"lms_other_{suffix}"
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(theirs)))
        admin.execute(
            sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD 'p'").format(sql.Identifier(role))
        )
        other = conninfo.make_conninfo(lms_databases.url("postgres"), user=role, password="p")
        try:
            with contextlib.closing(Databases(other)) as databases:
                databases.drop_orphans()
        finally:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(theirs)))
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
