"""A server of our own, on every supported version: made, started, killed, found again, removed.

Each test has a folder of its own that the account which runs a server for root can enter.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from lmsschema.errors import DatabaseUnavailableError, LockTimeoutError
from lmsschema.local_server import account as accounts
from lmsschema.local_server import lock as filelock
from lmsschema.local_server.process import SOCKET, ServerState
from lmsschema.local_server.server import DURABLE, Server
from tests.support.servers import FAST, PROGRAMS, as_root, ask, mode

#: Starts a server in a process of its own: argv is the home.
START = f"""
import sys
from pathlib import Path
from lmsschema.local_server.server import Server
server = Server(Path({str(PROGRAMS)!r}), Path(sys.argv[1]), {FAST!r}, database="lms")
print(server.start(), server.status().pid)
"""


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


def test_a_server_is_made_started_stopped_and_started_again_with_its_data(home: Path) -> None:
    server = Server(PROGRAMS, home, {**DURABLE, "work_mem": "5MB"}, database="lms")
    assert server.status().state is ServerState.STOPPED
    assert not server.stop()
    assert server.start()
    assert not server.start()
    assert server.status().state is ServerState.READY
    assert ask(server, "CREATE TABLE kept AS SELECT 1") is None
    assert server.stop()
    assert not server.stop()
    assert server.status().state is ServerState.STOPPED
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
    wait_until(lambda: server.status().state is ServerState.STOPPED)
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
        assert server.status().state is ServerState.STOPPED
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
        wait_until(lambda: server.status().state is ServerState.STOPPED)
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
