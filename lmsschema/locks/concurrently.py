"""Statements that run CONCURRENTLY: outside a transaction, as long as they take, with progress.

They make no one wait, but wait themselves for every transaction that is older than they are. So
they begin only once no old one is in sight; a wait of theirs ends after :attr:`Patience.quiet`.
"""

import contextlib
import dataclasses
import functools
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
from psycopg import errors, sql

from lmsschema.database import sqlstate
from lmsschema.database.connection import open_connection
from lmsschema.database.queries import query
from lmsschema.errors import LockTimeoutError
from lmsschema.locks.context import Context, Patience, Progress

#: Seconds after which a transaction counts as old: shorter ones end by themselves.
OLD = 2.0

_POLL = 0.25


@dataclasses.dataclass(frozen=True)
class OldTransaction:
    """What an index built CONCURRENTLY would wait for."""

    pid: int | None
    user: str
    age: float | None
    state: str | None
    query: str | None

    def __str__(self) -> str:
        if self.pid is None:
            return (
                f"prepared transaction {self.query} (user {self.user}, {self.age or 0:.0f} s old)"
            )
        return (
            f"pid {self.pid} (user {self.user}, transaction open for {self.age or 0:.1f} s, "
            f"{self.state}): {self.query}"
        )


def run(context: Context, statement: sql.Composed, *, table: str, what: str, drops: bool) -> None:
    """Run a statement CONCURRENTLY, once no old transaction would make it wait.

    Args:
        context: Where; its patience: ``total`` for old transactions to end, ``quiet`` for each
            wait of the statement; told how far it is.
        statement: It names the table with its schema: there is no search_path outside transactions.
        table: The table whose index it is about.
        what: What it does, for messages.
        drops: Whether it drops the index: that takes no time but what it waits for.

    Raises:
        LockTimeoutError: An old transaction did not end. What the statement left is seen by the
            next run.
    """
    wait_for_old_transactions(context, what)
    database = context.database
    watch = functools.partial(_watch, context, table, what, drops=drops)
    with _settings(database.conn, context.patience), _beside(watch):
        try:
            database.conn.execute(statement)
        except (errors.LockNotAvailable, errors.QueryCanceled, errors.DeadlockDetected) as error:
            old = old_transactions(database.conn, older=0)
            raise LockTimeoutError(
                f"did not {what}: {sqlstate.clean(str(error), database.target)}"
                + "".join(f"; {one}" for one in old),
                hint="Run the command again once they have ended: it takes up from here.",
                details={"blockers": [dataclasses.asdict(one) for one in old]},
            ) from error


def wait_for_old_transactions(context: Context, what: str) -> None:
    """Return once there is no old transaction, prepared or not, in the database.

    Raises:
        LockTimeoutError: There still is one after the patience's ``total``; nothing was begun.
    """
    deadline = time.monotonic() + context.patience.total
    told = ""
    while old := old_transactions(context.database.conn, older=OLD):
        if time.monotonic() >= deadline:
            raise LockTimeoutError(
                f"did not begin to {what}, which would wait for: {'; '.join(map(str, old))}",
                hint="Let them end, or end them (pg_terminate_backend, ROLLBACK PREPARED); "
                "then run the command again.",
                details={"blockers": [dataclasses.asdict(one) for one in old]},
            )
        if (now := ", ".join(str(one.pid) for one in old)) != told:
            context.tell(Progress(f"waiting to {what}: {old[0]}"))
            told = now
        time.sleep(_POLL)


def old_transactions(conn: psycopg.Connection, older: float) -> list[OldTransaction]:
    """Return the oldest transactions that hold a snapshot or have written, three at most."""
    rows = conn.execute(query("locks/old_transactions"), {"older": older}).fetchall()
    return [OldTransaction(*row) for row in rows]


def wait_for_builds(context: Context, table: str, what: str) -> None:
    """Return once no session builds an index on the table.

    The server goes on with a build whose client was killed; its index is not to be taken for dead.

    Raises:
        LockTimeoutError: One still does after the patience's ``quiet``.
    """
    database = context.database
    deadline = time.monotonic() + context.patience.quiet
    told = False
    while builds := _builds(database.conn, database.schema, table):
        if time.monotonic() >= deadline:
            raise LockTimeoutError(
                f"did not begin to {what}: pid {builds[0][0]} still builds an index on {table}",
                hint=f"Let it end, or end it with pg_terminate_backend({builds[0][0]}).",
            )
        if not told:
            message = f"waiting to {what}: pid {builds[0][0]} builds an index on {table}"
            context.tell(Progress(message))
            told = True
        time.sleep(_POLL)


def _builds(
    conn: psycopg.Connection, schema: str, table: str
) -> list[tuple[int, str, int, int, int, int, int]]:
    """Return the builds of indexes on a table: pid, phase, blocks, tuples, whom they wait for."""
    values = {"schema": schema, "table": table}
    return conn.execute(query("locks/index_progress"), values).fetchall()


@contextlib.contextmanager
def _settings(conn: psycopg.Connection, patience: Patience) -> Iterator[None]:
    """Give the session its limits, and take them back.

    Behind a pooler in transaction mode the session is not ours: there the watcher is the limit.
    """
    row = conn.execute("SELECT pg_catalog.pg_backend_pid()").fetchone()
    if row != (conn.info.backend_pid,):
        yield
        return
    limit = sql.Literal(f"{round(patience.quiet * 1000)}ms")
    conn.execute(sql.SQL("SET lock_timeout = {}; SET statement_timeout = 0").format(limit))
    try:
        yield
    finally:
        if not conn.closed and not conn.broken:
            conn.execute("RESET lock_timeout; RESET statement_timeout")


@contextlib.contextmanager
def _beside(watch: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run ``watch`` in a thread until the block ends, which sets the event."""
    over = threading.Event()
    watcher = threading.Thread(target=watch, args=(over,), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _watch(context: Context, table: str, what: str, over: threading.Event, *, drops: bool) -> None:
    """Tell from another connection how far the statement is; end a wait that lasts too long."""
    database = context.database
    if over.wait(_POLL):
        return
    waiting_since: float | None = None
    told: Progress | None = None
    # whatever goes wrong here must not end what is watched
    with (
        contextlib.suppress(Exception),
        contextlib.closing(open_connection(database.target)) as conn,
    ):
        while not over.wait(_POLL):
            builds = _builds(conn, database.schema, table)
            # a build that is not seen may be hard at work: a role that the session was switched to
            # sees none, not even its own
            waits = drops and not builds
            for _, phase, *figures in builds:
                blocks_done, blocks, tuples_done, tuples, locker = figures
                done, total = (tuples_done, tuples) if tuples else (blocks_done, blocks)
                waits = phase.startswith("waiting for") and bool(locker)
                message = f"{phase} of pid {locker}" if waits else phase
                now = Progress(f"{what}: {message}", done, total)
                if str(now) != str(told):
                    context.tell(now)
                    told = now
            waiting_since = (waiting_since or time.monotonic()) if waits else None
            if waiting_since and time.monotonic() - waiting_since > context.patience.quiet:
                database.conn.cancel_safe()
                return
