"""What is known of a server without starting one: its pid file, its locks, its socket's place."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lmsschema.errors import DatabaseUnavailableError, LockTimeoutError
from lmsschema.local_server import home
from lmsschema.local_server import lock as filelock
from lmsschema.local_server import process as postmaster
from lmsschema.local_server.process import SOCKET, ServerState


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a space in its name."""
    folder = tmp_path / "the data"
    folder.mkdir()
    return folder


@pytest.fixture
def process(data: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that looks like a server of that data folder."""
    argv = ["/opt/bin/postgres", "-c", "echo; read line; :", "-D", str(data), "-h", ""]
    with subprocess.Popen(
        argv, executable="/bin/sh", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # until it runs, it has no command line
        yield process
        process.kill()


def write(data: Path, pid: int | str, *rest: str) -> None:
    (data / "postmaster.pid").write_text("\n".join([str(pid), *rest]))


def test_without_a_pid_file_a_server_is_stopped(data: Path) -> None:
    assert postmaster.status(data).state is ServerState.STOPPED
    assert postmaster.status(data / "absent").state is ServerState.STOPPED


@pytest.mark.parametrize("text", ["", "\n", "0\n", "-1\n", "12x\n", "٣\n"])
def test_a_pid_file_without_a_number_is_no_servers(data: Path, text: str) -> None:
    (data / "postmaster.pid").write_text(text)
    assert postmaster.status(data).state is ServerState.STOPPED


def test_a_number_that_is_another_processs_is_no_servers(
    data: Path, process: subprocess.Popen[bytes]
) -> None:
    write(data, os.getpid())
    assert postmaster.status(data).state is ServerState.STOPPED
    other = data.with_name("other data")
    other.mkdir()
    write(other, process.pid)
    assert postmaster.status(other).state is ServerState.STOPPED


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("starting", ServerState.STARTING),
        ("ready   ", ServerState.READY),
        ("standby ", ServerState.READY),
        ("stopping", ServerState.STOPPING),
    ],
)
def test_the_last_line_says_what_a_living_server_does(
    data: Path, process: subprocess.Popen[bytes], word: str, state: ServerState
) -> None:
    write(data, process.pid, str(data), "1700000000", "5432", "/run/lms", "", "1 2", word, "")
    found = postmaster.status(data)
    assert (found.state, found.pid, found.since) == (state, process.pid, 1_700_000_000)
    assert found.sockets == Path("/run/lms")
    process.kill()
    process.wait()
    assert postmaster.status(data).state is ServerState.STOPPED


def test_a_server_that_has_not_written_all_lines_is_starting(
    data: Path, process: subprocess.Popen[bytes]
) -> None:
    write(data, process.pid)
    found = postmaster.status(data)
    assert (found.state, found.sockets) == (ServerState.STARTING, None)
    with pytest.raises(DatabaseUnavailableError, match="not running"):
        found.url("lms")


def test_ps_tells_the_same_where_there_is_no_proc(
    data: Path, process: subprocess.Popen[bytes]
) -> None:
    assert postmaster.command_line_by_ps(process.pid)[1] == str(data)
    process.kill()
    process.wait()
    assert postmaster.command_line_by_ps(process.pid) == ["", ""]


def test_a_connection_string_quotes_what_needs_it(tmp_path: Path) -> None:
    sockets = tmp_path / "a b"
    sockets.mkdir()
    (sockets / SOCKET).touch()
    found = postmaster.Status(tmp_path, ServerState.READY, 1, 1, sockets)
    assert found.conninfo("lms") == f"host='{sockets}' port=5432 user=postgres dbname='lms'"
    folder = str(sockets).replace("/", "%2F").replace(" ", "%20")
    assert found.url("l/s") == f"postgresql://postgres@/l%2Fs?host={folder}&port=5432"


def test_lock_files_that_postgresql_understands_are_left_to_it(data: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    files = [data / name for name in ("dead", "living", "empty", "absent")]
    for file, text in zip(files, [f"{dead.pid}\n", f"{os.getpid()}\n", ""], strict=False):
        file.write_text(text)
    postmaster.remove_misleading(*files)
    assert [file.name for file in files if file.exists()] == ["dead"]


def test_a_held_lock_is_waited_for_until_the_deadline(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with (
        filelock.hold(lock, 0),
        pytest.raises(LockTimeoutError, match=f"process {os.getpid()} still holds .* after 0.1 s"),
        filelock.hold(lock, 0.1),
    ):
        pytest.fail("held twice")
    with filelock.hold(lock, 0):
        pass


def test_a_child_that_got_the_lock_holds_it_after_its_parent(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    argv = [sys.executable, "-c", "input()"]
    with filelock.hold(lock, 0) as descriptor:
        child = subprocess.Popen(argv, stdin=subprocess.PIPE, pass_fds=[descriptor])
    with pytest.raises(LockTimeoutError), filelock.hold(lock, 0):
        pytest.fail("the child holds it")
    child.communicate(b"\n")
    with filelock.hold(lock, 0):
        pass


def test_a_lock_whose_file_was_removed_is_taken_anew(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with filelock.hold(lock, 0):
        lock.unlink()
        with filelock.hold(lock, 0):
            assert lock.exists()


def test_a_socket_stays_at_home_as_long_as_its_path_fits() -> None:
    longest = Path("/" + "x" * (103 - len(f"/run/{SOCKET}") - 1))
    assert len(str(longest / "run" / SOCKET)) == 103
    assert home.for_socket(longest) == longest / "run"
    longer = Path(f"{longest}x")
    elsewhere = home.for_socket(longer)
    assert elsewhere.parent == Path("/tmp")  # noqa: S108  where it is short
    assert elsewhere == home.for_socket(longer) != home.for_socket(Path(f"{longer}x"))
    letters = Path("/" + "ü" * 60)  # what counts is bytes
    assert home.for_socket(letters) != letters / "run"
