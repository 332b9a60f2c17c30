"""Table locks got without making anyone wait for long: all of a step's locks first, or none.

A step is one transaction. Before it changes what others use, it takes every lock that it will need,
in a fixed order. The first is waited for while nothing is held; those after it, all together, for
less than deadlock_timeout, so that a session which takes the same tables in another order waits,
but is never the one that gets an error. What is not got in time is given up as a whole, and tried
again after a pause, with longer waits, beginning with the table that was not got.

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

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.errors import LockTimeoutError

T = TypeVar("T")

Progress: TypeAlias = Callable[[str], None]

Mode: TypeAlias = Literal[
    "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "ACCESS EXCLUSIVE"
]

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
_CONFLICTS["SHARE"] = tuple(
    name for name in _CONFLICTS["SHARE ROW EXCLUSIVE"] if name != "ShareLock"
)
_CONFLICTS["SHARE UPDATE EXCLUSIVE"] = _CONFLICTS["SHARE ROW EXCLUSIVE"][1:]


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
        longest: The longest wait of an attempt for its first lock; all others together are waited
            for twice as long at most, and less than deadlock_timeout.
        quiet: The longest wait of what nobody queues behind: an index built CONCURRENTLY, a
            constraint that is validated.
    """

    total: float = 60.0
    first: float = 0.05
    longest: float = 0.8
    quiet: float = 600.0


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
    prepare: Callable[[psycopg.Connection], object] = lambda _: None,
    statements: Callable[[], Sequence[sql.Composed]] = lambda: (),
    commit: bool = False,
    patience: Patience = DEFAULT_PATIENCE,
    progress: Progress = lambda _: None,
) -> T:
    """Run a step in a transaction, until it gets its locks; return what ``work`` returns.

    Args:
        database: Where.
        work: What is done under the locks.
        what: What the step does, for messages: ``make learning_events_2026_11``.
        locks: What is locked, asked after ``prepare``; in the order of the first attempt. If a
            lock is not got, it is the first that the next attempt asks for: whoever holds it may
            wait for one of the others.
        prepare: What is done before; no reader and no writer waits for it.
        statements: What is run under the locks before ``work``, asked after ``prepare``. It is sent
            in one message with the locks, so that nobody waits for this process to be scheduled.
        commit: Commit in that message, too. ``work`` is then run without the locks, in a
            transaction that has none of the settings of :meth:`Database.transaction`.
        patience: How long to wait.
        progress: Told who is in the way, whenever that changes.

    Raises:
        LockTimeoutError: The locks were not got in the time that ``patience`` allows; nothing of
            the step remains.
    """
    deadline = time.monotonic() + patience.total
    wait = patience.first
    attempts, told = 0, ""
    stuck: Lock | None = None
    while True:
        attempts += 1
        try:
            with database.transaction(lock_timeout=wait) as conn:
                prepare(conn)
                end = [_COMMIT] if commit else []
                take(conn, _first(stuck, locks()), wait, [*statements(), *end])
                return work(conn)
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            wanted = locks()
            in_the_way = blockers(database, wanted)
            stuck = _blocked(wanted, in_the_way)
        pause = min(wait, _LONGEST_PAUSE) * random.uniform(0.5, 1.5)  # noqa: S311  jitter, no secret
        if time.monotonic() + pause >= deadline:
            raise LockTimeoutError(
                f"gave up to {what} after {attempts} attempts in {patience.total:g} s: "
                + ("; ".join(map(str, in_the_way)) or "its tables are locked again and again"),
                hint="What was done before is in place. Run the command again, or end what blocks.",
                details={"blockers": [dataclasses.asdict(b) for b in in_the_way]},
            )
        who = ", ".join(str(blocker.pid) for blocker in in_the_way)
        news = attempts > 1 or any(blocker.autovacuum for blocker in in_the_way)
        if in_the_way and who != told and news:
            progress(f"waiting to {what}: {in_the_way[0]}")
            told = who
        time.sleep(pause)
        for blocker in in_the_way:
            if blocker.autovacuum:
                _cancel_autovacuum(database, blocker)
        wait = min(wait * 2, patience.longest)


