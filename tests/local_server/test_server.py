"""A server of our own, on every supported version: made, started, killed, found again, removed.

Each test has a folder of its own that the account which runs a server for root can enter.
"""

import contextlib
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from lmsschema.errors import DatabaseUnavailableError, LockTimeoutError, UnsafeError, UsageError
from lmsschema.local_server import account as accounts
from lmsschema.local_server import lock as filelock
from lmsschema.local_server.process import SOCKET, State
from lmsschema.local_server.server import DURABLE, Server
from lmsschema.testing import binaries, settings

VERSION = os.environ.get("LMSSCHEMA_TEST_VERSION", binaries.NEWEST)
PROGRAMS = binaries.find(VERSION)
FAST = {"fsync": "off", "full_page_writes": "off"}

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs a server as another account")

#: Starts a server in a process of its own: argv is the home.
START = f"""
import sys
from pathlib import Path
from lmsschema.local_server.server import Server
server = Server(Path({str(PROGRAMS)!r}), Path(sys.argv[1]), {FAST!r}, database="lms")
print(server.start(), server.status().pid)
"""


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """The home of a server with a database lms, made once and not running."""
    with own_folder() as folder:
        server = Server(PROGRAMS, folder / "home", FAST, database="lms")
        server.start()
        server.stop()
        yield server.home


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account can enter."""
    with own_folder() as folder:
        yield folder


@pytest.fixture
def home(folder: Path) -> Path:
    """The home of a server that is yet to be made."""
    return folder / "home"


@pytest.fixture
def stopped(made: Path, home: Path) -> Server:
    """A server with a database lms that does not run."""
    subprocess.run(["cp", "-a", made, home], check=True)
    return Server(PROGRAMS, home, FAST, database="lms")


@pytest.fixture
def server(stopped: Server) -> Server:
    """A running server with a database lms."""
    assert stopped.start()
    return stopped


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """Make a folder, and remove it with the servers in it."""
    folder = Path(tempfile.mkdtemp(prefix="lmsschema-server-", dir=settings.data_root()))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        for lock in folder.rglob("lmsschema.lock"):
            server = Server(None, lock.parent)
            server.stop("immediate")
            server.remove()
        shutil.rmtree(folder)


def ask(server: Server, statement: str) -> object:
    """Return the one value that a statement gives, in the database lms."""
    with psycopg.connect(server.url("lms"), autocommit=True) as conn:
        cursor = conn.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def start_elsewhere(home: Path) -> subprocess.Popen[str]:
    """Start a server from another process."""
    argv = [sys.executable, "-c", START, str(home)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def kill_server(server: Server) -> int:
    """Kill the postmaster, wait until its children are gone, return its number."""
    pid = server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with filelock.hold(server.home / "server.lock", 20):
        return pid


def copied(programs: Path, folder: Path) -> Path:
    """Copy a wheel's programs with their libraries; returns the folder of the programs."""
    package = programs.parents[1]
    for source in (package, package.with_name(f"{package.name}.libs")):
        if source.exists():
            shutil.copytree(source, folder / source.name)
    return folder / programs.relative_to(package.parent)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_server_is_made_started_stopped_and_started_again_with_its_data(home: Path) -> None:
    server = Server(PROGRAMS, home, {**DURABLE, "work_mem": "5MB"}, database="lms")
    assert server.status().state is State.STOPPED
    assert not server.stop()
    assert server.start()
    assert not server.start()
    assert server.status().state is State.READY
    assert ask(server, "CREATE TABLE kept AS SELECT 1") is None
    assert server.stop()
    assert not server.stop()
    assert server.status().state is State.STOPPED
    with pytest.raises(DatabaseUnavailableError, match="not running"):
        server.url("lms")
    assert server.start()
    assert ask(server, "SELECT count(*) FROM kept") == 1
    shown = {
        name: ask(server, f"SHOW {name}") for name in ("fsync", "work_mem", "listen_addresses")
    }
    assert shown == {"fsync": "on", "work_mem": "5MB", "listen_addresses": ""}
    assert ask(server, "SHOW server_encoding") == "UTF8"
    assert ask(server, "SHOW timezone") == "UTC"
    assert ask(server, "SELECT lower('ÉCOLE')") == "école"
    search = "SELECT to_tsvector('english', '“Schools” ÉCOLE')::text"
    assert ask(server, search) == "'school':1 'école':2"


def test_only_its_account_reaches_a_server(server: Server) -> None:
    sockets = server.status().sockets
    assert sockets == server.home / "run"
    assert mode(sockets) == mode(server.data) == 0o700
    assert mode(server.log) == 0o600
    assert mode(server.home) == (0o711 if os.geteuid() == 0 else 0o700)
    pid = server.status().pid
    tables = [Path(f"/proc/{pid}/net/{name}").read_text() for name in ("tcp", "tcp6")]
    own = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
    listening = {line.split()[9] for text in tables for line in text.splitlines()[1:]}
    assert own.isdisjoint(f"socket:[{inode}]" for inode in listening)
    with psycopg.connect(server.url("lms")) as conn:
        rules = conn.execute("SELECT type, auth_method FROM pg_hba_file_rules").fetchall()
    assert {method for kind, method in rules if kind != "local"} == {"reject"}


