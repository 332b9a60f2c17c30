"""The folders, sockets and programs of an embedded server."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from lmsschema.errors import DatabaseUnavailableError, UnsafeError, UsageError
from lmsschema.local_server.process import SOCKET
from lmsschema.local_server.server import Server
from lmsschema.testing import binaries
from tests.support.servers import FAST, PROGRAMS, VERSION, as_root, ask, mode


def copied(programs: Path, folder: Path) -> Path:
    """Copy a wheel's programs with their libraries; returns the folder of the programs."""
    package = programs.parents[1]
    for source in (package, package.with_name(f"{package.name}.libs")):
        if source.exists():
            shutil.copytree(source, folder / source.name)
    return folder / programs.relative_to(package.parent)


def test_data_of_another_major_version_is_refused(home: Path) -> None:
    other = next(version for version in reversed(binaries.VERSIONS) if version != VERSION)
    made = Server(binaries.find(other), home, FAST)
    made.start()
    made.stop()
    with pytest.raises(
        DatabaseUnavailableError, match=f"by PostgreSQL {other}, .* {VERSION}"
    ) as info:
        Server(PROGRAMS, home, FAST).start()
    assert "pg_dump" in info.value.hint
    assert made.start()


def test_a_server_that_can_not_start_shows_the_end_of_its_log(stopped: Server) -> None:
    with pytest.raises(DatabaseUnavailableError, match="shared_buffers") as info:
        Server(PROGRAMS, stopped.home, {**FAST, "shared_buffers": "plenty"}).start()
    assert str(stopped.log) in info.value.hint
    assert stopped.start()


def test_where_nothing_can_be_written_nothing_is_left_behind(home: Path) -> None:
    limited = f"""
import resource, sys
from pathlib import Path
from lmsschema.errors import DatabaseUnavailableError
from lmsschema.local_server.server import Server
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, {resource.RLIM_INFINITY}))
try:
    Server(Path({str(PROGRAMS)!r}), Path({str(home)!r})).start()
except DatabaseUnavailableError as error:
    print(error)
"""
    argv = [sys.executable, "-c", limited]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert f"the server in {home} could not be created" in done.stdout
    assert {path.name for path in home.iterdir()} == {"lmsschema.lock", "server.lock"}
    assert Server(PROGRAMS, home, FAST).start()


def test_a_home_that_can_not_be_made_is_an_error_that_says_where(folder: Path) -> None:
    (folder / "file").touch()
    home = folder / "file" / "home"
    with pytest.raises(DatabaseUnavailableError, match=f"{home} can.t be written: Not a directory"):
        Server(PROGRAMS, home).start()


@pytest.mark.parametrize("name", ["a'b", 'a"b', "a$b", "a`b", "a\\b", "a,b", "a\nb", "a\udc80b"])
def test_a_home_whose_name_would_be_misread_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(UsageError, match="can't be used for a server"):
        Server(PROGRAMS, folder / name)


def test_a_home_with_spaces_and_letters_of_all_kinds_is_as_good_as_any(folder: Path) -> None:
    server = Server(PROGRAMS, folder / "Ünser Gerät & (co);*?", FAST, database="lms")
    assert server.start()
    with (
        psycopg.connect(server.conninfo("lms")) as conn,
        psycopg.connect(server.url("lms")) as twin,
    ):
        assert conn.info.dbname == twin.info.dbname == "lms"
    assert server.stop()


def test_a_folder_with_somebodys_files_is_left_alone(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "thesis.txt").write_text("years of work")
    server = Server(PROGRAMS, folder)
    with pytest.raises(UnsafeError, match="did not create"):
        server.start()
    assert not server.remove()
    assert [path.name for path in folder.iterdir()] == ["data"]
    assert (folder / "data" / "thesis.txt").exists()


def test_removing_a_server_leaves_what_is_not_its_own(server: Server) -> None:
    (server.home / "notes.txt").touch()
    (server.home / ".data-half").mkdir()
    assert server.remove()
    assert [path.name for path in server.home.iterdir()] == ["notes.txt"]
    assert not server.remove()


def test_the_socket_of_a_long_path_lies_in_a_short_one(folder: Path) -> None:
    server = Server(PROGRAMS, folder / ("x" * 60) / ("y" * 60), FAST, database="lms")
    server.start()
    sockets = server.status().sockets
    assert sockets is not None
    assert sockets.parent == Path("/tmp")  # noqa: S108  that is what is tested
    assert mode(sockets) == 0o700
    assert ask(server, "SELECT 1") == 1
    server.stop()
    sockets.rmdir()  # as after a reboot
    server.start()
    assert ask(server, "SELECT 1") == 1
    server.remove()
    assert not sockets.exists()


