"""What partitions a table has, read from the catalogs."""

import dataclasses
import functools
from datetime import UTC, datetime

import psycopg

from lmsschema.db import Database, query
from lmsschema.errors import LmsschemaError, UnsafeError
from lmsschema.partitions import Partition, Policy, Range

KEY_TYPES = ("timestamp with time zone", "timestamp without time zone", "date")

_BEGIN = "FOR VALUES FROM ("

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)


@dataclasses.dataclass(frozen=True)
class State:
    """A table's partitions at a moment of the database's clock, and the table's comment."""

    now: datetime
    partitions: tuple[Partition, ...]
    comment: str | None = None

    @property
    def default(self) -> str | None:
        """The default partition's name."""
        return next((p.name for p in self.partitions if p.range is None), None)


def read(database: Database, policy: Policy) -> State:
    """Read a table's partitions, in one query, in a transaction of :meth:`Database.transaction`.

    Raises:
        LmsschemaError: There is no such table.
        UnsafeError: It is not partitioned as the policy says; nothing is changed.
    """
    row = database.conn.execute(
        query("partition_state"), {"schema": database.schema, "table": policy.table}
    ).fetchone()
    if row is None:
        raise LmsschemaError(
            f"there is no table {policy.table} in schema {database.schema} of {database.target}",
            hint="Create the schema first: lmsschema upgrade",
        )
    now, kind, strategy, key_columns, key, key_type, comment, names, bounds, pending = row
    if (kind, strategy, key_columns, key) != ("p", "r", 1, policy.key) or key_type not in KEY_TYPES:
        raise UnsafeError(
            f"table {policy.table} in schema {database.schema} is not partitioned by range of "
            f"{policy.key}",
            hint="lmsschema manages only tables that are partitioned as it declares.",
        )
    partitions = tuple(
        Partition(name, parse_bounds(text), detach_pending=name in pending)
        for name, text in zip(names, bounds, strict=True)
    )
    return State(now.astimezone(UTC), partitions, comment)


class BusyError(Exception):
    """Another run has claimed the table's partitions."""


def busy(policy: Policy) -> str:
    """Return what is said where another run is at work."""
    return f"another run is at work on the partitions of {policy.table}: left to it"


def claim(conn: psycopg.Connection, database: Database, policy: Policy) -> None:
    """Claim a table's partitions until the transaction ends, without waiting.

    Raises:
        BusyError: Another run has them.
    """
    key = {"schema": database.schema, "table": policy.table}
    # parameters that the server is sent leave a portal, and so a snapshot, in an open transaction
    if psycopg.ClientCursor(conn).execute(query("partition_lock"), key).fetchone() != (True,):
        raise BusyError


def parse_bounds(text: str) -> Range | None:
    """Return the range of a bound as PostgreSQL prints it in UTC and ISO style; None: DEFAULT.

    Times that Python can't hold (infinity, years before 1 or after 9999) become the nearest that it
    can, or no bound at all where that says the same.
    """
    if text == "DEFAULT":
        return None
    lower, middle, upper = text.removeprefix(_BEGIN).removesuffix(")").partition(") TO (")
    if not text.startswith(_BEGIN) or not middle:
        raise LmsschemaError(f"partition bounds not understood: {text}")
    first, last = _instant(lower), _instant(upper)
    return Range(None if first == _EARLIEST else first, None if last == _LATEST else last)


@functools.lru_cache(maxsize=4096)  # a bound is the end of one partition and the start of the next
def _instant(text: str) -> datetime:
    """Return one bound; what Python can't hold is the earliest or the latest that it can."""
    value = text.strip("'")
    if value in {"MINVALUE", "-infinity"} or value.endswith(" BC"):
        return _EARLIEST
    if value in {"MAXVALUE", "infinity"} or value.index("-") > len("9999"):
        return _LATEST
    instant = datetime.fromisoformat(value)
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def exists(conn: psycopg.Connection, schema: str, name: str) -> bool:
    """Whether a relation of that name exists in a schema."""
    found = conn.execute(
        "SELECT FROM pg_catalog.pg_class AS c"
        " INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid"
        " WHERE n.nspname = %s AND c.relname = %s",
        (schema, name),
    )
    return found.fetchone() is not None
