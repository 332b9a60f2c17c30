"""`lmsschema createdb` and `dropdb`, as a user runs them."""

import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from lmsschema.local_server.server import Server
from lmsschema.migration import revisions
from lmsschema.testing import binaries, settings
from lmsschema.testing.databases import url
from lmsschema.testing.servers import RunningServer
from tests.support.clocked import clocked
from tests.support.program import Outcome, Program, clean_environment

ROOT = Path(__file__).parents[2]
Names = Callable[[], str]


@pytest.fixture
def admin(lms_server: RunningServer) -> Iterator[psycopg.Connection]:
    """A connection to the server's maintenance database; drops the templates that a test left."""
    with psycopg.connect(lms_server.url, autocommit=True) as conn:
        yield conn


@pytest.fixture
def names(admin: psycopg.Connection) -> Iterator[Names]:
    """Makes names for databases, schemas and roles; afterwards there are no such any more."""
    made: list[str] = []

    def make() -> str:
        made.append(f"Campus {uuid.uuid4().hex[:12]}")
        return made[-1]

    yield make
    for name in made:
        drop(admin, name)
    for name in ours(admin):
        if any(one in comment(admin, name) for one in made):
            admin.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(quoted(name)))
            drop(admin, name)
    for name in made:
        admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(quoted(name)))


def quoted(name: str) -> sql.Identifier:
    return sql.Identifier(name)


def drop(admin: psycopg.Connection, name: str) -> None:
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(quoted(name)))


def ours(admin: psycopg.Connection) -> list[str]:
    """Return the templates, and what else createdb makes under a name of its own."""
    return [
        name
        for (name,) in admin.execute(
            "SELECT datname FROM pg_database WHERE datname ~ '^lmsschema_(template|building|new)_'"
        )
    ]


def comment(admin: psycopg.Connection, name: str) -> str:
    row = admin.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name]
    ).fetchone()
    return str(row[0]) if row else ""


def at_head(lms_server: RunningServer, name: str, schema: str = "public") -> bool:
    """Say whether the database is at head and takes an event of today in a month's partition."""
    with psycopg.connect(url(lms_server.url, name)) as conn:
        conn.execute(sql.SQL("SET search_path TO {}").format(quoted(schema)))
        version = conn.execute("SELECT version_num FROM lmsschema_version").fetchall()
        home = conn.execute(
            "INSERT INTO learning_events (event_type, event_category, event_action, session_id)"
            " VALUES ('view', 'navigation', 'open', gen_random_uuid())"
            " RETURNING tableoid::regclass::text ~ '_\\d{4}_\\d\\d\"?$'"
        ).fetchone()
    return version == [(revisions.head(),)] and home == (True,)


def test_creates_a_database_at_head(
    lmsschema: Program, lms_server: RunningServer, names: Names
) -> None:
    name = names()
    done = lmsschema("createdb", name, "--url", lms_server.url, "--json")
    assert done.code == 0, done.err
    assert done.json["database"] == name
    assert done.json["template"].startswith("lmsschema_template_")
    assert at_head(lms_server, name)
    checked = lmsschema("check", "--url", url(lms_server.url, name))
    assert checked.code == 0, checked.out


def test_the_second_is_a_copy_of_the_same_template(
    lmsschema: Program, lms_server: RunningServer, names: Names
) -> None:
    schema = names()
    options = ("--url", lms_server.url, "--schema", schema, "--json")
    first, second = (lmsschema("createdb", names(), *options) for _ in range(2))
    assert (first.json["template_built"], second.json["template_built"]) == (True, False)
    assert first.json["template"] == second.json["template"]
    assert at_head(lms_server, second.json["database"], schema)


def test_six_at_once_build_the_template_once(
    lmsschema: Program, lms_server: RunningServer, names: Names
) -> None:
    schema = names()
    wanted = [names() for _ in range(6)]

    def create(name: str) -> Outcome:
        return lmsschema("createdb", name, "--url", lms_server.url, "--schema", schema, "--json")

    with ThreadPoolExecutor(len(wanted)) as pool:
        done = list(pool.map(create, wanted))
    assert [one.code for one in done] == [0] * len(wanted), [one.err for one in done]
    assert sum(one.json["template_built"] for one in done) == 1
    assert len({one.json["template"] for one in done}) == 1
    assert all(at_head(lms_server, name, schema) for name in wanted)