def test_a_socket_folder_that_others_can_enter_is_refused(folder: Path) -> None:
    server = Server(PROGRAMS, folder / ("x" * 60) / ("y" * 60), FAST)
    server.start()
    sockets = server.status().sockets
    assert sockets is not None
    server.stop()
    sockets.chmod(0o755)
    with pytest.raises(UnsafeError, match=str(sockets)):
        server.start()
    sockets.rmdir()
    sockets.symlink_to(folder)
    with pytest.raises(UnsafeError, match=str(sockets)):
        server.start()
    sockets.unlink()


@as_root
def test_a_socket_folder_of_another_account_is_refused(folder: Path) -> None:
    server = Server(PROGRAMS, folder / ("x" * 60) / ("y" * 60), FAST)
    server.start()
    sockets = server.status().sockets
    assert sockets is not None
    server.stop()
    os.chown(sockets, 12345, 12345)
    with pytest.raises(UnsafeError, match=str(sockets)):
        server.start()
    assert sockets.stat().st_uid == 12345
    sockets.rmdir()


def test_a_socket_that_somebody_removed_is_said_so(server: Server) -> None:
    sockets = server.status().sockets
    assert sockets is not None
    (sockets / SOCKET).unlink()
    with pytest.raises(DatabaseUnavailableError, match="its socket was removed"):
        server.conninfo("lms")
    assert server.stop()
    assert server.start()
    assert ask(server, "SELECT 1") == 1


@as_root
def test_a_folder_that_the_account_can_not_enter_is_named_and_not_touched(folder: Path) -> None:
    closed = folder / "closed"
    (closed / "open").mkdir(parents=True)
    closed.chmod(0o700)
    (closed / "open").chmod(0o755)
    with pytest.raises(
        DatabaseUnavailableError, match=f"the account .* can.t enter {closed}"
    ) as info:
        Server(PROGRAMS, closed / "open" / "home", FAST).start()
    assert f"chmod o+x '{closed}'" in info.value.hint
    assert (mode(closed), mode(closed / "open")) == (0o700, 0o755)


@as_root
def test_programs_that_the_account_can_not_read_are_copied_once(folder: Path, home: Path) -> None:
    closed = folder / "closed"
    programs = copied(binaries.find(binaries.NEWEST), closed)  # the system's own are never closed
    closed.chmod(0o700)
    home.mkdir(mode=0o755)
    (home / "lmsschema.lock").touch()
    (home / ".binaries-half").mkdir()
    (home / "binaries-outdated").mkdir()

    server = Server(programs, home, FAST, database="lms")
    server.start()
    (copy,) = home.glob("*binaries*")
    assert ask(server, "SELECT to_tsvector('english', 'schools')::text") == "'school':1"
    made = copy.stat().st_mtime_ns
    server.stop()
    server.start()
    assert [path.stat().st_mtime_ns for path in home.glob("*binaries*")] == [made]
    assert mode(closed) == 0o700
    server.remove()
    assert not list(home.iterdir())


def test_a_server_whose_programs_were_removed_is_started_with_others(
    folder: Path, home: Path
) -> None:
    wheel = binaries.find(binaries.NEWEST)
    first = Server(copied(wheel, folder / "removed"), home, FAST, database="lms")
    second = Server(wheel, home, FAST, database="lms")
    first.start()
    ask(first, "CREATE TABLE kept AS SELECT 1 AS one")
    assert not second.start()
    pid = first.status().pid
    shutil.rmtree(folder / "removed")

    assert first.status().uninstalled
    assert second.start()
    assert second.status().pid != pid
    assert not second.status().uninstalled
    assert ask(second, "SELECT one FROM kept") == 1


def test_the_log_is_put_aside_when_it_has_grown(server: Server) -> None:
    server.stop()
    os.truncate(server.log, 11 * 1024 * 1024)
    server.start()
    assert server.log.stat().st_size < 1024 * 1024
    assert server.log.with_name("server.log.1").stat().st_size == 11 * 1024 * 1024


def test_stopped_immediately_a_server_recovers(server: Server) -> None:
    assert server.stop("immediate")
    assert server.start()
    assert ask(server, "SELECT 1") == 1
