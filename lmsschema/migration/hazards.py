"""What of a revision is dangerous on a live database, from what was measured of it."""

import dataclasses
import functools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from lmsschema import names
from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.database.settings import LOCK_TIMEOUT
from lmsschema.errors import DatabaseUnavailableError, UnsafeError
from lmsschema.locks.context import Tell
from lmsschema.migration import estimate, measure
from lmsschema.migration.measured import MeasuredStatement
from lmsschema.migration.retry import DEFAULT_RETRY, Retry, patiently

T = TypeVar("T")

_SHOWN = 100  # characters of a statement in a message

#: The program's own tables: only a run of it waits for these.
_OWN = {names.VERSION, names.SETTINGS}


class Kind(StrEnum):
    """Why ``upgrade`` refuses a revision unless ``--allow-hazard`` names the kind."""

    BLOCKING_LOCK = "blocking-lock"
    TABLE_REWRITE = "table-rewrite"
    DATA_LOSS = "data-loss"
    UNMEASURED = "unmeasured"


#: Lock modes in pg_locks that make others wait, and whom (the manual, table 13.2).
BLOCKS = {
    "ShareLock": "writes",
    "ShareRowExclusiveLock": "writes",
    "ExclusiveLock": "writes",
    "AccessExclusiveLock": "reads and writes",
}

_ADVICE = {
    Kind.BLOCKING_LOCK: "reads all rows of {tables} while {held} make others wait; build indexes "
    "concurrently, add constraints NOT VALID and validate them in a later transaction",
    Kind.TABLE_REWRITE: "writes all rows of {tables} anew; add a column and fill it in batches",
    Kind.DATA_LOSS: "drops {tables} or columns of it; take a backup first",
}

#: What loses rows, or writes all anew, by way of DML.
_DELETES = "deletes rows of {tables}; take a backup first"
_UPDATES = (
    "updates {tables} and reads all rows to find its own; their other writers wait until it "
    "commits; update in batches, of a transaction each"
)
_MANY_UPDATES = (
    "updates {tables} by way of an index, and many rows of them, as far as the statistics tell; "
    "their other writers wait until it commits; update in batches, of a transaction each"
)


@dataclasses.dataclass(frozen=True)
class Activity:
    """How large and busy a table is.

    Attributes:
        heap_bytes: Bytes of its rows, those of its partitions included.
        total_bytes: The same with indexes and TOAST.
        rows: Estimate of its rows.
        writes_per_second: Rows inserted, updated and deleted a second, since statistics are kept.
    """

    heap_bytes: int
    total_bytes: int
    rows: int
    writes_per_second: float


@dataclasses.dataclass(frozen=True)
class Hazard:
    """A statement that is dangerous, and why."""

    kind: Kind
    statement: str
    tables: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        """Say which statement, and why."""
        text = " ".join(self.statement.split())[:_SHOWN]
        return f"{text}: {self.reason}" if text else self.reason


def activity(database: Database, lock_timeout: float = LOCK_TIMEOUT) -> dict[str, Activity]:
    """Return how large and busy each table of the schema is."""
    with database.transaction(read_only=True, lock_timeout=lock_timeout) as conn:
        rows = conn.execute(
            query("migration/table_activity"), {"schema": database.schema}
        ).fetchall()
    return {row[0]: Activity(*row[1:]) for row in rows}


def find(statements: Iterable[MeasuredStatement], tables: Mapping[str, Activity]) -> list[Hazard]:
    """Return the hazards of a revision's statements on a database with such tables.

    A lock that makes others wait is dangerous where work that grows with a table's rows is done
    before it is let go; a change of the catalogs alone takes an instant, and ``upgrade`` waits for
    its lock no longer than the lock timeout, without queueing others for longer.

    Args:
        statements: What was measured.
        tables: The tables of the database; those without rows are never in danger.
    """
    filled = {name for name, table in tables.items() if table.heap_bytes > 0}
    found = []
    for statement in statements:
        held = {table for table, mode in statement.held if mode in BLOCKS} & filled
        emptied = statement.deletes & statement.rewrites  # truncated, which takes an instant
        worked_on = (statement.scans | statement.rewrites) & filled - emptied
        if held and worked_on:
            found.append(_hazard(Kind.BLOCKING_LOCK, statement, worked_on, held))
        if lost := statement.rewrites & filled - emptied:
            found.append(_hazard(Kind.TABLE_REWRITE, statement, lost))
        if lost := statement.updates & statement.scans & filled:
            found.append(_hazard(Kind.TABLE_REWRITE, statement, lost, advice=_UPDATES))
        if lost := statement.drops & filled:
            found.append(_hazard(Kind.DATA_LOSS, statement, lost))
        if lost := statement.deletes & filled:
            found.append(_hazard(Kind.DATA_LOSS, statement, lost, advice=_DELETES))
    return found


@dataclasses.dataclass(frozen=True)
class Assessment:
    """What pending revisions do to the tables that a database has.

    Attributes:
        tables: The tables, how large and busy they are.
        statements: What was measured of each revision's statements; none where nothing was.
        hazards: Each revision's hazards.
        measured_on: The server that ran them, or "" if none of the tables has rows.
    """

    tables: Mapping[str, Activity]
    statements: Mapping[str, list[MeasuredStatement]]
    hazards: Mapping[str, list[Hazard]]
    measured_on: str


