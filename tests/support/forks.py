"""Runs of the program that are forks of one process, which has imported everything once.

A run has its own arguments, environment, folder, output and exit code, as a process that is started
anew has, without the third of a second that Python takes to import what a command needs. Some tests
start the program cold on purpose: what is imported when is theirs to prove.
"""

import contextlib
import dataclasses
import gc
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from lmsschema.__main__ import main

ROOT = Path(__file__).parents[2]

#: Seconds after which a run that hangs is ended, by SIGALRM.
LONGEST = 120


@dataclasses.dataclass(frozen=True)
class Ended:
    """What a run left: its exit code (negative: the signal that ended it), stdout and stderr."""

    code: int
    out: str
    err: str


class Fork:
    """A run that is under way."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._result = (folder / "result").open(encoding="utf-8")  # until the run was begun
        self.pid = int(self._result.readline())

    def kill(self) -> None:
        """Kill the run with SIGKILL, if it has not ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> Ended:
        """Return what the run left, once it has ended."""
        with self._result:
            code = int(self._result.readline())
        out, err = ((self._folder / name).read_text("utf-8") for name in ("out", "err"))
        return Ended(code, out, err)


class Forker:
    """The process whose forks are the runs; any thread may ask for one."""

    def __init__(self, stdin: IO[str], environment: Mapping[str, str]) -> None:
        self._stdin = stdin
        self._environment = environment
        self._asking = threading.Lock()
        self._started = threading.Event()
        self._fork: Fork

    @contextlib.contextmanager
    def start(
        self, *arguments: str, env: Mapping[str, str] | None = None, longest: float = LONGEST
    ) -> Iterator[Fork]:
        """Run the program in the environment ``env``, for ``longest`` seconds at most."""
        with tempfile.TemporaryDirectory(prefix="lmsschema-run-") as name:
            folder = Path(name)
            os.mkfifo(folder / "result")
            request = {
                "folder": name,
                "arguments": arguments,
                "environment": dict(self._environment if env is None else env),
                "longest": longest,
            }
            with self._asking:
                self._stdin.write(json.dumps(request) + "\n")
                self._stdin.flush()
            yield Fork(folder)

    def run(self, *arguments: str) -> int:
        """Run the program and return its exit code, negative for a signal."""
        self._started.clear()
        with self.start(*arguments) as self._fork:
            self._started.set()
            return self._fork.wait().code

    def kill(self) -> None:
        """Kill what :meth:`run` does, from another thread than the one that waits for it."""
        assert self._started.wait(10)
        self._fork.kill()


@contextlib.contextmanager
def forker(environment: Mapping[str, str]) -> Iterator[Forker]:
    """Start the process; ``environment`` is that of the runs which get no other."""
    with subprocess.Popen(
        [sys.executable, "-m", __name__],
        env=dict(environment),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        yield Forker(process.stdin, environment)
        process.stdin.close()


def serve() -> None:
    """Answer requests until the end of input: each is a line of JSON."""
    preload()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody here waits for the runs
    for line in sys.stdin:
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            watch(json.loads(line))
            os._exit(0)


def watch(request: dict[str, object]) -> None:
    """Fork the run; write its process id and then its exit code to the pipe ``result``."""
    with (Path(str(request["folder"])) / "result").open("w", buffering=1, encoding="utf-8") as told:
        child = os.fork()
        if child == 0:
            try:
                run(request)
            finally:
                os._exit(99)
        told.write(f"{child}\n")
        _, status = os.waitpid(child, 0)
        told.write(f"{os.waitstatus_to_exitcode(status)}\n")


def run(request: dict[str, object]) -> None:
    """Become the run: what it prints goes to files, and its end is the end of the process."""
    folder, environment, arguments = (
        request[key] for key in ("folder", "environment", "arguments")
    )
    assert isinstance(environment, dict)
    assert isinstance(arguments, list)
    os.environ.clear()
    os.environ.update(environment)
    files = {0: Path(os.devnull), 1: Path(str(folder), "out"), 2: Path(str(folder), "err")}
    for number, path in files.items():
        opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    signal.setitimer(signal.ITIMER_REAL, float(str(request["longest"])))
    try:
        code = main(arguments)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001  as Python itself ends a program
        traceback.print_exc()
        code = 1
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def preload() -> None:
    """Import whatever a run imports: the SQL of all revisions is written by Alembic, too."""
    import psycopg
    import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401  the runs find it imported

    import lmsschema

    assert psycopg.pq.version()
    for module in pkgutil.walk_packages(lmsschema.__path__, "lmsschema."):
        if not module.name.startswith(("lmsschema.testing", "lmsschema.__main__")):
            importlib.import_module(module.name)
    with Path(os.devnull).open("w", encoding="utf-8") as null, contextlib.redirect_stdout(null):
        assert main(["ddl"]) == 0


if __name__ == "__main__":
    serve()
