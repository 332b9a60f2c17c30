"""Reports on a table's partitions: each of them with what is odd, and how long all is well."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.database.settings import LOCK_TIMEOUT
from lmsschema.database.sqlstate import translated
from lmsschema.partition_manager import default_rows, inheritance
from lmsschema.partition_manager import state as partition_state
from lmsschema.partition_manager.default_rows import DefaultRows
from lmsschema.partitions import Partition, Policy, Range, covered_until, gaps

#: What is said of the tables of a move of the default's rows.
MOVING = "part of a move of the default's rows that is under way"
INTERRUPTED = "left by a move of the default's rows that was interrupted"

_REPAIR = "partitions ensure --repair"

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)


@dataclasses.dataclass(frozen=True)
class Listed:
    """A partition, or a table that is named like one, and what is odd about it.

    Attributes:
        name: Its name.
        kind: What it is, as :data:`lmsschema.partitions.Kind`, or an inheritance child.
        range: Its bounds; None for the default and for what is not attached.
        attached: Whether it is a partition now.
        default: Whether it is the default partition.
        estimated_rows: As the last VACUUM or ANALYZE left it; None: neither has been here.
        bytes: Its size with indexes.
        oddities: What is odd, each a sentence.
    """

    name: str
    kind: str
    range: Range | None
    attached: bool
    default: bool
    estimated_rows: int | None
    bytes: int
    oddities: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Listing:
    """A table's partitions in the order of their bounds, and the holes between them."""

    table: str
    now: datetime
    partitions: tuple[Listed, ...]
    holes: tuple[Range, ...]


@dataclasses.dataclass(frozen=True)
class Health:
    """How long all is well with a table's partitions.

    Attributes:
        table: The partitioned table.
        schema: Its schema.
        now: The database's time.
        until: The first instant that has no partition of its own; None: no end.
        default: The default partition's name, if there is one.
        rows: Its rows, by what can be done with them.
        holes: Holes from now to the last partition.
        detach_pending: Partitions whose detach was interrupted: their rows are hidden.
        default_detached: The default partition's name, if that table is detached: its rows are
            hidden.
        default_missing: Whether there should be a default partition, and no table for it is there.
        move_interrupted: Whether a move of the default's rows has left its tables and trigger.
        window: Where the intervals end that ``ensure`` makes.
        starts: The partitions' names by their lower bounds.
        guard: The trigger that refuses changes of its rows, if they are only appended.
    """

    table: str
    schema: str
    now: datetime
    until: datetime | None
    default: str | None
    rows: DefaultRows
    holes: tuple[Range, ...]
    detach_pending: tuple[str, ...]
    move_interrupted: bool = False
    default_detached: str | None = None
    default_missing: bool = False
    window: datetime = _LATEST
    starts: Mapping[datetime, str] = dataclasses.field(default_factory=dict)
    guard: str | None = None

    @property
    def default_rows(self) -> int:
        """Rows in the default, counted up to :data:`default_rows.COUNTED`."""
        return self.rows.rows

    @property
    def runway(self) -> float | None:
        """Days until rows fall into the default or are refused; None: no end."""
        return None if self.until is None else (self.until - self.now) / timedelta(days=1)


def listing(database: Database, policy: Policy) -> Listing:
    """Read a table's partitions with what is odd about each."""
    with translated(database.target), database.transaction(read_only=True) as conn:
        state = partition_state.read(database, policy)
        rows = conn.execute(
            query("partition_manager/list"), {"schema": database.schema, "table": policy.table}
        ).fetchall()
        moving = state.unfinished and partition_state.is_claimed(database, policy)
        mark = partition_state.unfinished_mark(policy)
        differing: dict[str, set[str]] = {}
        for one in inheritance.differences(database, policy):
            by_hand = one.kind in inheritance.BY_HAND
            how = f"by hand, its rows are copied: {one.statement}" if by_hand else _REPAIR
            odd = f"its {one.kind} differs from the table's ({how})"
            differing.setdefault(one.partition, set()).add(odd)
    found = []
    off_grid: list[Range] = []
    for name, kind, parent, key, own, attached, pending, bounds, estimate, size, *more in rows:
        note, indexes, keys, invalid = more
        oddities = [] if note == mark else _kind(name, kind, key, own)
        bounded = partition_state.parse_bounds(bounds) if attached else None
        default = bool(attached) and bounded is None
        if note == mark:
            oddities.append(MOVING if moving else f"{INTERRUPTED} (partitions heal ends it)")
        elif not attached:
            why = f"it belongs to {parent}" if parent else (note or "").rpartition("\n")[2]
            oddities.append("not attached" + (f": {why}" if why else ""))
        elif default and state.unfinished and not moving:
            oddities.append(f"its changes are noted: {INTERRUPTED} (partitions heal ends it)")
        if pending:
            oddities.append("detach pending: its rows are hidden (partitions ensure ends it)")
        oddities += [f"lacks index {index}" for index in indexes]
        oddities += [f"lacks key {key}" for key in keys]
        oddities += [f"index {index} is invalid" for index in invalid]
        oddities += sorted(differing.get(name, ()))
        if bounded is not None and not on_grid(policy, bounded):
            off_grid.append(bounded)
            oddities.append(f"bounds off the {policy.interval}'s grid")
        found.append(
            Listed(name, kind, bounded, attached, default, estimate, size, tuple(oddities))
        )
    found.sort(key=_order)
    zone = explaining_zone(policy, off_grid)
    if zone:
        found = [
            dataclasses.replace(
                one,
                oddities=tuple(
                    f"{oddity}, but on it in {zone}" if oddity.startswith("bounds off") else oddity
                    for oddity in one.oddities
                ),
            )
            for one in found
        ]
    return Listing(policy.table, state.now, tuple(found), tuple(holes(state.partitions)))