def assess(
    database: Database,
    before: str | None,
    pending: list[str],
    *,
    own: Mapping[str, Path] = MappingProxyType({}),
    profile: str | None = None,
    shadow_url: str | None = None,
    retry: Retry = DEFAULT_RETRY,
    notify: Tell = lambda _: None,
    run: Callable[..., measure.Measured] = measure.run,
) -> Assessment:
    """Have the pending revisions measured, where the database has tables with rows of the site.

    Args:
        database: The database to upgrade.
        before: The revision that it is at.
        pending: The revisions that it lacks.
        own: Their files, if they are an application's.
        profile: The index profile that is measured instead of revisions.
        shadow_url: The server to run them on; None for the embedded one.
        retry: How tables that are locked are waited for.
        notify: Told which revision is measured.
        run: What measures: :func:`measure.run`, or one that remembers.
    """

    def read(what: str, question: Callable[[], T]) -> T:
        return patiently(database, what, question, retry, notify)

    if before is None or not pending:
        return Assessment({}, {}, {}, "")
    tables = read("reading the sizes of tables", lambda: activity(database, retry.lock_timeout))
    if not any(table.heap_bytes for name, table in tables.items() if name not in _OWN):
        return Assessment(tables, {}, {}, "")
    try:
        measured = run(
            database,
            before,
            pending,
            own=own,
            profile=profile,
            shadow_url=shadow_url,
            notify=notify,
        )
    except DatabaseUnavailableError as error:
        unknown = Hazard(Kind.UNMEASURED, "", (), f"{error.message}. {error.hint}")
        return Assessment(tables, {}, {revision: [unknown] for revision in pending}, "")
    found = {
        revision: [
            *find(statements, tables),
            *read(
                f"estimating the updates of {revision}",
                functools.partial(_large_updates, database, statements, tables),
            ),
            *_unknown(statements, tables, measured.missing),
        ]
        for revision, statements in measured.statements.items()
    }
    return Assessment(tables, measured.statements, found, measured.place)


def _large_updates(
    database: Database, statements: Iterable[MeasuredStatement], tables: Mapping[str, Activity]
) -> list[Hazard]:
    """Return updates that read many rows by the database's statistics, not on the empty copy."""
    large = []
    for statement in statements:
        updated = {name for name in statement.updates - statement.scans if name in tables}
        filled = {name for name in updated if tables[name].heap_bytes > 0}
        if not filled:
            continue
        if sum(tables[name].rows for name in filled) < estimate.MANY:
            continue
        rows = estimate.rows(database, statement.sql)
        if rows is None or rows >= estimate.MANY:
            large.append(_hazard(Kind.TABLE_REWRITE, statement, filled, advice=_MANY_UPDATES))
    return large


def _unknown(
    statements: Iterable[MeasuredStatement],
    tables: Mapping[str, Activity],
    missing: Iterable[tuple[str, str]],
) -> Iterator[Hazard]:
    """Yield what is not known of a table that is locked: what has not been on the copy."""
    for table, what in missing:
        for statement in statements:
            locked = any(name == table and mode in BLOCKS for name, mode in statement.locks)
            if locked and table in tables and tables[table].heap_bytes > 0:
                yield Hazard(
                    Kind.UNMEASURED,
                    statement.sql,
                    (table,),
                    f"locks {table}, which has on this database what the scratch copy can't have "
                    f"({what}); name a server that can with --shadow-url",
                )


def refuse(hazards: Mapping[str, list[Hazard]], allowed: Collection[str]) -> None:
    """Raise UnsafeError if a revision has a hazard of a kind that is not allowed."""
    left = [
        (revision, hazard)
        for revision, found in hazards.items()
        for hazard in found
        if hazard.kind not in allowed
    ]
    if not left:
        return
    kinds = sorted({str(hazard.kind) for _, hazard in left})
    raise UnsafeError(
        "; ".join(f"{revision}: {hazard.kind}: {hazard}" for revision, hazard in left),
        hint="Nothing was changed. 'lmsschema plan' shows the whole; to go on all the same: "
        + " ".join(f"--allow-hazard {kind}" for kind in kinds),
        details={
            "hazards": [{"revision": name, **dataclasses.asdict(hazard)} for name, hazard in left]
        },
    )


def mode_name(mode: str) -> str:
    """Return a lock mode of pg_locks as the manual writes it: ``SHARE ROW EXCLUSIVE``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", mode.removesuffix("Lock")).upper()


def _hazard(
    kind: Kind,
    statement: MeasuredStatement,
    tables: Collection[str],
    held: Collection[str] = (),
    advice: str | None = None,
) -> Hazard:
    """Return a hazard with its reason in words."""
    reason = (advice or _ADVICE[kind]).format(
        tables=", ".join(sorted(tables)), held="locks on " + ", ".join(sorted(held))
    )
    return Hazard(kind, statement.sql, tuple(sorted({*tables, *held})), reason)
