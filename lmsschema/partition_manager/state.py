"""What partitions a table has, read from the catalogs."""

import contextlib
import dataclasses
import functools
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.database.session import open_connection
from lmsschema.database.settings import NO_TRANSACTION_TIMEOUT
from lmsschema.errors import LmsschemaError, UnsafeError
from lmsschema.partitions import POLICIES, Partition, Policy, Range

KEY_TYPES = ("timestamp with time zone", "timestamp without time zone", "date")

_BEGIN = "FOR VALUES FROM ("

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)


@dataclasses.dataclass(frozen=True)
class State:
    """A table's partitions at a moment of the database's clock.

    Attributes:
        now: The moment.
        partitions: Every partition.
        comment: The table's comment.
        unfinished: Whether a move of the default's rows is under way, or was interrupted.
        default_detached: Whether a table has the default's name and is no partition.
    """

    now: datetime
    partitions: tuple[Partition, ...]
    comment: str | None = None
    unfinished: bool = False
    default_detached: bool = False

    @property
    def default_partition(self) -> Partition | None:
        """The default partition."""
        return next((p for p in self.partitions if p.range is None), None)

    @property
    def default(self) -> str | None:
        """The default partition's name."""
        return None if self.default_partition is None else self.default_partition.name


def read(database: Database, policy: Policy) -> State:
    """Read a table's partitions, in one query, in a transaction of :meth:`Database.transaction`.

    Raises:
        LmsschemaError: There is no such table.
        UnsafeError: It is not partitioned as the policy says; nothing is changed.
    """
    found = read_all(database, policy, [database.schema]).get(database.schema)
    if found is None:
        raise LmsschemaError(
            f"there is no table {policy.table} in schema {database.schema} of {database.target}",
            hint="Create the schema first: lmsschema upgrade"
            if policy in POLICIES
            else "Your own migration makes it, or the configuration file no longer names it.",
        )
    if isinstance(found, UnsafeError):
        raise found
    return found


def read_all(
    database: Database, policy: Policy, schemas: Sequence[str]
) -> dict[str, State | UnsafeError]:
    """Read the partitions that a table has in some schemas, in one query.

    Returns:
        The state in each schema that has the table; what :func:`read` would raise, if it is not
        partitioned as the policy says.
    """
    rows = database.conn.execute(
        query("partition_manager/state"),
        {
            "schemas": list(schemas),
            "table": policy.table,
            "copy": policy.copy_name,
            "log": policy.log_name,
            "mark": unfinished_mark(policy),
            "default": policy.default_name,
        },
    ).fetchall()
    return {schema: _state(policy, schema, row) for schema, *row in rows}


def _state(policy: Policy, schema: str, row: Sequence[Any]) -> State | UnsafeError:
    now, kind, strategy, key_columns, key, key_type, comment, unfinished, detached, *arrays = row
    names, bounds, pending, schemas, kinds = arrays
    if (kind, strategy, key_columns, key) != ("p", "r", 1, policy.key) or key_type not in KEY_TYPES:
        return UnsafeError(
            f"table {policy.table} in schema {schema} is not partitioned by range of {policy.key}",
            hint="lmsschema manages only tables that are partitioned as it declares.",
        )
    partitions = tuple(
        Partition(name, parse_bounds(text), name in pending, other, kind)
        for name, text, other, kind in zip(names, bounds, schemas, kinds, strict=True)
    )
    return State(now.astimezone(UTC), partitions, comment, unfinished, detached)


def unfinished_mark(policy: Policy) -> str:
    """Return the comment of the tables that a move makes, until it is over."""
    return (
        f"lmsschema: part of a move of rows out of {policy.table}'s default that is not over; "
        "if none is at work, lmsschema partitions heal ends it"
    )


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
    if psycopg.ClientCursor(conn).execute(query("partition_manager/lock"), key).fetchone() != (
        True,
    ):
        raise BusyError


def is_claimed(database: Database, policy: Policy) -> bool:
    """Whether a run has claimed the table's partitions."""
    key = {"schema": database.schema, "table": policy.table}
    return database.conn.execute(query("partition_manager/claimed"), key).fetchone() == (True,)


@contextlib.contextmanager
def claimed(database: Database, policy: Policy) -> Iterator[None]:
    """Claim a table's partitions for many transactions, by one on a connection of its own.

    Raises:
        BusyError: Another run has them.
    """
    with contextlib.closing(open_connection(database.target)) as conn:
        conn.execute("BEGIN ISOLATION LEVEL READ COMMITTED")  # it holds no snapshot then
        conn.execute(
            sql.SQL(
                "SELECT pg_catalog.set_config('idle_in_transaction_session_timeout', '0', true), {}"
            ).format(NO_TRANSACTION_TIMEOUT)
        )
        claim(conn, database, policy)
        try:
            yield
        finally:
            # the server ends a session some time after its client: the claim must not outlast us
            with contextlib.suppress(psycopg.Error):
                conn.execute("ROLLBACK")


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
    first, last = parse_instant(lower), parse_instant(upper)
    return Range(None if first == _EARLIEST else first, None if last == _LATEST else last)


@functools.lru_cache(maxsize=4096)  # a bound is the end of one partition and the start of the next
def parse_instant(text: str) -> datetime:
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
        "SELECT FROM pg_catalog.pg_class AS c WHERE c.relnamespace ="
        " (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = %s) AND c.relname = %s",
        (schema, name),
    )
    return found.fetchone() is not None


def present(database: Database, policies: Iterable[Policy]) -> list[Policy]:
    """Return the policies without those of lmsschema's tables that a later revision makes.

    The first table and a site's own have to be there; a program may be newer than its database.
    """
    later = {policy.table for policy in POLICIES[1:]}
    with database.transaction(read_only=True) as conn:
        return [
            policy
            for policy in policies
            if policy.table not in later or exists(conn, database.schema, policy.table)
        ]
