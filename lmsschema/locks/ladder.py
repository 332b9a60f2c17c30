"""Table locks taken without making anyone wait for long: all of a step's locks first, or none.

A step is one transaction. Before it changes what others use, it takes every lock that it will need,
in a fixed order. The first is waited for while nothing is held; those after it, all together, for
less than deadlock_timeout, so that a session which takes the same tables in another order waits,
but is never the one that gets an error. If one of them is not obtained in time, none is kept, and
all are tried again after a pause, with longer waits, beginning with the one that was not obtained.

An autovacuum that blocks is cancelled by PostgreSQL once someone has waited for deadlock_timeout.
Such a wait is made for the one table alone, holding nothing.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Generic, Literal, TypeAlias, TypeVar

import psycopg
from psycopg import errors, sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.deadline import Deadline
from lmsschema.errors import LockTimeoutError
from lmsschema.locks.context import Context, Progress
from lmsschema.locks.sessions import Blocker

T = TypeVar("T")

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


#: Part of deadlock_timeout that a step may wait while it already holds locks.
_HOLDING = 0.6

_LONGEST_PAUSE = 2.0


@dataclasses.dataclass(frozen=True)
class Work(Generic[T]):
    """What a step does once it is prepared.

    Attributes:
        locks: What is locked, in the order of the first attempt. If a lock is not obtained, it is
            the first that the next attempt asks for: whoever holds it may wait for one of the
            others.
        statements: What is run under the locks first. It is sent in one message with them, so that
            nobody waits for this process to be scheduled.
        finish: What is done then; returns what the step returns. None: nothing.
        commit: Commit in the message with the locks, too. ``finish`` is then run without them, in
            a transaction that has none of the settings of :meth:`Database.transaction`.
    """

    locks: Sequence[Lock] = ()
    statements: Sequence[sql.Composed] = ()
    finish: Callable[[psycopg.Connection], T] | None = None
    commit: bool = False


def step(
    context: Context, prepare: Callable[[psycopg.Connection], Work[T] | None], *, what: str
) -> T | None:
    """Run a step in a transaction, until it gets its locks.

    Args:
        context: Where, how long to wait, and whom to tell who blocks it, whenever that changes.
        prepare: Does what no reader and no writer waits for, and returns the rest; None: there is
            nothing more to do. Called again in each attempt.
        what: What the step does, for messages: ``make learning_events_2026_11``.

    Returns:
        What ``finish`` of the work returns; None where there is no work, or no ``finish``.

    Raises:
        LockTimeoutError: The locks were not obtained in the time that the patience allows; nothing
            of the step remains.
    """
    database, patience = context.database, context.patience
    longest = min(patience.longest, _LONGEST_PAUSE)
    deadline = Deadline(patience.total, pause=1.5 * patience.first, longest=1.5 * longest)
    wait = patience.first
    attempts, told = 0, ""
    stuck: Lock | None = None
    while True:
        attempts += 1
        work: Work[T] | None = None
        try:
            with database.transaction(lock_timeout=wait) as conn:
                work = prepare(conn)
                if work is None:
                    return None
                end = [_COMMIT] if work.commit else []
                take(conn, _first(stuck, work.locks), wait, [*work.statements, *end])
                return None if work.finish is None else work.finish(conn)
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            locks = None if work is None else work.locks
            found = blockers(database, locks)
            stuck = _blocked(locks or (), found)
        if deadline.expired:
            raise LockTimeoutError(
                f"did not {what} after {attempts} attempts in {patience.total:g} s: "
                + ("; ".join(map(str, found)) or "its tables are locked again and again"),
                hint="What was done before is in place. Run the command again, or end what blocks.",
                details={"blockers": [blocker.as_data() for blocker in found]},
            )
        who = ", ".join(str(blocker.pid) for blocker in found)
        news = attempts > 1 or any(blocker.autovacuum for blocker in found)
        if found and who != told and news:
            context.tell(Progress(f"waiting to {what}: {found[0]}"))
            told = who
        deadline.pause()
        for blocker in found:
            if blocker.autovacuum and blocker.schema and blocker.table:
                _cancel_autovacuum(database, blocker.schema, blocker.table)
        wait = min(wait * 2, patience.longest)


def _blocked(locks: Sequence[Lock], found: Sequence[Blocker]) -> Lock | None:
    """Return the lock that the blocker with the oldest transaction keeps us from."""
    if not found:
        return None
    table = (found[0].schema, found[0].table)
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
        psycopg.errors.LockNotAvailable: One was not obtained; the transaction is at its end.
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


def blockers(database: Database, locks: Sequence[Lock] | None) -> list[Blocker]:
    """Return who holds locks that conflict, the oldest transaction first, three at most.

    Args:
        database: Where.
        locks: The locks that are wanted; None: to read tables of the schema.
    """
    wanted: list[tuple[str, str | None, str]]
    if locks is None:
        wanted = [(database.schema, None, "AccessExclusiveLock")]
    else:
        wanted = [(one.schema, one.table, mode) for one in locks for mode in _CONFLICTS[one.mode]]
    rows = database.conn.execute(
        query("locks/blockers"),
        {
            "schemas": [schema for schema, _, _ in wanted],
            "tables": [table for _, table, _ in wanted],
            "modes": [mode for _, _, mode in wanted],
        },
    ).fetchall()
    return [Blocker(*row) for row in rows]


def _cancel_autovacuum(database: Database, schema: str, table: str) -> None:
    """Wait for one table long enough for PostgreSQL to cancel an autovacuum on it.

    It is waited for in a mode for which neither readers nor writers queue up.
    """
    wait = 1.3 * _deadlock_timeout(database.conn)
    try:
        with database.transaction(lock_timeout=wait) as conn:
            take(conn, [Lock(schema, table, "SHARE UPDATE EXCLUSIVE")], wait)
    except (errors.LockNotAvailable, errors.InsufficientPrivilege):
        return  # one that prevents wraparound is not cancelled; a role may not lock: wait on
