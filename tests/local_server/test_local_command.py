"""The embedded server as its users meet it: through the program, as root and as anyone else."""

import contextlib
import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import psycopg
import sqlalchemy

from lmsschema import __version__
from lmsschema.local_server import lock as filelock
from tests.support.local_users import (
    User,
)
from tests.support.program import clean_environment


def processes_of(home: Path) -> list[Path]:
    """Return the processes whose command line names that users_folder."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if os.fsencode(home) in line.read_bytes():
                found.append(line.parent)
    return found


def test_the_life_of_an_embedded_server(user: User, users_folder: Path) -> None:
    home = Path(user.environment.get("LMSSCHEMA_HOME", users_folder / "own/.local/share/lmsschema"))
    assert user.run("local", "stop").out == "not running\n"
    assert user.run("local", "destroy").out == f"there is no server in {home}\n"
    status = user.run("local", "status", "--json")
    assert (status.code, status.json["state"], status.json["made"]) == (3, "stopped", False)
    assert not home.exists()

    current = user.run("current", "--json")  # a command that is given no database
    assert (current.code, current.json["revision"]) == (0, None)
    assert f"database: lms on the embedded server in {home} " in current.err
    assert "lmsschema local psql" in current.err
    status = user.run("local", "status", "--json")
    assert (status.code, status.json["state"], status.json["home"]) == (0, "running", str(home))
    pid = status.json["pid"]
    assert Path("/proc", str(pid)) in processes_of(home)
    assert os.getsid(pid) == pid  # out of reach of the terminal of the command that started it

    started = user.run("local", "start", "--json")
    assert (started.code, started.json["started"], started.err) == (0, False, "")
    url = user.run("local", "url")
    assert url.out == f"{started.json['url']}\n"
    made = user.run("local", "psql", "--", "-qc", "CREATE TABLE mine AS SELECT 42 AS it")
    assert (made.code, made.err) == (0, "")
    assert user.run("local", "psql", "--json").json["url"] == started.json["url"]

    assert user.run("local", "stop", "--json").json == {
        "version": __version__,
        "database": None,
        "schema": None,
        "home": str(home),
        "stopped": True,
    }
    assert user.run("local", "status").out == f"stopped, in {home}\n"
    asked = user.run("local", "psql", "--", "-Atc", "SELECT it FROM mine", PGHOST="/nowhere")
    assert (asked.code, asked.out) == (0, "42\n")
    assert f"started the embedded server in {home}" in asked.err

    refused = user.run("local", "destroy", "--json")
    assert (refused.code, refused.json["error"]["exit_code"]) == (6, 6)
    assert "--yes" in refused.err
    assert user.run("local", "status").code == 0
    destroyed = user.run("local", "destroy", "--yes", "--json")
    assert destroyed.json == {
        "version": __version__,
        "database": None,
        "schema": None,
        "home": str(home),
        "removed": True,
    }
    assert not home.exists() or (not list(home.iterdir()) and "LMSSCHEMA_HOME" in user.environment)
    assert not processes_of(home)


def test_upgrade_without_a_database_works_on_the_embedded_one(user: User) -> None:
    done = user.run("upgrade", "--json")
    assert done.code == 0, done.err
    again = user.run("upgrade")
    assert "nothing to do" in again.out
    count = "SELECT count(*) FROM pg_class WHERE relname = 'learning_events'"
    assert user.run("local", "psql", "--", "-Atc", count).out == "1\n"


def test_its_url_serves_psycopg_and_sqlalchemy_and_its_database_is_ready(me: User) -> None:
    url = me.run("local", "url").out.strip()
    with psycopg.connect(url) as conn:
        found = conn.execute(
            "SELECT pg_encoding_to_char(encoding), datlocprovider::text, datlocale"
            " FROM pg_database WHERE datname = current_database()"
        ).fetchone()
        assert found == ("UTF8", "b", "C.UTF-8")
        assert conn.execute("SHOW fsync").fetchone() == ("on",)
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        assert connection.scalar(sqlalchemy.text("SELECT current_database()")) == "lms"
    engine.dispose()


def test_psql_gets_its_arguments_and_its_exit_code_is_the_program_s(me: User) -> None:
    assert me.run("local", "psql", "-Atc", "SELECT 1").out == "1\n"
    told = me.run("local", "psql", "--json", "--", "-d", "postgres", "-Atc", "SELECT 2").json
    ran = subprocess.check_output(told["argv"], env=told["environment"], text=True)
    assert (ran, told["argv"][1:3]) == ("2\n", ["-d", "postgres"])
    assert (
        me.run("local", "psql", "postgres", "-Atc", "SELECT current_database()").out == "postgres\n"
    )
    assert me.run("local", "psql", "--", "-c", "SELECT 1/0").code == 1
    assert me.run("local", "psql", "--", "--version").out.startswith("psql (PostgreSQL) ")
    noise = {"PGHOSTADDR": "127.0.0.1", "PGSERVICE": "none", "PGDATABASE": "none", "PGPORT": "1"}
    assert me.run("local", "psql", "-Atc", "SHOW port", **noise).out == "5432\n"


def test_destroy_asks_on_a_terminal(me: User) -> None:
    me.run("local", "start")

    def answer(word: bytes) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        argv = [*me.start, "local", "destroy"]
        environment = clean_environment(**me.environment)
        with subprocess.Popen(
            argv, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, env=environment, text=True
        ) as process:
            os.close(theirs)
            question = os.read(ours, 1000).decode()
            os.write(ours, word + b"\n")
            process.wait(60)
            os.close(ours)
            return process.returncode, question

    code, question = answer(b"n")
    assert code == 6
    assert f"Remove the embedded server in {me.environment['LMSSCHEMA_HOME']}" in question
    assert me.run("local", "status").code == 0
    assert answer(b"y")[0] == 0
    assert me.run("local", "status").code == 3


def test_interrupted_while_it_is_made_it_is_made_the_next_time(me: User) -> None:
    home = Path(me.environment["LMSSCHEMA_HOME"])
    with subprocess.Popen(
        [*me.start, "local", "start"],
        env=clean_environment(**me.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # a process group of its own, as a terminal's foreground job has
    ) as process:
        while not list(home.glob(".data-*/base/*")):
            assert process.poll() is None
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 130
    assert me.run("local", "start").code == 0
    assert not list(home.glob(".data-*"))


def test_a_lock_that_another_command_holds_is_waited_for_and_no_longer(me: User) -> None:
    home = Path(me.environment["LMSSCHEMA_HOME"])
    home.mkdir(mode=0o711)
    with filelock.hold(home / "lmsschema.lock", 0):
        outcome = me.run("local", "start", "--timeout", "0.3")
    assert outcome.code == 5
    assert f"process {os.getpid()} still holds {home}/lmsschema.lock" in outcome.err
    assert me.run("local", "start").code == 0