def _blocked(locks: Sequence[Lock], in_the_way: Sequence[Blocker]) -> Lock | None:
    """Return the lock that the oldest transaction in the way keeps us from."""
    if not in_the_way:
        return None
    table = (in_the_way[0].schema, in_the_way[0].table)
    return next((lock for lock in locks if (lock.schema, lock.table) == table), None)


def _first(stuck: Lock | None, locks: Sequence[Lock]) -> list[Lock]:
    """Return the locks with one of them moved to the front."""
    ahead = [lock for lock in locks if lock == stuck]
    return [*ahead, *(lock for lock in locks if lock != stuck)]


def take(
    conn: psycopg.Connection,
    locks: Sequence[Lock],
    wait: float,
    then: Sequence[sql.Composed] = (),
) -> None:
    """Take locks one after the other; the transaction's lock_timeout is the wait for the first.

    While it holds some, all further waits together stay below the server's deadlock_timeout. The
    statements of ``then`` are run in the same round trip.

    Raises:
        psycopg.errors.LockNotAvailable: One was not got; the transaction is at its end.
    """
    if not locks:
        for statement in then:
            conn.execute(statement)
        return
    budget = min(2 * wait, _HOLDING * _deadlock_timeout(conn))
    # PostgreSQL's statements may wait for a lock that only they know, too
    waits = len(locks) - 1 + len(then)
    limit = max(1, round(budget / max(1, waits) * 1000))
    statements: list[sql.Composable] = [
        sql.SQL("LOCK TABLE ONLY {}.{} IN {} MODE").format(
            sql.Identifier(lock.schema), sql.Identifier(lock.table), sql.SQL(lock.mode)
        )
        for lock in locks
    ]
    statements.insert(1, _LIMIT.format(sql.Literal(f"{limit}ms")))
    conn.execute(sql.SQL("; ").join([*statements, *then]))  # others wait meanwhile


_LIMIT = sql.SQL("SELECT pg_catalog.set_config('lock_timeout', {}, true)")

#: What follows is a transaction again, which psycopg commits.
_COMMIT = sql.SQL("COMMIT AND CHAIN").format()


def _deadlock_timeout(conn: psycopg.Connection) -> float:
    """Return the server's setting in seconds."""
    row = conn.execute(
        "SELECT date_part('epoch', pg_catalog.current_setting('deadlock_timeout')::interval)"
    ).fetchone()
    return float(row[0]) if row else 1.0


def blockers(database: Database, locks: Sequence[Lock]) -> list[Blocker]:
    """Return who holds locks that conflict, the oldest transaction first, three at most."""
    wanted = [(lock, mode) for lock in locks for mode in _CONFLICTS[lock.mode]]
    rows = database.conn.execute(
        query("locks/blockers"),
        {
            "schemas": [lock.schema for lock, _ in wanted],
            "tables": [lock.table for lock, _ in wanted],
            "modes": [mode for _, mode in wanted],
        },
    ).fetchall()
    return [Blocker(*row) for row in rows]


def _cancel_autovacuum(database: Database, blocker: Blocker) -> None:
    """Wait for one table long enough for PostgreSQL to cancel an autovacuum on it.

    It is waited for in a mode for which neither readers nor writers queue up.
    """
    wait = 1.3 * _deadlock_timeout(database.conn)
    try:
        with database.transaction(lock_timeout=wait) as conn:
            take(conn, [Lock(blocker.schema, blocker.table, "SHARE UPDATE EXCLUSIVE")], wait)
    except (errors.LockNotAvailable, errors.InsufficientPrivilege):
        return  # one that prevents wraparound is not cancelled; a role may not lock: wait on
