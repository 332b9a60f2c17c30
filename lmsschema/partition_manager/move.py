"""Moves rows out of the default partition: a copy, kept up to date, and an exchange.

Nobody waits for anything but the start of the log and the exchange. Interrupted, what is there of
the copy is found by its comment and removed by the next run; the default is as it was.
"""

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import psycopg
from psycopg import errors, sql

from lmsschema.errors import UnsafeError
from lmsschema.locks import ladder
from lmsschema.locks.context import Context, Progress
from lmsschema.locks.ladder import Lock, Work
from lmsschema.partition_manager import attach, capture, exchange, foreign_keys, leftovers, promote
from lmsschema.partition_manager import state as partition_state
from lmsschema.partition_manager.capture import Capture
from lmsschema.partition_manager.heal_plan import Heal
from lmsschema.partitions import Create, Policy

if TYPE_CHECKING:
    from lmsschema.partition_manager.attach import Surroundings

#: Changes left over that are brought over under the locks of the exchange.
_FEW = 500

_ROUNDS = 20

Targets: TypeAlias = Sequence[tuple[str, sql.Composable]]


def move(context: Context, policy: Policy, plan: Heal, pages: int) -> None:
    """Copy the default's rows into the partitions that the plan makes, and exchange it for them.

    Args:
        context: Where, and how long locks are waited for.
        policy: The table's policy, whose partitions are claimed by the caller.
        plan: Which partitions are made.
        pages: Pages of the default that one transaction copies.

    Raises:
        LockTimeoutError: A lock was not obtained in time; the default is as it was.
        UnsafeError: The table has no primary key, by which changes are found.
    """
    database = context.database
    with database.transaction(read_only=True):
        state = partition_state.read(database, policy)
    if state.default is None:
        return
    log = capture.read(database, state.default, policy.log_name)
    if not log.key:
        raise UnsafeError(
            f"rows of {policy.table} can't be moved: it has no primary key",
            hint="Add one, so that rows which change meanwhile are found.",
        )
    _Move(context, policy, plan.homes, log, pages).run()