def test_a_template_half_built_by_a_killed_process_is_never_taken(
    lmsschema: Program, lms_server: RunningServer, names: Names, admin: psycopg.Connection
) -> None:
    options = ("--url", lms_server.url, "--schema", names())
    killed, half_built = half_way(lms_server, names(), admin, "building", *options[2:])
    killed.kill()
    killed.wait()
    assert half_built in ours(admin)
    done = lmsschema("createdb", name := names(), *options, "--json")
    assert done.code == 0, done.err
    assert done.json["template_built"] is True
    assert at_head(lms_server, name, options[-1])
    assert half_built not in ours(admin)


def test_what_a_killed_process_left_of_another_template_is_dropped_with_the_next_build(
    lmsschema: Program, lms_server: RunningServer, names: Names, admin: psycopg.Connection
) -> None:
    options = ("--url", lms_server.url, "--schema", names(), "--json")
    template = lmsschema("createdb", names(), *options).json["template"]
    other = template.replace("template", "building")[:-24]
    dead, alive = f"{other}{0:024x}", f"{other}{1 << 68:024x}"
    for name in (dead, alive):
        admin.execute(sql.SQL("CREATE DATABASE {}").format(quoted(name)))
    admin.execute("SELECT pg_advisory_lock(%s, 1)", [0x6C6D74])  # as its builder holds it
    admin.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(quoted(template)))
    drop(admin, template)
    try:
        assert lmsschema("createdb", names(), *options).json["template_built"] is True
        found = ours(admin)
        assert (dead in found, alive in found) == (False, True)
    finally:
        drop(admin, dead)
        drop(admin, alive)


