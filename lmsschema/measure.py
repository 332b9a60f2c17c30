"""What the statements of revisions lock, scan, rewrite and drop: measured, on a scratch copy.

The revisions are run on a scratch database of another server, which has the schema of the database
to be upgraded and no rows. After each statement PostgreSQL is asked what the transaction holds and
what it did. A statement that runs outside a transaction is made to wait, and asked while it waits.
"""

import dataclasses
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Self

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from lmsschema import db, leases, partition_ensure, partition_state, revisions, runner, shadow
from lmsschema.db import Database
from lmsschema.partitions import POLICIES

_PREFIX = "lmsschema_measure_"

#: What only reads, or only says how the session is to be.
_SILENT = ("SELECT", "SET", "SHOW", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")

_LEADING_COMMENTS = re.compile(r"\A(\s|--.*\n)+")

_POLL = 0.005


@dataclasses.dataclass(frozen=True)
class Table:
    """A table as a transaction has it."""

    name: str
    whole: str
    file: int | None
    scans: int
    columns: int
    modes: frozenset[str]


State = Mapping[int, Table]


@dataclasses.dataclass(frozen=True)
class Statement:
    """A statement and what it did to tables that were there before the plan's first revision.

    A partition counts as the table that it belongs to.

    Attributes:
        sql: Its text.
        locks: (table, mode as in pg_locks) that it took and its transaction did not hold yet.
        held: (table, mode) that its transaction held when it ended.
        scans: Tables whose rows it read, one after the other.
        rewrites: Tables whose rows it wrote anew.
        drops: Tables that it dropped, or dropped columns of.
    """

    sql: str
    locks: frozenset[tuple[str, str]]
    held: frozenset[tuple[str, str]]
    scans: frozenset[str]
    rewrites: frozenset[str]
    drops: frozenset[str]


def run(
    before: str, pending: list[str], *, shadow_url: str | None = None
) -> tuple[dict[str, list[Statement]], str]:
    """Run the pending revisions on a scratch copy of a schema.

    Args:
        before: The revision that the schema is at.
        pending: The revisions to run, oldest first.
        shadow_url: The server to run them on; None for the embedded one.

    Returns:
        The statements of each revision, and the server that ran them.

    Raises:
        DatabaseUnavailableError: There is no server to run them on.
    """
    with shadow.server(shadow_url, "the locks can't be measured") as place:
        for orphan in leases.orphans(place.conn, _PREFIX):
            place.conn.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(orphan))
            )
        name = leases.name(_PREFIX, leases.take(place.conn), 1)
        with shadow.database(place, name) as copy:
            _build(copy, before)
            found = {}
            with _Recorder.recording(copy) as recorder:
                for revision in pending:
                    runner.run(copy, "upgrade", revision, [revision], lambda _: None, at_once=False)
                    found[revision] = recorder.take()
            return found, f"PostgreSQL {place.version} ({place.target})"


def _build(copy: Database, before: str) -> None:
    """Give the scratch database the schema of ``before``, with its partitions."""
    steps = revisions.ids()[: revisions.position(before)]
    runner.run(copy, "upgrade", before, steps, lambda _: None)
    for policy in POLICIES:
        with copy.transaction(read_only=True) as conn:
            there = partition_state.exists(conn, copy.schema, policy.table)
        if there:
            partition_ensure.ensure(copy, policy)


