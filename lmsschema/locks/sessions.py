"""Sessions that others wait for, and which sessions are this program's own."""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import psycopg

from lmsschema.database.queries import query
from lmsschema.database.session import open_connection
from lmsschema.database.target import Target

#: The server's processes of the connections that :func:`beside` has open.
_OURS: set[int] = set()


@dataclasses.dataclass(frozen=True)
class Blocker:
    """A session that another waits for, or would wait for.

    Attributes:
        pid: Its process; None: a prepared transaction, which has none.
        user: Its role.
        age: Seconds for which its transaction has been open; None where nobody may see that.
        state: What it does, as ``pg_stat_activity`` says.
        query: Its last statement; of a prepared transaction its name.
        schema: The schema of the table that it locks, where that is known.
        table: The table.
        mode: The lock, as ``pg_locks`` calls it.
        autovacuum: Whether it is an autovacuum, which ends for whoever waits long enough.
    """

    pid: int | None
    user: str | None
    age: float | None
    state: str | None
    query: str | None
    schema: str | None = None
    table: str | None = None
    mode: str | None = None
    autovacuum: bool = False

    def __str__(self) -> str:
        """Describe it for a person."""
        named = f" {self.query}" if self.query else ""
        who = f"prepared transaction{named}" if self.pid is None else f"pid {self.pid}"
        facts = [
            f"user {self.user}",
            "" if self.age is None else f"transaction open for {self.age:.1f} s",
            "" if self.pid is None else self.state or "",
        ]
        lock = f" holds {self.mode} on {self.table}" if self.table else ""
        text = f":{named}" if named and self.pid is not None else ""
        return f"{who} ({', '.join(filter(None, facts))}){lock}{text}"

    def as_data(self) -> dict[str, Any]:
        """Return it for programs; what is not known of its lock is left out."""
        data = dataclasses.asdict(self)
        if self.table is None:
            for key in ("schema", "table", "mode", "autovacuum"):
                del data[key]
        return data


def old_transactions(
    conn: psycopg.Connection, older: float, table: tuple[str, str] | None = None
) -> list[Blocker]:
    """Return the oldest transactions that hold a snapshot or have written, three at most.

    Args:
        conn: Where; neither its own transaction is named nor those of this program's watchers.
        older: Seconds for which they have been open.
        table: Those that have locked a table of a schema instead, to read as well.
    """
    schema, name = table or (None, None)
    given = {"older": older, "ours": sorted(_OURS), "schema": schema, "table": name}
    return [Blocker(*row) for row in conn.execute(query("locks/old_transactions"), given)]


def blocking(conn: psycopg.Connection, backend: dict[str, int], *, pooled: bool) -> list[Blocker]:
    """Return who a session waits for, the oldest transaction first, three at most.

    Args:
        conn: Another connection; neither it is named nor another watcher of this program.
        backend: The session's process and when its transaction began.
        pooled: Whether a pooler gives each transaction another process.
    """
    given = {**backend, "pooled": pooled, "ours": sorted(_OURS)}
    return [Blocker(*row) for row in conn.execute(query("locks/blocked_by"), given)]


@contextlib.contextmanager
def beside(target: Target) -> Iterator[psycopg.Connection]:
    """Open a second connection for looking on, which is never named as one that blocks.

    It is in autocommit mode: it holds no snapshot between two statements, so that an index built
    CONCURRENTLY does not wait for it.
    """
    with contextlib.closing(open_connection(target)) as conn:
        pid = conn.info.backend_pid
        _OURS.add(pid)
        try:
            yield conn
        finally:
            _OURS.discard(pid)
