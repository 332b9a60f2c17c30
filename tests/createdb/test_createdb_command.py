"""`lmsschema createdb` and `dropdb`, as a user runs them."""

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
from psycopg import sql

from lmsschema.migration import revisions
from lmsschema.testing.databases import url
from lmsschema.testing.servers import RunningServer
from tests.support.created import Names, as_user, at_head, comment, drop, half_way, ours, quoted
from tests.support.program import Outcome, Program, clean_environment

ROOT = Path(__file__).parents[2]


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


def mark(server: RunningServer, name: str) -> None:
    with psycopg.connect(url(server.url, name)) as conn:
        conn.execute("CREATE TABLE mark ()")


def marked(server: RunningServer, name: str) -> bool:
    with psycopg.connect(url(server.url, name)) as conn:
        return conn.execute("SELECT to_regclass('mark')").fetchone() != (None,)


def test_each_index_profile_has_a_template_of_its_own(
    lmsschema: Program, lms_server: RunningServer, names: Names
) -> None:
    options = ("--url", lms_server.url, "--json")
    built = []
    for profile in ("faithful", "lean", "faithful", "lean"):
        name = names()
        done = lmsschema("createdb", name, "--profile", profile, *options)
        assert (done.code, done.json["profile"]) == (0, profile), done.err
        built.append(done.json["template_built"])
        checked = lmsschema("check", "--strict", "--json", "--url", url(lms_server.url, name))
        assert (checked.code, checked.json["profile"]) == (0, profile), checked.out
    assert built[2:] == [False, False]