@as_root
def test_for_root_a_server_runs_as_another_account(server: Server) -> None:
    owner = Path(f"/proc/{server.status().pid}").stat().st_uid
    assert owner == server.data.stat().st_uid != 0
    assert server.home.stat().st_uid == 0


def test_several_that_start_a_server_at_once_end_up_with_one(home: Path) -> None:
    starters = [start_elsewhere(home) for _ in range(4)]
    answers = [process.communicate(timeout=60) for process in starters]
    said = sorted(out.split()[0] for out, _ in answers)
    assert said == ["False", "False", "False", "True"], answers
    assert len({out.split()[1] for out, _ in answers}) == 1


def test_a_lock_that_is_not_got_in_time_is_an_error_that_names_its_holder(
    stopped: Server,
) -> None:
    lock = stopped.home / "lmsschema.lock"
    holder = f"""
import time
from pathlib import Path
from lmsschema.local_server import lock as filelock
with filelock.hold(Path({str(lock)!r}), 0):
    print(flush=True)
    time.sleep(60)
"""
    argv = [sys.executable, "-c", holder]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(LockTimeoutError, match=f"process {process.pid} "):
            stopped.start(timeout=0.2)
        process.kill()
    assert stopped.start()


def test_a_killed_server_comes_back_with_what_was_committed(stopped: Server) -> None:
    server = Server(PROGRAMS, stopped.home, DURABLE)
    server.start()
    ask(server, "CREATE TABLE kept AS SELECT 1")
    with psycopg.connect(server.url("lms"), autocommit=True) as conn:
        busy = subprocess.Popen(
            [PROGRAMS / "psql", "-X", "-d", server.url("lms"), "-c", "SELECT pg_sleep(60)"],
            stderr=subprocess.DEVNULL,
        )
        query = "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'"
        wait_until(lambda: conn.execute(query).fetchone())
    pid = server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: server.status().state is State.STOPPED)
    assert server.start()
    busy.wait(10)
    assert ask(server, "SELECT count(*) FROM kept") == 1


def test_the_number_of_a_killed_server_may_be_another_processs_by_now(server: Server) -> None:
    gone = kill_server(server)
    account = accounts.of_server(server.data)
    other = subprocess.Popen(["sleep", "60"], user=account.uid if account else None)
    files = [server.data / "postmaster.pid", server.home / "run" / f"{SOCKET}.lock"]
    for file in files:
        _, *rest = file.read_text().splitlines()
        file.write_text("\n".join([str(other.pid), *rest]) + "\n")
    try:
        argv = [PROGRAMS / "pg_ctl", "start", "-D", server.data, "-w", "-l", server.log]
        refused = accounts.run(argv, account, folder=Path("/"), timeout=60)
        assert refused.returncode != 0  # what PostgreSQL itself does with it
        assert server.status().state is State.STOPPED
        assert not server.stop()
        assert other.poll() is None
        assert server.start()
        assert server.status().pid not in (gone, other.pid)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_an_empty_pid_file_is_no_server(server: Server) -> None:
    kill_server(server)
    (server.data / "postmaster.pid").write_text("")
    assert server.start()


def test_a_process_that_outlives_a_killed_server_keeps_the_next_from_the_data(
    server: Server,
) -> None:
    with psycopg.connect(server.url("lms")) as conn:
        backend = conn.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        pid = server.status().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: server.status().state is State.STOPPED)
        with pytest.raises(DatabaseUnavailableError, match="still use"):
            server.start(timeout=0.3)
        os.kill(backend, signal.SIGCONT)
        assert server.start()


def test_killed_while_the_data_is_made_it_is_made_by_the_next(home: Path) -> None:
    process = start_elsewhere(home)
    wait_until(lambda: list(home.glob(".data-*/base/*")))
    process.kill()
    process.communicate()
    assert list(home.glob(".data-*"))
    assert not (home / "data").exists()
    server = Server(PROGRAMS, home, FAST, database="lms")
    assert server.start()
    assert not list(home.glob(".data-*"))
    assert ask(server, "SELECT current_database()") == "lms"


def test_killed_while_the_server_comes_up_it_is_found_by_the_next(stopped: Server) -> None:
    process = start_elsewhere(stopped.home)
    wait_until((stopped.data / "postmaster.pid").exists)
    process.kill()
    process.communicate()
    assert not stopped.start()
    assert ask(stopped, "SELECT 1") == 1


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
    assert f"no server could be made in {home}" in done.stdout
    assert {path.name for path in home.iterdir()} == {"lmsschema.lock", "server.lock"}
    assert Server(PROGRAMS, home, FAST).start()


def test_a_home_that_can_not_be_made_is_an_error_that_says_where(folder: Path) -> None:
    (folder / "file").touch()
    home = folder / "file" / "home"
    with pytest.raises(DatabaseUnavailableError, match=f"{home}: Not a directory"):
        Server(PROGRAMS, home).start()


@pytest.mark.parametrize("name", ["a'b", 'a"b', "a$b", "a`b", "a\\b", "a,b", "a\nb", "a\udc80b"])
def test_a_home_whose_name_would_be_misread_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no server can live"):
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
    with pytest.raises(UnsafeError, match="did not make"):
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
    with pytest.raises(DatabaseUnavailableError, match="somebody removed its socket"):
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
        DatabaseUnavailableError, match=f"{closed} is closed to the account"
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
