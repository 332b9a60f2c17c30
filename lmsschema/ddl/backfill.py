"""Columns of a table's rows filled beside its users, a bounded number of pages a transaction.

Locks: ROW EXCLUSIVE on the table, as every UPDATE; the rows of a batch, for as long as it takes. A
row that somebody else has locked is left out and tried again: no row is waited for, so that nobody
who waits for one of ours can be in a deadlock with us.
"""

import dataclasses
import random
import time

from psycopg import errors, sql

from lmsschema.database.connection import Database
from lmsschema.errors import LockTimeoutError, UnsafeError
from lmsschema.locks import ladder
from lmsschema.locks.concurrently import Figures
from lmsschema.locks.ladder import Lock, Patience, Progress

#: Pages that a transaction writes at most (128 kB): whoever wants one of its rows waits for it.
BATCH = 16

#: What a trigger can see in pg_catalog.current_setting() while a batch is written.
SETTING = "lmsschema.backfill"

_LONGEST_PAUSE = 1.0


@dataclasses.dataclass(frozen=True)
class Backfill:
    """What is to be filled.

    Attributes:
        table: The table, which has no partitions; or a partition.
        values: What is set, as in UPDATE.
        missing: The condition of the rows that lack it; false for each once it is set.
    """

    table: str
    values: sql.Composable
    missing: sql.Composable

    def batch(self, first: int) -> sql.Composed:
        """Return the statement for the pages from ``first`` on.

        It returns how many rows were locked and written, and whether others are left.
        """
        return sql.SQL(
            "WITH free AS MATERIALIZED ("
            "SELECT ctid FROM ONLY {table} WHERE {here} AND ({missing})"
            " FOR NO KEY UPDATE SKIP LOCKED"
            "), written AS ("
            "UPDATE ONLY {table} SET {values} FROM free"
            " WHERE {table}.ctid = free.ctid AND {its_here} RETURNING 1"
            ") SELECT (SELECT count(*) FROM free), (SELECT count(*) FROM written),"
            " (SELECT count(*) FROM ONLY {table} WHERE {here} AND ({missing}))"
        ).format(
            table=sql.Identifier(self.table),
            values=self.values,
            missing=self.missing,
            here=_pages(sql.SQL("ctid"), first),
            its_here=_pages(sql.SQL("{}.ctid").format(sql.Identifier(self.table)), first),
        )


def run(
    database: Database, backfill: Backfill, what: str, patience: Patience, progress: Progress
) -> None:
    """Fill what is missing, until no row is left.

    Args:
        database: Where.
        backfill: What.
        what: The same in words.
        patience: How long rows that others have locked are tried, once all others are filled.
        progress: Told how far it is.

    Raises:
        UnsafeError: A trigger of the table keeps rows from being written.
        LockTimeoutError: Rows stayed locked; the others are filled.
    """
    pages = _size(database, backfill.table)
    todo = list(range(0, pages, BATCH))
    deadline = time.monotonic() + patience.total
    pause = patience.first
    told = -1
    while True:
        left = []
        for first in todo:
            if _fill(database, backfill, first, what, patience):
                deadline = time.monotonic() + patience.total
            else:
                left.append(first)
            done = min(first + BATCH, pages)
            if (now := 100 * done // pages) > told:
                progress(Figures(what, "writing rows", done, pages))
                told = now
        if not left:
            return
        if time.monotonic() + pause >= deadline:
            raise _gave_up(database, backfill, what, patience)
        time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  jitter, no secret
        pause = min(pause * 2, _LONGEST_PAUSE)
        todo = left


def _fill(
    database: Database, backfill: Backfill, first: int, what: str, patience: Patience
) -> bool:
    """Write one batch; return whether none of its rows is left."""
    try:
        with database.transaction(lock_timeout=patience.longest) as conn:
            conn.execute(
                sql.SQL("SELECT pg_catalog.set_config({}, 'on', true)").format(sql.Literal(SETTING))
            )
            row = conn.execute(backfill.batch(first)).fetchone()
    except (errors.LockNotAvailable, errors.DeadlockDetected):
        return False  # somebody changes the table
    except errors.UndefinedTable:
        return True  # a partition that was dropped meanwhile
    locked, written, missing = row or (0, 0, 0)
    if written < locked:
        rows = sql.SQL("SELECT * FROM {} WHERE {}").format(
            sql.Identifier(backfill.table), backfill.missing
        )
        raise UnsafeError(
            f"could not {what}: a trigger of {backfill.table} keeps rows from being written",
            hint="It returns NULL for them. Have it do so no longer, then run this again. They are "
            f"found with: {rows.as_string()};",
        )
    return bool(missing <= locked)


def _gave_up(
    database: Database, backfill: Backfill, what: str, patience: Patience
) -> LockTimeoutError:
    in_the_way = ladder.blockers(database, [Lock(database.schema, backfill.table, "EXCLUSIVE")])
    return LockTimeoutError(
        f"gave up to {what}, as rows were locked for {patience.total:g} s: "
        + ("; ".join(map(str, in_the_way)) or "by one after the other"),
        hint="What was done before is in place. Run the command again, or end what blocks.",
        details={"blockers": [dataclasses.asdict(one) for one in in_the_way]},
    )


def _pages(ctid: sql.Composable, first: int) -> sql.Composed:
    return sql.SQL("{ctid} >= {first}::tid AND {ctid} < {last}::tid").format(
        ctid=ctid, first=sql.Literal(f"({first},0)"), last=sql.Literal(f"({first + BATCH},0)")
    )


def _size(database: Database, table: str) -> int:
    """Return the pages of a table; rows that come later need no filling."""
    with database.transaction(read_only=True) as conn:
        row = conn.execute(
            "SELECT pg_catalog.pg_relation_size(pg_catalog.to_regclass(pg_catalog.quote_ident(%s)))"
            " / pg_catalog.current_setting('block_size')::bigint",
            [table],
        ).fetchone()
    return int(row[0] or 0) if row else 0  # null: a partition that was dropped meanwhile
