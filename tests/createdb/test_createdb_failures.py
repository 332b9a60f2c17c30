"""Owners, rights, interruptions and full disks while a database is created or dropped."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from lmsschema.testing.databases import url
from lmsschema.testing.servers import RunningServer
from tests.support import own_servers
from tests.support.clocked import clocked
from tests.support.created import (
    Names,
    as_user,
    at_head,
    half_way,
    ours,
    quoted,
)
from tests.support.program import Program, clean_environment


@pytest.mark.parametrize(("answer", "code"), [("n", 6), ("y", 0)])
def test_on_a_terminal_the_user_is_asked(
    lmsschema: Program, lms_server: RunningServer, names: Names, answer: str, code: int
) -> None:
    name = names()
    assert lmsschema("createdb", name, "--url", lms_server.url).code == 0
    controller, terminal = pty.openpty()
    asked = subprocess.Popen(
        [sys.executable, "-m", "lmsschema", "dropdb", name, "--url", lms_server.url],
        env=clean_environment(),
        stdin=terminal,
        stderr=terminal,
        stdout=subprocess.DEVNULL,
    )
    os.close(terminal)
    heard = ""
    while "[y/N]" not in heard:
        heard += os.read(controller, 1000).decode()
    os.write(controller, f"{answer}\n".encode())
    assert asked.wait(60) == code
    os.close(controller)
    again = lmsschema("dropdb", name, "--url", lms_server.url, "--yes")
    assert again.code == (0 if code else 4)


def test_an_owner_owns_all_that_is_in_it(
    lmsschema: Program, lms_server: RunningServer, names: Names, admin: psycopg.Connection
) -> None:
    name, role = names(), names()
    admin.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(quoted(role)))
    done = lmsschema("createdb", name, "--url", lms_server.url, "--owner", role)
    assert done.code == 0, done.err
    with psycopg.connect(url(lms_server.url, name)) as conn:
        owners = conn.execute(
            "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE oid >= 16384"
            " UNION SELECT pg_get_userbyid(datdba) FROM pg_database"
            " WHERE datname = current_database()"
        ).fetchall()
    assert owners == [(role,)]
    assert at_head(lms_server, name)

    missing, other = names(), names()
    done = lmsschema("createdb", other, "--url", lms_server.url, "--owner", missing)
    assert (done.code, f"there is no role {missing}" in done.err) == (4, True)
    assert f'CREATE ROLE "{missing}";' in done.err
    left = "SELECT FROM pg_database WHERE datname = %s"
    assert admin.execute(left, [other]).fetchone() is None


def test_a_role_with_createdb_needs_no_more_and_one_without_is_told(
    lmsschema: Program, lms_server: RunningServer, names: Names, admin: psycopg.Connection
) -> None:
    name, role = names(), names()
    admin.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD 'p@ss'").format(quoted(role)))
    as_role = as_user(lms_server, role)
    done = lmsschema("createdb", name, "--url", as_role)
    assert done.code == 0, done.err
    assert lmsschema("dropdb", name, "--url", as_role, "--yes").code == 0
    admin.execute(sql.SQL("ALTER ROLE {} NOCREATEDB").format(quoted(role)))
    refused = lmsschema("createdb", name, "--url", as_role)
    assert refused.code == 4
    assert f'ALTER ROLE "{role}" CREATEDB' in refused.err
    assert "p@ss" not in refused.err


def test_interrupted_it_leaves_nothing_behind(
    lms_server: RunningServer, names: Names, admin: psycopg.Connection
) -> None:
    process, interim = half_way(lms_server, names(), admin, "new", "--no-template")
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    assert process.wait(60) == 130
    assert interim not in ours(admin)


def test_what_a_killed_run_left_the_next_one_drops(
    lmsschema: Program, lms_server: RunningServer, names: Names, admin: psycopg.Connection
) -> None:
    name = names()
    process, interim = half_way(lms_server, name, admin, "new", "--no-template")
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10  # the server notices when the statement under way ends
    while interim in ours(admin) and time.monotonic() < deadline:
        done = lmsschema("createdb", name, "--url", lms_server.url, "--replace", "--yes")
        assert done.code == 0, done.err
    assert interim not in ours(admin)


@pytest.fixture
def small_disk() -> Iterator[str]:
    """The URL of a server whose databases lie on a disk with room for some two of ours."""
    with own_servers.small_disk(28_000_000) as server:
        yield server.url("postgres")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")
def test_without_room_on_the_disk_nothing_is_left_behind(
    lmsschema: Program, small_disk: str
) -> None:
    made: list[str] = []
    while (done := lmsschema("createdb", f"campus_{len(made)}", "--url", small_disk)).code == 0:
        made.append(f"campus_{len(made)}")
        assert len(made) < 9
    assert made
    assert done.code == 4
    assert "No space left on device" in done.err
    with psycopg.connect(small_disk) as conn:
        left = {name for (name,) in conn.execute("SELECT datname FROM pg_database")}
        assert left == {"postgres", "template0", "template1", *made, *ours(conn)}


@pytest.mark.parametrize("command", ["createdb", "dropdb"])
def test_where_no_server_is_exit_4(lmsschema: Program, command: str) -> None:
    done = lmsschema(command, "lms", "--url", "host=/nonexistent user=a password=geheim")
    assert done.code == 4
    assert "geheim" not in done.err


def test_a_name_that_can_be_none_is_wrong_usage(
    lmsschema: Program, lms_server: RunningServer
) -> None:
    assert lmsschema("createdb", "x" * 64, "--url", lms_server.url).code == 2


def test_dropdb_of_none_and_of_a_template(lmsschema: Program, lms_server: RunningServer) -> None:
    where = ("--url", lms_server.url, "--yes")
    assert lmsschema("dropdb", "there is none", *where).code == 4
    assert lmsschema("dropdb", "template1", *where).code == 6


def test_a_copy_has_the_partitions_of_its_own_day_not_of_the_template(lmsschema: Program) -> None:
    found = []
    with clocked() as server:
        for day in ("2027-11-30 12:00:00", "2027-12-01 00:00:00"):
            server_url = server.set(f"@{day}")
            name = f"campus_{day[:10]}"
            done = lmsschema("createdb", name, "--url", server_url, "--json")
            assert done.code == 0, done.err
            with psycopg.connect(url(server_url, name)) as conn:
                rows = conn.execute(
                    "SELECT relname FROM pg_class WHERE relname ~ '^learning_events_\\d{4}_\\d\\d$'"
                    " ORDER BY relname"
                ).fetchall()
            found.append([row[0].removeprefix("learning_events_") for row in rows])
    assert found == [
        ["2027_11", "2027_12", "2028_01", "2028_02"],
        ["2027_12", "2028_01", "2028_02", "2028_03"],
    ]
