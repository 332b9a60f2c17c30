"""Runs of the program that are forks of one process: it imports everything once.

So hundreds of runs take minutes. The process reads a line of JSON arguments for each run, and
answers with its process id, then with its exit code (negative: the signal that ended it).
"""

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from lmsschema.__main__ import main
from tests.support.program import clean_environment

#: Seconds after which a run that hangs is ended, by SIGALRM.
_LONGEST = 120


class Forker:
    """The process that runs the program as often as it is asked."""

    def __init__(self, stdin: IO[str], stdout: IO[str]) -> None:
        self._stdin = stdin
        self._stdout = stdout
        self._started = threading.Event()
        self._pid = 0

    def run(self, *arguments: str) -> int:
        """Run the program and return its exit code, negative for a signal."""
        self._started.clear()
        self._stdin.write(json.dumps(arguments) + "\n")
        self._stdin.flush()
        self._pid = int(self._stdout.readline())
        self._started.set()
        return int(self._stdout.readline())

    def kill(self) -> None:
        """Kill the run that is under way, from another thread than the one that waits for it."""
        assert self._started.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)


@contextlib.contextmanager
def forker() -> Iterator[Forker]:
    """Start the process."""
    with subprocess.Popen(
        [sys.executable, "-m", __name__],
        env=clean_environment(),
        cwd=Path(__file__).parent.parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Forker(process.stdin, process.stdout)
        process.stdin.close()


def serve() -> None:
    """Answer requests until the end of input."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(silence, descriptor)
    preload()
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.dup2(silence, 0)
            signal.alarm(_LONGEST)
            os._exit(main(json.loads(line)))
        answers.write(f"{child}\n")
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")


def preload() -> None:
    """Import whatever a run imports: the SQL of all revisions is written by Alembic, too."""
    import psycopg
    import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401  the runs find it imported

    from lmsschema.migration import (
        migrate,  # noqa: F401  likewise
    )
    from lmsschema.tables import metadata  # noqa: F401  likewise

    assert psycopg.pq.version()
    assert main(["ddl"]) == 0


if __name__ == "__main__":
    serve()
