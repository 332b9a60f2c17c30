"""Counts the default partition's rows by what can be done with them."""

import dataclasses
from datetime import datetime

from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.partition_manager import detached, rights
from lmsschema.partition_manager.heal_plan import FAR, REACH
from lmsschema.partition_manager.promote import within
from lmsschema.partition_manager.state import State, parse_bounds
from lmsschema.partitions import Policy, Range, bound

#: Rows of the default are counted up to this number.
COUNTED = 1_000_000

#: The first instant, as SQL, that ``heal`` can give a partition.
_FIRST = sql.SQL("'0001-01-08 00:00:00+00'")

_NEVER = sql.SQL("false").format()


@dataclasses.dataclass(frozen=True)
class DefaultRows:
    """The rows of the default partition.

    Attributes:
        rows: All of them, up to :data:`COUNTED`.
        near: Those that ``heal`` moves to partitions.
        detached: The detached tables that others belong to, with how many.
        older: Those that ``heal --reach`` moves.
        reach: The years that it has to go back for the oldest of them.
        later: Those that ``heal --ahead`` moves.
        ahead: The intervals that it has to go ahead for the last of them.
        far: Those that no partition is made for: years ahead, or at no time at all.
        far_condition: Which rows these are, as SQL.
    """

    rows: int = 0
    near: int = 0
    detached: tuple[tuple[str, int], ...] = ()
    older: int = 0
    reach: int = 0
    later: int = 0
    ahead: int = 0
    far: int = 0
    far_condition: str = ""


def count(database: Database, policy: Policy, state: State) -> DefaultRows:
    """Count the default's rows; in a transaction, under ACCESS SHARE on the default alone.

    Raises:
        DatabaseUnavailableError: The role may not read the default; the hint is the GRANT.
    """
    if state.default is None:
        return DefaultRows()
    first = policy.start(state.now - REACH)
    lower = first if first >= state.now - REACH else policy.step(first, 1)
    end = policy.step(policy.start(state.now), policy.ahead + 1)
    last = policy.start(max(end, state.now + FAR))
    key = sql.Identifier(policy.key)
    apart = {
        name: bounds
        for name, mark in detached.tables(database, policy)
        if (bounds := parse_bounds(mark.bounds)) is not None
    }
    in_detached = sql.SQL(" OR ").join([within(policy, r) for r in apart.values()] or [_NEVER])
    older = sql.SQL("(isfinite({key}) AND {key} >= {first} AND {key} < {lower})").format(
        key=key, first=_FIRST, lower=sql.SQL(bound(lower, "'-infinity'"))
    )
    known = sql.SQL("({key} >= {first} AND {key} < {last})").format(
        key=key, first=_FIRST, last=sql.SQL(bound(last, "'infinity'"))
    )
    kinds = {
        "near": within(policy, Range(lower, end)),
        "older": older,
        "later": within(policy, Range(end, last)),
        "far": sql.SQL("{} IS NOT TRUE").format(known),
    }
    free = sql.SQL("({}) IS NOT TRUE").format(in_detached)
    conditions = {
        kind: sql.SQL("{} AND {}").format(which, free) if apart else which
        for kind, which in kinds.items()
    }
    counts = [*conditions.values(), *(within(policy, bounds) for bounds in apart.values())]
    statement = sql.SQL(
        "SELECT count(*), min({key}) FILTER (WHERE {older})::timestamptz,"
        " max({key}) FILTER (WHERE {later})::timestamptz, {counts}"
        " FROM (SELECT {key} FROM {default} LIMIT {limit}) AS d"
    ).format(
        key=key,
        older=conditions["older"],
        later=conditions["later"],
        counts=sql.SQL(", ").join(
            sql.SQL("count(*) FILTER (WHERE {})").format(which) for which in counts
        ),
        default=sql.Identifier(state.default),
        limit=COUNTED,
    )
    with rights.readable(database, state.default):
        row = database.conn.execute(statement).fetchone()
    if row is None:  # an aggregate has a row
        return DefaultRows()
    rows, oldest, latest, near, older_rows, later, far, *in_tables = row
    return DefaultRows(
        rows,
        near,
        tuple((name, n) for name, n in zip(apart, in_tables, strict=True) if n),
        older_rows,
        0 if oldest is None else state.now.year - oldest.year + 1,
        later,
        0 if latest is None else ahead_of(policy, state.now, latest),
        far,
        conditions["far"].as_string(),
    )


def ahead_of(policy: Policy, now: datetime, instant: datetime) -> int:
    """Return how many intervals ahead an instant's lies, the policy's own number at least."""
    ahead = policy.ahead
    while policy.step(policy.start(now), ahead + 1) <= instant:
        ahead += 1
    return ahead
