"""Watches what each statement of a connection does to the tables of a database without rows.

After each statement PostgreSQL is asked what the transaction holds and what it did: locks, scans,
files. Triggers tell which tables it would delete from or update, had they rows. Of a statement that
refuses to run in a transaction the locks are known.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg import errors, sql
from psycopg.pq import TransactionStatus

from lmsschema.database import queries, settings
from lmsschema.database.connection import Database
from lmsschema.migration.measured import MeasuredStatement, Table, Tables

#: What only reads, or only says how the session is to be.
_SILENT = ("SELECT", "SET", "SHOW", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")

_LEADING_COMMENTS = re.compile(r"\A(\s|--.*\n)+")

_ARM = """
    CREATE SCHEMA lmsschema_recorder;
    CREATE FUNCTION lmsschema_recorder.wrote() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_catalog.set_config(
            'lmsschema.wrote',
            pg_catalog.concat_ws(
                ' ', pg_catalog.current_setting('lmsschema.wrote', true), tg_op || ':' || tg_relid
            ),
            false
        );
        RETURN NULL;
    END
    $$;
"""


class Recorder:
    """Reads what each statement of a connection did.

    Args:
        database: Whose connection it is.
        on_statement: Called after each statement that is recorded.
    """

    def __init__(self, database: Database, on_statement: Callable[[], None]) -> None:
        self._database = database
        self._on_statement = on_statement
        self._statements: list[MeasuredStatement] = []
        self._told = ""  # by the triggers
        self._is_fresh = True
        self._known: Tables = {}  # which no transaction has locked since they were read
        self._tables: list[int] | None = None  # all there are now; those made later don't count
        self._arm()
        self._state = self.read()
        self._tables = [*self._state]
        self._names = {key: table.whole for key, table in self._state.items()}

    @classmethod
    @contextmanager
    def recording(
        cls, database: Database, on_statement: Callable[[], None] = lambda: None
    ) -> Iterator[Self]:
        """Have every cursor of the database's connection tell a recorder what it runs."""
        recorder = cls(database, on_statement)
        usual = database.conn.cursor_factory
        database.conn.cursor_factory = type("Cursor", (_Cursor,), {"recorder": recorder})
        try:
            yield recorder
        finally:
            database.conn.cursor_factory = usual

    def take(self) -> list[MeasuredStatement]:
        """Return the statements recorded since the last call."""
        taken, self._statements = self._statements, []
        return taken

    def outside(self, text: str) -> Tables:
        """Return the tables after a statement that ran outside a transaction, with its locks.

        Those of CONCURRENTLY and VACUUM let readers and writers go on; writing a table anew does
        not (the manual, section 13.3.1).
        """
        self._known = {}  # this one's locks are gone

        def modes(key: int, table: Table) -> frozenset[str]:
            if key in self._state and self._state[key].file != table.file:
                return frozenset(["AccessExclusiveLock"])
            there = self._state.get(key, table).indexes | {table.name}
            named = any(re.search(rf"\b{re.escape(name)}\b", text) for name in there)
            return frozenset(["ShareUpdateExclusiveLock"] if named else [])

        return {
            key: dataclasses.replace(table, modes=modes(key, table))
            for key, table in self.read().items()
        }

    def read(self) -> Tables:
        """Return the tables as the connection's transaction has them.

        Columns and indexes are asked for only where the transaction has a lock, or had one when
        they were last read: nothing else can have changed them.
        """
        values = {
            "schema": self._database.schema,
            "tables": self._tables,
            "known": [*self._known],
        }
        rows = (
            psycopg.Cursor(self._database.conn)
            .execute(queries.query("migration/measured_tables"), values)
            .fetchall()
        )
        self._told = next((str(row[-1] or "") for row in rows), "")
        found = {
            key: Table(
                name,
                whole,
                file,
                scans,
                self._known[key].columns if columns is None else frozenset(columns),
                frozenset(modes),
                self._known[key].indexes if indexes is None else frozenset(indexes),
            )
            for key, modes, name, whole, file, scans, columns, indexes, _ in rows
        }
        self._known = {key: table for key, table in found.items() if not table.modes}
        return found

    def begun(self) -> None:
        """Forget the locks of the transaction before."""
        self._is_fresh = True
        self._state = {
            key: dataclasses.replace(table, modes=frozenset()) for key, table in self._state.items()
        }

    def about_to_run(self) -> None:
        """Learn before a transaction's first statement what is none of its own.

        The server counts scans of earlier transactions, too, until it has reported them; what one
        that was rolled back did to tables is undone.
        """
        if self._is_fresh:
            self._is_fresh = False
            now = self.read()
            self._state = {
                key: dataclasses.replace(now.get(key, table), modes=frozenset())
                for key, table in self._state.items()
            }

    def ended(self, text: str, after: Tables) -> None:
        """Record a statement by how the tables were before and are after it."""
        gone = {key: table for key, table in self._state.items() if key not in after}
        statement = self._compare(text, after, self._locks_on_dropped(gone))
        self._state = after
        silent = _LEADING_COMMENTS.sub("", text).upper().startswith(_SILENT)
        did = statement.rewrites | statement.drops | statement.deletes | statement.updates
        locks = statement.held if statement.scans else statement.locks
        if not silent or did or any(not _reads(lock) for lock in locks):
            self._statements.append(statement)
            self._on_statement()

    def _locks_on_dropped(self, gone: Tables) -> frozenset[tuple[str, str]]:
        """Return the locks that the transaction holds on tables that it has dropped."""
        if not gone:
            return frozenset()
        held = psycopg.Cursor(self._database.conn).execute(
            "SELECT relation::bigint, mode FROM pg_catalog.pg_locks"
            " WHERE pid = pg_catalog.pg_backend_pid() AND granted AND relation::bigint = ANY(%s)",
            [list(gone)],
        )
        return frozenset((self._names[key], mode) for key, mode in held if key in self._names)

    def _compare(
        self, text: str, after: Tables, on_dropped: frozenset[tuple[str, str]]
    ) -> MeasuredStatement:
        """Return what a statement did to the tables that are known."""
        there = [
            (name, after[key], self._state[key])
            for key, name in self._names.items()
            if key in after and key in self._state
        ]
        gone = [n for k, n in self._names.items() if k in self._state and k not in after]
        wrote = self._wrote()
        return MeasuredStatement(
            sql=text.strip(),
            locks=frozenset((n, m) for n, t, b in there for m in t.modes - b.modes) | on_dropped,
            held=frozenset((n, mode) for n, t, _ in there for mode in t.modes) | on_dropped,
            scans=frozenset(n for n, t, b in there if t.scans > b.scans),
            rewrites=frozenset(n for n, t, b in there if t.file != b.file),
            drops=frozenset([*gone, *(n for n, t, b in there if b.columns - t.columns)]),
            deletes=frozenset(n for how, n in wrote if how in {"DELETE", "TRUNCATE"}),
            updates=frozenset(n for how, n in wrote if how == "UPDATE"),
        )

    def _arm(self) -> None:
        """Have every table tell when a statement is to update it, or to delete from it."""
        conn = psycopg.Cursor(self._database.conn)
        conn.execute(_ARM)
        for table in self.read().values():
            conn.execute(
                sql.SQL(
                    "CREATE TRIGGER lmsschema_wrote BEFORE UPDATE OR DELETE OR TRUNCATE ON {}"
                    " FOR EACH STATEMENT EXECUTE FUNCTION lmsschema_recorder.wrote()"
                ).format(sql.Identifier(self._database.schema, table.name))
            )

    def _wrote(self) -> list[tuple[str, str]]:
        """Return what the triggers told before the tables were read: what was done, and where."""
        if not self._told:
            return []
        psycopg.Cursor(self._database.conn).execute(
            "SELECT pg_catalog.set_config('lmsschema.wrote', '', false)"
        )
        pairs = [word.split(":") for word in self._told.split()]
        return [(how, self._names[int(key)]) for how, key in pairs if int(key) in self._names]