def test_another_declared_schema_gets_another_template_and_the_old_one_is_dropped(
    lmsschema: Program,
    lms_server: RunningServer,
    names: Names,
    admin: psycopg.Connection,
    tmp_path: Path,
) -> None:
    options = ("--url", lms_server.url, "--schema", names(), "--json")
    old = lmsschema("createdb", names(), *options).json["template"]
    for folder in ("lmsschema", "migrations"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    head = revisions.head()
    (tmp_path / "migrations" / "versions" / "9000_next.py").write_text(
        f'"""Next."""\nfrom alembic import op\nrevision = "9000_next"\ndown_revision = "{head}"\n'
        'def upgrade():\n    op.execute("CREATE TABLE next_one ()")\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "lmsschema", "createdb", name := names(), *options],
        cwd=tmp_path,
        env=clean_environment(PYTHONPATH=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with psycopg.connect(url(lms_server.url, name)) as conn:
        found = sql.SQL("SELECT FROM {}.next_one").format(quoted(options[3]))
        assert conn.execute(found).rowcount == 0
    assert old not in ours(admin)


def test_without_a_template_none_is_left(
    lmsschema: Program, lms_server: RunningServer, names: Names, admin: psycopg.Connection
) -> None:
    before = set(ours(admin))
    schema, name = names(), names()
    options = ("--url", lms_server.url, "--schema", schema, "--no-template", "--json")
    done = lmsschema("createdb", name, *options)
    assert (done.code, done.json["template"]) == (0, None)
    assert at_head(lms_server, name, schema)
    assert not {name for name in set(ours(admin)) - before if schema in comment(admin, name)}


def test_a_taken_name_is_refused_and_replaced_only_when_told_to(
    lmsschema: Program, lms_server: RunningServer, names: Names
) -> None:
    name = names()
    where = ("--url", lms_server.url)
    assert lmsschema("createdb", name, *where).code == 0
    mark(lms_server, name)
    taken = lmsschema("createdb", name, *where)
    assert (taken.code, "--replace" in taken.err) == (6, True)
    unasked = lmsschema("createdb", name, *where, "--replace")
    assert (unasked.code, "--yes" in unasked.err) == (6, True)
    assert marked(lms_server, name)
    done = lmsschema("createdb", name, *where, "--replace", "--yes", "--json")
    assert (done.code, done.json["replaced"]) == (0, True)
    assert not marked(lms_server, name)
    assert at_head(lms_server, name)


def test_a_database_in_use_is_not_replaced_and_not_dropped(
    lmsschema: Program, lms_server: RunningServer, names: Names
) -> None:
    name = names()
    where = ("--url", lms_server.url)
    assert lmsschema("createdb", name, *where).code == 0
    mark(lms_server, name)
    with psycopg.connect(url(lms_server.url, name)) as user:
        for command in (("createdb", name, "--replace"), ("dropdb", name)):
            refused = lmsschema(*command, *where, "--yes")
            assert refused.code == 6, refused.err
            assert f"pid {user.info.backend_pid}" in refused.err
    assert marked(lms_server, name)


def test_a_database_in_use_is_not_dropped_by_a_role_that_may_not_see_by_whom(
    lmsschema: Program, lms_server: RunningServer, names: Names, admin: psycopg.Connection
) -> None:
    name, role = names(), names()
    admin.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD 'p@ss'").format(quoted(role)))
    where = ("--url", as_user(lms_server, role))
    assert lmsschema("createdb", name, *where).code == 0
    with psycopg.connect(url(lms_server.url, name), autocommit=True) as user:
        refused = lmsschema("dropdb", name, *where, "--yes")
        assert (refused.code, f"pid {user.info.backend_pid}" in refused.err) == (6, True)
        user.execute("BEGIN")
        user.execute(sql.SQL("PREPARE TRANSACTION {}").format(name))
    try:
        refused = lmsschema("dropdb", name, *where, "--yes")
        assert (refused.code, "prepared transaction" in refused.err) == (6, True)
    finally:
        with psycopg.connect(url(lms_server.url, name), autocommit=True) as user:
            user.execute(sql.SQL("ROLLBACK PREPARED {}").format(name))
    assert lmsschema("dropdb", name, *where, "--yes").code == 0


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


PROGRAM = Path(sys.executable).with_name("lmsschema")


def half_way(
    server: RunningServer, name: str, admin: psycopg.Connection, stage: str, *options: str
) -> tuple["subprocess.Popen[bytes]", str]:
    """Start createdb; return it stopped while it works in a database that bears the stage's name.

    One that was faster than we could stop it is started again.
    """
    separator = "&" if "?" in server.url else "?"
    while True:
        where = f"{server.url}{separator}application_name={uuid.uuid4().hex}"
        process = subprocess.Popen(
            # not by -m: interrupted in code made from text, Python ends that by the signal itself
            [PROGRAM, "createdb", name, "--url", where, *options],
            env=clean_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while at_work(admin, where[-32:], stage) is None:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGSTOP)
        if interim := at_work(admin, where[-32:], stage):
            return process, interim
        process.kill()
        process.wait()
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def at_work(admin: psycopg.Connection, application: str, stage: str) -> str | None:
    """Return the database that bears the stage's name and has a session of the application."""
    found = admin.execute(
        "SELECT datname FROM pg_stat_activity WHERE application_name = %s"
        " AND starts_with(datname, %s)",
        [application, f"lmsschema_{stage}_"],
    ).fetchone()
    return None if found is None else str(found[0])


@pytest.fixture
def small_disk() -> Iterator[str]:
    """The URL of a server whose databases lie on a disk with room for some two of ours."""
    with tempfile.TemporaryDirectory(prefix="lmsschema-small-") as folder:
        Path(folder).chmod(0o711)
        server = Server(binaries.find(binaries.NEWEST), Path(folder), settings.SERVER)
        server.start()
        server.stop()
        base = server.data / "base"
        moved, owner = base.rename(server.data / "moved"), server.data.stat()
        base.mkdir()
        used = sum(file.stat().st_size for file in moved.rglob("*"))
        options = f"size={used + 28_000_000},mode=700,uid={owner.st_uid},gid={owner.st_gid}"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", base], check=True)
        try:
            subprocess.run(["cp", "-a", f"{moved}/.", base], check=True)
            server.start()
            yield server.url("postgres")
            server.stop("immediate")
        finally:
            subprocess.run(["umount", base], check=True)
        server.remove()


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


def mark(server: RunningServer, name: str) -> None:
    with psycopg.connect(url(server.url, name)) as conn:
        conn.execute("CREATE TABLE mark ()")


def marked(server: RunningServer, name: str) -> bool:
    with psycopg.connect(url(server.url, name)) as conn:
        return conn.execute("SELECT to_regclass('mark')").fetchone() != (None,)


def as_user(server: RunningServer, role: str) -> str:
    parameters = psycopg.conninfo.conninfo_to_dict(server.url)
    return psycopg.conninfo.make_conninfo(
        **parameters | {"user": role, "password": "p@ss"}  # type: ignore[arg-type]  # all are texts
    )


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
