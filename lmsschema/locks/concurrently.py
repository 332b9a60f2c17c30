"""Statements that run CONCURRENTLY: outside a transaction, as long as they take, with progress.

They make no one wait, but wait themselves for every transaction that is older than they are; to
drop an index, for those that have locked its table. So they begin only once no old one is in sight;
a wait of theirs ends after :attr:`Patience.quiet`.
"""

import contextlib
from collections.abc import Iterator

import psycopg
from psycopg import errors, sql

from lmsschema.database import settings, sqlstate
from lmsschema.database.queries import query
from lmsschema.deadline import Deadline
from lmsschema.errors import LockTimeoutError
from lmsschema.locks import sessions, watcher
from lmsschema.locks.context import Context, Patience, Progress

#: Seconds after which a transaction counts as old: shorter ones end by themselves.
OLD = 2.0

_POLL = 0.25


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
        psycopg.errors.QueryCanceled: Somebody else cancelled it, or a statement_timeout.
    """
    database = context.database
    users = (database.schema, table) if drops else None
    _wait_for_old_transactions(context, what, users)
    watch = _Watch(context, table, what, drops=drops)
    watching = watcher.looking(context, watch.look, delay=2 * _POLL, pause=_POLL)
    with _settings(database.conn, context.patience), watching:
        try:
            database.conn.execute(statement)
        except (errors.LockNotAvailable, errors.QueryCanceled, errors.DeadlockDetected) as error:
            if isinstance(error, errors.QueryCanceled) and not watch.cancelled:
                raise  # by somebody, or a statement_timeout behind a pooler: no lock was at fault
            old = sessions.old_transactions(database.conn, 0, users)
            raise LockTimeoutError(
                f"did not {what}: {sqlstate.clean(str(error), database.target)}"
                + "".join(f"; {one}" for one in old),
                hint="Run the command again once they have ended: it takes up from here.",
                details={"blockers": [one.as_data() for one in old]},
            ) from error


def _wait_for_old_transactions(context: Context, what: str, table: tuple[str, str] | None) -> None:
    """Return once there is no old transaction, prepared or not, in the database or of the table.

    Raises:
        LockTimeoutError: There still is one after the patience's ``total``; nothing was begun.
    """
    deadline = Deadline(context.patience.total, pause=_POLL)
    told = ""
    while old := sessions.old_transactions(context.database.conn, OLD, table):
        if deadline.expired:
            raise LockTimeoutError(
                f"did not begin to {what}, which would wait for: {'; '.join(map(str, old))}",
                hint="Let them end, or end them (pg_terminate_backend, ROLLBACK PREPARED); "
                "then run the command again.",
                details={"blockers": [one.as_data() for one in old]},
            )
        if (now := ", ".join(str(one.pid) for one in old)) != told:
            context.tell(Progress(f"waiting to {what}: {old[0]}"))
            told = now
        deadline.pause()


def wait_for_builds(context: Context, table: str, what: str) -> None:
    """Return once no session builds an index on the table.

    The server goes on with a build whose client was killed; its index is not to be taken for dead.

    Raises:
        LockTimeoutError: One still does after the patience's ``quiet``.
    """
    database = context.database
    deadline = Deadline(context.patience.quiet, pause=_POLL)
    told = False
    while builds := _builds(database.conn, database.schema, table):
        if deadline.expired:
            raise LockTimeoutError(
                f"did not begin to {what}: pid {builds[0][0]} still builds an index on {table}",
                hint=f"Let it end, or end it with pg_terminate_backend({builds[0][0]}).",
            )
        if not told:
            message = f"waiting to {what}: pid {builds[0][0]} builds an index on {table}"
            context.tell(Progress(message))
            told = True
        deadline.pause()


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
            conn.execute(settings.of_session(conn.info.backend_pid))


class _Watch:
    """Tells how far a statement is, and ends a wait of its that lasts too long."""

    def __init__(self, context: Context, table: str, what: str, *, drops: bool) -> None:
        self._context = context
        self._table = table
        self._what = what
        self._drops = drops
        self._limit: Deadline | None = None  # of a wait
        self._told = ""
        self.cancelled = False

    def look(self, conn: psycopg.Connection) -> bool:
        """Look once, from another connection; False once the statement was cancelled."""
        database = self._context.database
        builds = _builds(conn, database.schema, self._table)
        # a build that is not seen may be hard at work: a role that the session was switched to
        # sees none, not even its own
        waits = self._drops and not builds
        for _, phase, *figures in builds:
            blocks_done, blocks, tuples_done, tuples, locker = figures
            done, total = (tuples_done, tuples) if tuples else (blocks_done, blocks)
            waits = phase.startswith("waiting for") and bool(locker)
            message = f"{phase} of pid {locker}" if waits else phase
            now = Progress(f"{self._what}: {message}", done, total)
            if str(now) != self._told:
                self._context.tell(now)
                self._told = str(now)
        self._limit = (self._limit or Deadline(self._context.patience.quiet)) if waits else None
        if self._limit is not None and self._limit.expired:
            self.cancelled = True
            database.conn.cancel_safe()
            return False
        return True