def _reads(lock: tuple[str, str]) -> bool:
    """Whether a lock is one that a reader takes."""
    return lock[1] == "AccessShareLock"


def _own(query: object, text: str) -> bool:
    """Whether a statement is one of the program's own that ask the catalogs, or set its state.

    Most statements of a run are: what they did to tables need not be asked for.
    """
    asks = isinstance(query, sql.SQL) and queries.is_one(query)
    return asks or settings.puts_state(text)


class _Cursor(psycopg.Cursor[Any]):
    """A cursor whose statements are recorded."""

    recorder: Recorder

    def execute(self, query: Any, params: Any = None, **kwargs: Any) -> Self:  # noqa: ANN401  psycopg's signature
        """Run a statement and have it recorded."""
        text = query if isinstance(query, str) else _text(query, self.connection)
        is_first = self.connection.info.transaction_status is TransactionStatus.IDLE
        if is_first:
            self.recorder.begun()
        if _own(query, text):
            return super().execute(query, params, **kwargs)
        self.recorder.about_to_run()
        if is_first and self.connection.autocommit:
            return self._alone(text, query, params, kwargs)
        super().execute(query, params, **kwargs)
        if self.connection.info.transaction_status is TransactionStatus.INTRANS:
            self.recorder.ended(text, self.recorder.read())
        return self

    def _alone(
        self,
        text: str,
        query: Any,  # noqa: ANN401  psycopg's signature
        params: Any,  # noqa: ANN401  psycopg's signature
        kwargs: dict[str, Any],
    ) -> Self:
        """Run a statement that is a transaction of its own in one that can be looked into."""
        own = psycopg.Cursor(self.connection)
        own.execute("BEGIN")
        try:
            super().execute(query, params, **kwargs)
        except errors.ActiveSqlTransaction:  # as CONCURRENTLY and VACUUM, which refuse to
            own.execute("ROLLBACK")
            super().execute(query, params, **kwargs)
            self.recorder.ended(text, self.recorder.outside(text))
            return self
        except BaseException:
            own.execute("ROLLBACK")
            raise
        self.recorder.ended(text, self.recorder.read())
        own.execute("COMMIT")
        return self


def _text(query: Any, conn: psycopg.Connection) -> str:  # noqa: ANN401  whatever psycopg executes
    """Return a statement as text."""
    if isinstance(query, sql.Composable):
        return query.as_string(conn)
    return query.decode() if isinstance(query, bytes) else str(query)
