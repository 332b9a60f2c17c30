"""A heal in a process of its own, killed at one of its statements, with SIGKILL, from outside."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable

from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.locks.context import Context
from lmsschema.partition_manager import heal as partition_heal
from lmsschema.partition_manager.heal_plan import HealLimits
from lmsschema.partitions import LEARNING_EVENTS
from tests.support.boundaries import Boundary, Statement, When, relayed

#: A few rows are many, batches are small, so that a test of a move needs no thousands.
SMALL = HealLimits(few=10, pages=4)

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["lmsschema.partition_manager.move", "psycopg"])


class Containing(Boundary):
    """Counts the statements that contain a text."""

    def __init__(self, text: str, at: int, when: When, act: Callable[[], object]) -> None:
        super().__init__(at, when, act)
        self._text = text
        self._last = at

    def passes(self, statement: Statement, send: Callable[[], object]) -> bool:
        if self._text not in statement.text and len(self.seen) < self._last:
            send()
            return True
        return super().passes(statement, send)


def heal(url: str) -> None:
    """Move rows out of the default."""
    database = connect(Target(url, "the test"))
    with contextlib.closing(database.conn):
        if not partition_heal.heal(Context(database), LEARNING_EVENTS, limits=SMALL).applied:
            raise AssertionError


def killed(url: str, text: str, at: int, when: When) -> bool:
    """Heal until the ``at``-th statement that contains a text; whether it came that far."""
    pids: list[int] = []
    boundary = Containing(text, at, when, lambda: os.kill(pids[0], signal.SIGKILL))
    with relayed(url, boundary) as through:
        process = _PROCESSES.Process(target=heal, args=(through,))
        process.start()
        assert process.pid is not None
        pids.append(process.pid)
        process.join(60)
    return process.exitcode == -signal.SIGKILL
