"""Makes synthetic data on the server: the same rows for the same seed, however many workers.

Every row is a function of its number and the seed, and what is derived of the events (sessions,
progress, summaries) is computed from the same numbers. Triggers and foreign keys are in force, and
all indexes in place. A transaction inserts a part as a whole, and the next run finds by the keys
which parts are there.
"""

import dataclasses
from datetime import datetime
from itertools import groupby

from psycopg import sql

from lmsschema.database import session
from lmsschema.database.connection import Database, require_writable
from lmsschema.demo import crew, record
from lmsschema.demo.crew import Crew, Worker
from lmsschema.demo.shape import Shape
from lmsschema.errors import FindingsError, LmsschemaError, LockTimeoutError
from lmsschema.locks import run_lock
from lmsschema.locks.context import Context
from lmsschema.migration import position, revisions
from lmsschema.partition_manager import ensure, state
from lmsschema.partition_manager.state import State
from lmsschema.partitions import LEARNING_EVENTS, Create, Range, plan_range

#: Enrollments whose progress is inserted in one transaction.
_BATCH = 1000

#: The tables of the data, in the order in which their statistics are made at the end.
TABLES = (
    *("institutions", "users", "courses", "lessons", "sections", "enrollments"),
    *("learning_sessions", "section_progress", "lesson_progress", "course_analytics"),
    *("learner_analytics", "learning_events"),
)


@dataclasses.dataclass(frozen=True)
class Filled:
    """What a run did.

    Attributes:
        rows: How many rows of each kind the data has; empty if all of it was there.
        partitions: The partitions that were made for it.
        begun: Whether an earlier run had made some of it.
        complete: Whether it had made all of it, and this one nothing.
    """

    rows: dict[str, int]
    partitions: tuple[str, ...]
    begun: bool
    complete: bool


def fill(
    context: Context,
    shape: Shape,
    *,
    workers: int,
    allow_users: bool = False,
    wait: float = run_lock.WAIT,
) -> Filled:
    """Make the data that is asked for, or what an interrupted run has left of it.

    Holds the run lock, so that no revision is applied meanwhile. Locks tables as inserts do.

    Args:
        context: Where, and whom to tell.
        shape: What is asked for.
        workers: How many connections work at once.
        allow_users: Add to a schema that has users.
        wait: Seconds to wait for another run.

    Raises:
        LmsschemaError: The schema is not at head.
        UnsafeError: It has users, or other data of this seed.
        FindingsError: Rows of the default partition block a month.
        LockTimeoutError: Another run held its lock for too long.
        DatabaseUnavailableError: The server takes no changes, or not from this role.
    """
    database = context.database
    session.require_direct(database.conn, database.target, "making data")
    _require_head(database)
    require_writable(database)
    with run_lock.hold(context, wait=wait) as require_lock:
        standing = record.read(database, shape, allow_users=allow_users)
        if standing.complete:
            return Filled({}, (), begun=True, complete=True)
        made = _make_partitions(context, shape)
        with crew.hired(context, shape, workers) as hands:
            hands.prepare()
            rows = _rows(hands)
            if not standing.begun:
                hands.run("people and courses", 0, [lambda worker: _found(worker, shape)])
            require_lock()
            hands.run("events", shape.events, _of_events(hands, shape, again=standing.begun))
            require_lock()
            jobs = _of_progress(hands, rows["enrollments"], again=standing.begun)
            hands.run("enrollments and progress", rows["enrollments"], jobs)
            require_lock()
            hands.run("analytics", 0, [_analyse])
            jobs = [_vacuum(table) for table in TABLES]
            hands.run("statistics for the planner", 0, jobs)
    return Filled(rows, made, begun=standing.begun, complete=False)


def today(database: Database) -> datetime:
    """Return the time by the database's clock."""
    with database.transaction(read_only=True):
        return state.read(database, LEARNING_EVENTS).now


def _require_head(database: Database) -> None:
    """Raise unless the schema is at head: the data has the columns of no other revision."""
    revision = position.current(database)
    if revision != revisions.head():
        raise LmsschemaError(
            f"schema {database.schema} of {database.target} is at {revision or revisions.BASE}, "
            f"not at {revisions.head()}",
            hint="Upgrade it first: lmsschema upgrade",
            details={"revision": revision},
        )


def _make_partitions(context: Context, shape: Shape) -> tuple[str, ...]:
    """Make the months of the data; return those that were missing."""
    policy = LEARNING_EVENTS
    wanted = Range(policy.start(shape.first), shape.end)

    def planner(found: State) -> list[Create]:
        return plan_range(policy, found.partitions, wanted)

    outcome = ensure.make(context, policy, planner)
    if outcome.busy:
        raise LockTimeoutError(state.busy(policy), hint="Run the command again once it has ended.")
    if outcome.blocked:
        names = ", ".join(one.name for one in outcome.blocked)
        raise FindingsError(
            f"rows in {outcome.default} block {names}",
            hint="Move them to their partitions first: lmsschema partitions heal",
        )
    return tuple(one.name for one in outcome.done if isinstance(one, Create))


def _rows(hands: Crew) -> dict[str, int]:
    """Return how many rows of each kind the data has."""
    found: dict[str, int] = {}

    def count(worker: Worker) -> None:
        with worker.transaction() as run:
            cursor = run("counts")
            row = cursor.fetchone() or ()
            names = [column.name for column in cursor.description or ()]
            found.update(zip(names, row, strict=True))

    hands.run("counting", 0, [count])
    return found


def _found(worker: Worker, shape: Shape) -> None:
    """Insert all that events refer to, and with the first institution what was asked for."""
    import json

    with worker.transaction() as run:
        run("institutions", {"asked": json.dumps(shape.data())})
        for table in ("users", "courses", "lessons", "sections"):
            run(table)


def _of_events(hands: Crew, shape: Shape, *, again: bool) -> list[crew.Job]:
    """Return the jobs that insert events and sessions: a month's rows come in their order."""

    def job(days: list[tuple[datetime, datetime]]) -> crew.Job:
        def insert(worker: Worker) -> None:
            for since, until in days:
                span = {"since": since, "until": until}
                with worker.transaction() as run:
                    done = again and run("day_done", span).fetchone() == (True,)
                    if not done:
                        hands.count(run("events", span).rowcount)

        return insert

    months = groupby(shape.days(), lambda day: day[0].strftime("%Y-%m"))
    return [job(list(days)) for _, days in months]


def _of_progress(hands: Crew, enrollments: int, *, again: bool) -> list[crew.Job]:
    """Return the jobs that insert enrollments with the progress in them."""

    def job(first: int) -> crew.Job:
        def insert(worker: Worker) -> None:
            span = {"first": first, "last": first + _BATCH - 1}
            with worker.transaction() as run:
                done = again and run("progress_done", span).fetchone() == (True,)
                if not done:
                    run("progress", span)
            hands.count(_BATCH)

        return insert

    return [job(first) for first in range(1, enrollments + 1, _BATCH)]


def _analyse(worker: Worker) -> None:
    """Insert what is derived of all that; the last row says that all of it is there."""
    with worker.transaction() as run:
        run("course_analytics")
        run("learner_analytics")


def _vacuum(table: str) -> crew.Job:
    """Return the job that has index-only scans and plans right from the first query on."""

    def vacuum(worker: Worker) -> None:
        name = sql.Identifier(worker.database.schema, table)
        worker.database.conn.execute(sql.SQL("VACUUM (ANALYZE) {}").format(name))

    return vacuum