class _Move:
    """A move: its tables, and what waits for locks."""

    def __init__(
        self,
        context: Context,
        policy: Policy,
        homes: Sequence[Create],
        log: Capture,
        pages: int,
    ) -> None:
        self.context = context
        self.database = context.database
        self.policy = policy
        self.homes = homes
        self.log = log
        self.pages = pages
        self.fresh = policy.copy_name
        self.around: Surroundings = attach.surroundings(context.database, policy)
        here = [(h.name, promote.within(policy, h.range)) for h in homes if h.range is not None]
        elsewhere = sql.SQL("({}) IS NOT TRUE").format(sql.SQL(" OR ").join(w for _, w in here))
        self.targets: Targets = [*here, (self.fresh, elsewhere)]

    def run(self) -> None:
        """Copy, exchange; on an error remove the copy."""
        self.clean_up()
        try:
            self._make_tables()
            ladder.step(self.context, self._prepare_log, what="note changes")
            self.copy()
            self.catch_up()
            self._add_keys()
            for home in self.homes:
                self._quietly(sql.SQL("ANALYZE {}").format(sql.Identifier(home.name)))
            self.catch_up()
            what = f"exchange {self.log.table}"
            ladder.step(self.context, self._prepare_exchange, what=what)
        except BaseException:
            with contextlib.suppress(Exception):
                self.clean_up()
            raise
        names = ", ".join(home.name for home in self.homes)
        self.context.tell(Progress(f"moved rows of {self.log.table} to {names}"))

    def _make_tables(self) -> None:
        """Make the copy's tables, each with a CHECK that spares ATTACH its scan, and a mark."""
        with self.database.transaction() as conn:
            names = [name for name, _ in self.targets]
            attach.create(self.database, self.policy, names, self.around)
            for name in names:
                self._mark(conn, name)
            for name, within in self.targets[:-1]:
                conn.execute(
                    sql.SQL(
                        "ALTER TABLE {} ADD CONSTRAINT {} CHECK ({} IS NOT NULL AND {})"
                    ).format(
                        sql.Identifier(name),
                        sql.Identifier(exchange.CHECK),
                        sql.Identifier(self.policy.key),
                        within,
                    )
                )

    def _prepare_log(self, _: psycopg.Connection) -> Work[None]:
        locks = [Lock(self.database.schema, self.log.table, "SHARE ROW EXCLUSIVE")]
        return Work(locks, finish=self._start_log)

    def _start_log(self, conn: psycopg.Connection) -> None:
        capture.start(conn, self.log)
        self._mark(conn, self.log.name)

    def _mark(self, conn: psycopg.Connection, name: str) -> None:
        """Write on a table what it is, so that it is found if the move is interrupted."""
        conn.execute(
            sql.SQL("COMMENT ON TABLE {} IS {}").format(
                sql.Identifier(name), sql.Literal(partition_state.unfinished_mark(self.policy))
            )
        )

    def copy(self) -> None:
        """Copy what the default holds now, a bounded number of pages a transaction."""
        row = self.database.conn.execute(
            sql.SQL(
                "SELECT pg_catalog.pg_relation_size({}::regclass)"
                " / pg_catalog.current_setting('block_size')::bigint"
            ).format(sql.Literal(self._qualified(self.log.table)))
        ).fetchone()
        pages = int(row[0]) if row else 0
        for first in range(0, pages, self.pages):
            with self.database.transaction() as conn:
                for name, where in self.targets:
                    conn.execute(
                        sql.SQL(
                            "INSERT INTO {target} ({columns}) SELECT {columns} FROM ONLY {table}"
                            " WHERE ctid >= {first}::tid AND ctid < {last}::tid AND {where}"
                            " ON CONFLICT DO NOTHING"
                        ).format(
                            target=sql.Identifier(name),
                            columns=self.log.listed(),
                            table=sql.Identifier(self.log.table),
                            first=sql.Literal(f"({first},0)"),
                            last=sql.Literal(f"({first + self.pages},0)"),
                            where=where,
                        )
                    )
            done = min(first + self.pages, pages)
            self.context.tell(Progress(f"copying {self.log.table}", done, pages))

    def catch_up(self) -> None:
        """Bring over what changed meanwhile, until little is left."""
        for _ in range(_ROUNDS):
            with self.database.transaction() as conn:
                count = capture.apply(conn, self.log, self.targets)
            if count is None or count <= _FEW:  # a truncation is answered by the exchange
                return

    def _prepare_exchange(self, conn: psycopg.Connection) -> Work[None]:
        """Bring over what came while locks were waited for, before the next try for them."""
        capture.apply(conn, self.log, self.targets)
        locks = promote.needed(self.database, self.policy, self.around, self.log.table)
        return Work(locks, finish=self._exchange)

    def _add_keys(self) -> None:
        """Add the foreign keys; what was deleted before they were there is brought over first."""
        for table, _ in self.targets:
            for attempt in range(_ROUNDS):
                try:
                    foreign_keys.add(self.context, self.policy, table)
                    break
                except errors.ForeignKeyViolation:
                    if attempt == _ROUNDS - 1:
                        raise
                    self.catch_up()

    def _exchange(self, conn: psycopg.Connection) -> None:
        del conn  # the database's own
        exchange.exchange(
            self.database,
            self.policy,
            self.homes,
            fresh=self.fresh,
            log=self.log,
            targets=self.targets,
        )

    def clean_up(self) -> None:
        """Remove what a move that was interrupted has left, this one or an earlier."""
        leftovers.remove(self.context, self.policy)

    def _quietly(self, statement: sql.Composed) -> None:
        """Run a statement that concerns a table of the copy alone."""
        with self.database.transaction() as conn:
            conn.execute(statement)

    def _qualified(self, table: str) -> str:
        return sql.Identifier(self.database.schema, table).as_string()