def health(
    database: Database,
    policy: Policy,
    *,
    count_default: bool = True,
    lock_timeout: float = LOCK_TIMEOUT,
) -> Health:
    """Read how long all is well; needs USAGE on the schema and SELECT on the default alone.

    Args:
        database: The database and schema.
        policy: The table's policy.
        count_default: Count the default's rows; without it, the catalogs alone are read.
        lock_timeout: Seconds to wait for a session that has the default to itself.

    Raises:
        DatabaseUnavailableError: The role may not read the default; the hint is the GRANT.
    """
    settings = database.transaction(lock_timeout=lock_timeout, read_only=True)
    with translated(database.target), settings:
        state = partition_state.read(database, policy)
        interrupted = state.unfinished and not partition_state.is_claimed(database, policy)
        rows = default_rows.count(database, policy, state) if count_default else DefaultRows()
    live = [p for p in state.partitions if not p.detach_pending]
    return Health(
        policy.table,
        database.schema,
        state.now,
        covered_until(live, state.now),
        state.default,
        rows,
        tuple(hole for hole in holes(live) if hole.upper is None or hole.upper > state.now),
        tuple(p.name for p in state.partitions if p.detach_pending),
        interrupted,
        policy.default_name if policy.default and state.default_detached else None,
        policy.default and state.default is None and not state.default_detached,
        policy.step(policy.start(state.now), policy.ahead + 1),
        _starts(live),
        policy.guard,
    )


def _kind(name: str, kind: str, key: str | None, own: int) -> list[str]:
    """Say what a partition is that is no plain table, and what follows from that."""
    if kind == "partitioned table":
        return [f"a partitioned table by {key}, with {own} partitions of its own"]
    if kind == "foreign table":
        return ["a foreign table: its rows are another server's"]
    if kind == "unlogged table":
        logged = sql.SQL("ALTER TABLE {} SET LOGGED").format(sql.Identifier(name)).as_string()
        return [f"an unlogged table: a crash empties it (by hand, its rows are copied: {logged})"]
    return ["an inheritance child"] if kind == "inheritance child" else []


def _starts(partitions: Iterable[Partition]) -> dict[datetime, str]:
    return {p.range.lower: p.name for p in partitions if p.range and p.range.lower}


def holes(partitions: Iterable[Partition]) -> list[Range]:
    """The ranges between the first partition and the last that no partition covers."""
    ranges = [p.range for p in partitions if p.range is not None]
    lower = min((r.lower or _EARLIEST for r in ranges), default=_EARLIEST)
    upper = max((r.upper or _LATEST for r in ranges), default=_EARLIEST)
    return gaps(Range(lower, upper), ranges)


def on_grid(policy: Policy, bounds: Range) -> bool:
    """Whether both bounds lie on the policy's grid."""
    return all(b is None or policy.start(b) == b for b in (bounds.lower, bounds.upper))


def explaining_zone(policy: Policy, ranges: Sequence[Range]) -> str | None:
    """Return a time zone on whose grid all bounds lie that are off that of UTC, or None."""
    both = [bound for r in ranges for bound in (r.lower, r.upper)]
    bounds = [b for b in both if b is not None and policy.start(b) != b]
    if not bounds:
        return None
    names = sorted(available_timezones(), key=lambda name: ("/" not in name, name))
    return next((name for name in names if _explains(policy, bounds, ZoneInfo(name))), None)


def _explains(policy: Policy, bounds: Sequence[datetime], zone: ZoneInfo) -> bool:
    try:
        local = [bound.astimezone(zone).replace(tzinfo=UTC) for bound in bounds]
    except OverflowError:
        return False
    return all(policy.start(bound) == bound for bound in local)


def _order(one: Listed) -> tuple[int, datetime, str]:
    kind = 0 if one.range is not None else 1 if one.default else 2
    lower = one.range.lower if one.range is not None else None
    return kind, lower or _EARLIEST, one.name
