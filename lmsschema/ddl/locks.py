"""Table locks got without making anyone wait for long: all of a step's locks first, or none.

A step is one transaction. Before it changes what others use, it takes every lock that it will need,
in one order that is the same for all steps. The first is waited for while nothing is held; those
after it for so short a time that no other session's deadlock_timeout can run out meanwhile, so that
a session which takes the same tables in another order is never the one that gets an error. What is
not got in time is given up as a whole, and tried again after a pause, with longer waits.

An autovacuum in the way is cancelled by PostgreSQL once someone has waited for deadlock_timeout.
Such a wait is made for the one table alone, holding nothing.
"""

import dataclasses
import random
import time
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias, TypeVar

import psycopg
from psycopg import errors, sql

from lmsschema.db import Database, query
from lmsschema.errors import LockTimeoutError

T = TypeVar("T")

Progress: TypeAlias = Callable[[str], None]

Mode: TypeAlias = Literal["SHARE ROW EXCLUSIVE", "ACCESS EXCLUSIVE"]

#: The names in pg_locks of what conflicts with a mode (the manual, table 13.2).
_CONFLICTS: dict[Mode, tuple[str, ...]] = {
    "SHARE ROW EXCLUSIVE": (
        "RowExclusiveLock",
        "ShareUpdateExclusiveLock",
        "ShareLock",
        "ShareRowExclusiveLock",
        "ExclusiveLock",
        "AccessExclusiveLock",
    ),
}
_CONFLICTS["ACCESS EXCLUSIVE"] = (
    "AccessShareLock",
    "RowShareLock",
    *_CONFLICTS["SHARE ROW EXCLUSIVE"],
)


@dataclasses.dataclass(frozen=True)
class Lock:
    """A lock that a step needs on a table."""

    schema: str
    table: str
    mode: Mode


@dataclasses.dataclass(frozen=True)
class Patience:
    """How a step waits for its locks; times in seconds.

    Args:
        total: How long a step is tried in all before it is given up.
        first: The first attempt's wait for a lock; each further attempt waits twice as long.
        longest: The longest wait of an attempt, and so the longest that others queue behind it.
    """

    total: float = 60.0
    first: float = 0.05
    longest: float = 0.8


DEFAULT_PATIENCE = Patience()

#: Part of deadlock_timeout that a step may wait while it already holds locks.
_HOLDING = 0.6

_LONGEST_PAUSE = 2.0


@dataclasses.dataclass(frozen=True)
class Blocker:
    """A session that holds a lock which conflicts with a wanted one."""

    pid: int | None
    user: str
    schema: str
    table: str
    mode: str
    age: float | None
    state: str | None
    query: str | None
    autovacuum: bool

    def __str__(self) -> str:
        who = "a prepared transaction" if self.pid is None else f"pid {self.pid} ({self.user})"
        age = "" if self.age is None else f", transaction open for {self.age:.1f} s"
        state = f", {self.state}" if self.state else ""
        text = f", query: {self.query}" if self.query else ""
        return f"{who} holds {self.mode} on {self.table}{age}{state}{text}"


def step(
    database: Database,
    work: Callable[[psycopg.Connection], T],
    *,
    what: str,
    locks: Callable[[], Sequence[Lock]],
    patience: Patience = DEFAULT_PATIENCE,
    progress: Progress = lambda _: None,
) -> T:
    """Run ``work`` in a transaction until it gets its locks; return what it returns.

    Args:
        database: Where.
        work: Does the step; it calls :func:`take` itself, at the point where it needs the locks.
        what: What the step does, for messages: ``make learning_events_2026_11``.
        locks: What the step locks, to find out who is in the way.
        patience: How long to wait.
        progress: Told who is in the way, whenever that changes.

    Raises:
        LockTimeoutError: The locks were not got in the time that ``patience`` allows; nothing of
            the step remains.
    """
    deadline = time.monotonic() + patience.total
    wait = patience.first
    attempts, told = 0, ""
    while True:
        attempts += 1
        try:
            with database.transaction(lock_timeout=wait) as conn:
                return work(conn)
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            in_the_way = blockers(database, locks())
        pause = min(wait, _LONGEST_PAUSE) * random.uniform(0.5, 1.5)  # noqa: S311  jitter, no secret
        if time.monotonic() + pause >= deadline:
            raise LockTimeoutError(
                f"gave up to {what} after {attempts} attempts in {patience.total:g} s: "
                + ("; ".join(map(str, in_the_way)) or "its tables are locked again and again"),
                hint="What was done before is in place. Run the command again, or end what blocks.",
                details={"blockers": [dataclasses.asdict(b) for b in in_the_way]},
            )
        who = ", ".join(str(blocker.pid) for blocker in in_the_way)
        if in_the_way and who != told:
            progress(f"waiting to {what}: {in_the_way[0]}")
            told = who
        time.sleep(pause)
        for blocker in in_the_way:
            if blocker.autovacuum:
                _cancel_autovacuum(database, blocker)
        wait = min(wait * 2, patience.longest)


def take(conn: psycopg.Connection, locks: Sequence[Lock], deadlock_timeout: float) -> None:
    """Take the locks in the order given, in one round trip.

    Args:
        conn: In a transaction whose lock_timeout is the wait for the first lock.
        locks: In the order that all steps keep: referenced tables by name, then the partitioned
            table, then its partitions.
        deadlock_timeout: The server's setting in seconds.

    Raises:
        psycopg.errors.LockNotAvailable: One was not got; the transaction is at its end.
    """
    statements = []
    for number, lock in enumerate(locks):
        statements.append(
            sql.SQL("LOCK TABLE ONLY {}.{} IN {} MODE").format(
                sql.Identifier(lock.schema), sql.Identifier(lock.table), sql.SQL(lock.mode)
            )
        )
        if number == 0:
            limit = max(1, int(deadlock_timeout * 1000 * _HOLDING / max(1, len(locks) - 1)))
            statements.append(
                sql.SQL("SELECT pg_catalog.set_config('lock_timeout', {}, true)").format(
                    sql.Literal(f"{limit}ms")
                )
            )
    if statements:
        conn.execute(sql.SQL("; ").join(statements))


def blockers(database: Database, locks: Sequence[Lock]) -> list[Blocker]:
    """Return who holds locks that conflict, the oldest transaction first, three at most."""
    wanted = [(lock, mode) for lock in locks for mode in _CONFLICTS[lock.mode]]
    rows = database.conn.execute(
        query("lock_blockers"),
        {
            "schemas": [lock.schema for lock, _ in wanted],
            "tables": [lock.table for lock, _ in wanted],
            "modes": [mode for _, mode in wanted],
        },
    ).fetchall()
    return [Blocker(*row) for row in rows]


def _cancel_autovacuum(database: Database, blocker: Blocker) -> None:
    """Wait for one table long enough for PostgreSQL to cancel an autovacuum on it."""
    row = database.conn.execute(
        "SELECT date_part('epoch', pg_catalog.current_setting('deadlock_timeout')::interval)"
    ).fetchone()
    wait = 1.3 * float(row[0] if row else 1)
    try:
        with database.transaction(lock_timeout=wait) as conn:
            take(conn, [Lock(blocker.schema, blocker.table, "SHARE ROW EXCLUSIVE")], wait)
    except (errors.LockNotAvailable, errors.InsufficientPrivilege):
        return  # one that prevents wraparound is not cancelled; a role may not lock: wait on