class _Recorder:
    """Reads what each statement of a connection did."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statements: list[Statement] = []
        self._state = self.read(database.conn)
        self._known = {table.whole for table in self._state.values()}

    @classmethod
    @contextmanager
    def recording(cls, database: Database) -> Iterator[Self]:
        """Have every cursor of the database's connection tell a recorder what it runs."""
        recorder = cls(database)
        usual = database.conn.cursor_factory
        database.conn.cursor_factory = type("Cursor", (_Cursor,), {"recorder": recorder})
        try:
            yield recorder
        finally:
            database.conn.cursor_factory = usual

    def take(self) -> list[Statement]:
        """Return the statements recorded since the last call."""
        taken, self._statements = self._statements, []
        return taken

    def read(self, conn: psycopg.Connection) -> State:
        """Return the tables as the recorded connection's transaction has them."""
        values = {
            "schema": self._database.schema,
            "pid": self._database.conn.info.backend_pid,
        }
        rows = psycopg.Cursor(conn).execute(db.query("measured_tables"), values).fetchall()
        return {
            key: Table(name, whole, file, scans, columns, frozenset(modes))
            for key, modes, name, whole, file, scans, columns in rows
        }

    def begun(self) -> None:
        """Forget the locks and scans of the transaction before."""
        self._state = {
            key: dataclasses.replace(table, scans=0, modes=frozenset())
            for key, table in self._state.items()
        }

    def ended(self, text: str, after: State) -> None:
        """Record a statement by how the tables were before and are after it."""
        gone = {key: table for key, table in self._state.items() if key not in after}
        statement = self._compare(text, after, self._locks_on_dropped(gone))
        self._state = after
        silent = _LEADING_COMMENTS.sub("", text).upper().startswith(_SILENT)
        if not silent or statement.locks - {lock for lock in statement.locks if _reads(lock)}:
            self._statements.append(statement)

    def _locks_on_dropped(self, gone: State) -> frozenset[tuple[str, str]]:
        """Return the locks that the transaction holds on tables that it has dropped."""
        if not gone:
            return frozenset()
        held = psycopg.Cursor(self._database.conn).execute(
            "SELECT relation::bigint, mode FROM pg_catalog.pg_locks"
            " WHERE pid = pg_catalog.pg_backend_pid() AND granted AND relation::bigint = ANY(%s)",
            [list(gone)],
        )
        return frozenset((gone[key].whole, mode) for key, mode in held)

    def _compare(
        self, text: str, after: State, on_dropped: frozenset[tuple[str, str]]
    ) -> Statement:
        """Return what a statement did to the tables that are known."""
        pairs = [(t, self._state[k]) for k, t in after.items() if k in self._state]
        there = [(now, before) for now, before in pairs if now.whole in self._known]
        gone = [t.whole for k, t in self._state.items() if k not in after]
        return Statement(
            sql=text.strip(),
            locks=frozenset((t.whole, m) for t, b in there for m in t.modes - b.modes) | on_dropped,
            held=frozenset((t.whole, mode) for t, _ in there for mode in t.modes) | on_dropped,
            scans=frozenset(t.whole for t, b in there if t.scans > b.scans),
            rewrites=frozenset(t.whole for t, b in there if t.file != b.file),
            drops=frozenset([*gone, *(t.whole for t, b in there if t.columns < b.columns)]),
        )


def _reads(lock: tuple[str, str]) -> bool:
    """Whether a lock is one that a reader takes."""
    return lock[1] == "AccessShareLock"


class _Cursor(psycopg.Cursor[Any]):
    """A cursor whose statements are recorded."""

    recorder: _Recorder

    def execute(self, query: Any, params: Any = None, **kwargs: Any) -> Self:  # noqa: ANN401  psycopg's signature
        """Run a statement and have it recorded."""
        text = query if isinstance(query, str) else _text(query, self.connection)
        if self.connection.info.transaction_status is TransactionStatus.IDLE:
            self.recorder.begun()
            if self.connection.autocommit and "CONCURRENTLY" in text.upper():
                return self._outside_a_transaction(text, query, params, kwargs)
        super().execute(query, params, **kwargs)
        if self.connection.info.transaction_status is TransactionStatus.INTRANS:
            self.recorder.ended(text, self.recorder.read(self.connection))
        return self

    def _outside_a_transaction(
        self,
        text: str,
        query: Any,  # noqa: ANN401  psycopg's signature
        params: Any,  # noqa: ANN401  psycopg's signature
        kwargs: dict[str, Any],
    ) -> Self:
        """Run a concurrent statement while a reader has it wait, and look at it then."""
        target = self.recorder._database.target  # noqa: SLF001  two halves of one thing
        with db.open_connection(target) as reader, db.open_connection(target) as observer:
            reader.autocommit = False
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            for table in self.recorder.read(observer).values():
                reader.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(sql.Identifier(table.name)))
            seen: list[State] = []
            ended = threading.Event()

            def observe() -> None:
                while not ended.is_set():
                    seen.append(self.recorder.read(observer))
                    waits = observer.execute(
                        "SELECT FROM pg_catalog.pg_locks"
                        " WHERE pid = %s AND NOT granted AND locktype = 'virtualxid'",
                        [self.connection.info.backend_pid],
                    )
                    if waits.fetchone() is not None:
                        reader.rollback()
                    time.sleep(_POLL)

            thread = threading.Thread(target=observe)
            thread.start()
            try:
                super().execute(query, params, **kwargs)
            finally:
                ended.set()
                thread.join()
            self.recorder.ended(text, _union(seen, self.recorder.read(observer)))
            with suppress(psycopg.Error):
                reader.rollback()
        return self


def _union(seen: list[State], last: State) -> State:
    """Return the last state, with every lock that was seen."""
    return {
        key: dataclasses.replace(
            table,
            modes=frozenset(m for state in seen if key in state for m in state[key].modes),
        )
        for key, table in last.items()
    }


def _text(query: Any, conn: psycopg.Connection) -> str:  # noqa: ANN401  whatever psycopg executes
    """Return a statement as text."""
    if isinstance(query, sql.Composable):
        return query.as_string(conn)
    return query.decode() if isinstance(query, bytes) else str(query)
