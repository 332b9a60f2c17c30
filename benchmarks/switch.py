"""How long writers wait while a database changes its index profile, there and back."""

import contextlib
import functools
import multiprocessing
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from multiprocessing.connection import Connection

from benchmarks.statements import busy, connected, parameters
from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.migration.profile_change import change
from lmsschema.workload import statements

#: What is written meanwhile, each by a process of its own.
WRITES = ("heartbeat", "enrollment_touch", "session_close", "event_batch")

#: Seconds between two writes of a process, and of the control, in which no profile changes.
PAUSE, CONTROL = 0.01, 20.0

#: The longest wait that is accepted, in milliseconds.
MOST = 250


def switch(url: str, end: datetime) -> None:
    """Print each writer's number of writes, and its longest, beside nothing and two changes."""
    print(f"\nswitch: writes, and the longest in ms (at most {MOST})")
    _row("", *WRITES)
    _beside(url, end, "nothing", lambda: time.sleep(CONTROL))
    for profile in ("lean", "faithful"):
        _beside(url, end, f"to {profile}", functools.partial(_change, url, profile))


def _change(url: str, profile: str) -> None:
    database = connect(Target(url, "benchmark"))
    with contextlib.closing(database.conn):
        change(database, profile)


def _beside(url: str, end: datetime, what: str, run: Callable[[], object]) -> None:
    with _writers(url, end) as writers:
        time.sleep(2)
        for pipe in writers:
            pipe.send(None)  # from here on it counts
        begin = time.perf_counter()
        run()
        seconds = time.perf_counter() - begin
        for pipe in writers:
            pipe.send(None)
        found = [pipe.recv() for pipe in writers]
    _row(f"{what}, {seconds:.0f} s", *(f"{count} {1000 * most:.0f}" for count, most in found))


@contextlib.contextmanager
def _writers(url: str, end: datetime) -> Iterator[list[Connection]]:
    pipes, processes = [], []
    start = multiprocessing.get_context("spawn")
    for name in WRITES:
        ours, theirs = start.Pipe()
        process = start.Process(target=_write, args=(url, end, name, theirs), daemon=True)
        process.start()
        pipes.append(ours)
        processes.append(process)
    for pipe in pipes:
        pipe.recv()  # it is ready
    try:
        yield pipes
    finally:
        for process in processes:
            process.join(30)


def _write(url: str, end: datetime, name: str, pipe: Connection) -> None:
    """Run a statement again and again; send how often, and the seconds that the longest took."""
    statement = statements()[name]
    with connected(url) as conn:
        given = parameters(statement, busy(conn, end), end)
        pipe.send(None)
        count, most = 0, 0.0
        counting = False
        while True:
            if pipe.poll():
                pipe.recv()
                if counting:
                    break
                counting = True
            begin = time.perf_counter()
            conn.execute(statement.text.encode(), next(given))
            if counting:
                count, most = count + 1, max(most, time.perf_counter() - begin)
            time.sleep(PAUSE)
    pipe.send((count, most))


def _row(*cells: str) -> None:
    print("  " + "".join(f"{cell:>20s}" for cell in cells), flush=True)
