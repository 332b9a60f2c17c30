"""The policy of a range-partitioned table and the planning of its partitions.

Pure: no database, no clock, no SQLAlchemy. All instants are timezone-aware; the grid (months, ISO
weeks, days) is that of UTC.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

from lmsschema import names

Interval: TypeAlias = Literal["month", "week", "day"]

#: What a partition is; a partitioned table has partitions of its own.
Kind: TypeAlias = Literal["table", "unlogged table", "partitioned table", "foreign table"]

_LONGEST_SUFFIX = len("_2026_12_31_20261231t235959_999999")


@dataclass(frozen=True)
class Range:
    """A half-open range of instants; ``None`` stands for MINVALUE below and MAXVALUE above."""

    lower: datetime | None
    upper: datetime | None

    def overlaps(self, other: "Range") -> bool:
        """Whether an instant lies in both ranges."""
        return _before(self.lower, other.upper) and _before(other.lower, self.upper)

    def holds(self, instant: datetime) -> bool:
        """Whether the instant lies in the range."""
        begun = self.lower is None or self.lower <= instant
        return begun and (self.upper is None or instant < self.upper)


@dataclass(frozen=True)
class Partition:
    """A partition that exists.

    Attributes:
        name: Its name.
        range: Its bounds; None for the default partition.
        detach_pending: Whether a DETACH CONCURRENTLY of it was interrupted.
        schema: Its schema, where that is not its table's.
        kind: What it is.
    """

    name: str
    range: Range | None
    detach_pending: bool = False
    schema: str | None = None
    kind: Kind = "table"


@dataclass(frozen=True)
class Create:
    """Make this partition, empty; ``range`` is ``None`` for the default partition."""

    name: str
    range: Range | None


@dataclass(frozen=True)
class Finalize:
    """Finish a DETACH CONCURRENTLY that was interrupted."""

    name: str


@dataclass(frozen=True)
class Attach:
    """Attach a table that exists and whose rows are known to belong to this range."""

    name: str
    range: Range


Action: TypeAlias = Create | Finalize | Attach


@dataclass(frozen=True)
class Policy:
    """How a table is partitioned.

    Args:
        table: The partitioned table, unqualified.
        key: Its only partition key column (timestamptz, timestamp in UTC, or date).
        interval: The grid on which partitions are made, in UTC; a week is an ISO week.
        ahead: How many whole intervals after the current one always exist.
        default: Whether misplaced rows are taken by a default partition or refused.
        retention: How long a partition is kept after its end, such as ``24m``; ``None``: for ever.
        guard: The trigger that refuses changes of rows, where they are only appended.
    """

    table: str
    key: str
    interval: Interval = "month"
    ahead: int = 3
    default: bool = True
    retention: str | None = None
    guard: str | None = None

    def __post_init__(self) -> None:
        if self.ahead < 0:
            raise ValueError(f"policy of {self.table}: ahead is {self.ahead}, must be 0 or more")
        if names.size(self.table) + _LONGEST_SUFFIX > names.MAX_BYTES:
            longest = f"would be longer than {names.MAX_BYTES} bytes"
            raise ValueError(f"policy of {self.table}: partition names {longest}")

    @property
    def default_name(self) -> str:
        """The default partition's name."""
        return f"{self.table}_default"

    @property
    def copy_name(self) -> str:
        """The name of the table that is to take the default's place."""
        return f"{self.default_name}_new"

    @property
    def log_name(self) -> str:
        """The name of what notes changes of the default's rows while they are moved."""
        return f"{self.default_name}_heal_log"

    def name(self, start: datetime) -> str:
        """The name of the partition of the interval that starts then, as the guide writes it."""
        if self.interval == "month":
            return f"{self.table}_{start.year:04d}_{start:%m}"
        if self.interval == "week":
            year, week, _ = start.isocalendar()
            return f"{self.table}_{year:04d}_w{week:02d}"
        return f"{self.table}_{start.year:04d}_{start:%m_%d}"

    def start(self, instant: datetime) -> datetime:
        """The first instant of the interval in which an instant lies."""
        day = instant.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        if self.interval == "month":
            return day.replace(day=1)
        if self.interval == "week":
            return day - timedelta(days=day.weekday())
        return day

    def step(self, start: datetime, count: int) -> datetime:
        """The start of the interval ``count`` intervals after the one that starts then."""
        if self.interval == "month":
            year, month = divmod(start.year * 12 + start.month - 1 + count, 12)
            return start.replace(year=year, month=month + 1)
        return start + count * timedelta(days=7 if self.interval == "week" else 1)

    def interval_of(self, instant: datetime) -> Range:
        """The interval of the grid in which an instant lies."""
        start = self.start(instant)
        return Range(start, self.step(start, 1))


LEARNING_EVENTS = Policy(table=names.EVENTS, key=names.EVENTS_KEY)
"""The guide's monthly partitions of its analytics events (guide, section 3)."""

GRADE_CHANGES = Policy(names.GRADE_CHANGES, names.GRADE_CHANGES_KEY, guard="refuse_change")
POLICIES = (LEARNING_EVENTS, GRADE_CHANGES)


def plan(policy: Policy, existing: Iterable[Partition], now: datetime) -> list[Action]:
    """What is to be done so that rows of now and of the intervals ahead have their partitions.

    Args:
        policy: The table's policy.
        existing: Every partition that the table has, whoever made it.
        now: The database's time.

    Returns:
        Actions in their order. No partition that is there is changed, but an interrupted detach is
        finished, and undone for the window to be covered. Applied, they leave nothing to plan.
    """
    first = policy.start(now)
    window = Range(first, policy.step(first, policy.ahead + 1))
    partitions = list(existing)
    actions: list[Action] = []
    for partition in partitions:
        if partition.detach_pending:
            actions.append(Finalize(partition.name))
            if partition.range is not None and partition.range.overlaps(window):
                actions.append(Attach(partition.name, partition.range))
    actions += plan_range(policy, partitions, window)
    if policy.default and all(partition.range is not None for partition in partitions):
        taken = {partition.name for partition in partitions}
        name = next(name for name in _numbered(policy.default_name) if name not in taken)
        actions.append(Create(name, None))
    return actions


def plan_range(policy: Policy, existing: Iterable[Partition], wanted: Range) -> list[Create]:
    """The partitions to make so that every interval that starts within a bounded range is covered.

    An interval that is partly covered by partitions off the grid gets partitions for its gaps.
    """
    if wanted.lower is None or wanted.upper is None:
        raise ValueError("a range of intervals to create needs two bounds")
    partitions = list(existing)
    covered = [partition.range for partition in partitions if partition.range is not None]
    taken = {partition.name for partition in partitions}
    creates = []
    first = policy.start(wanted.lower)
    last = policy.start(wanted.upper)
    end = last if last == wanted.upper else policy.step(last, 1)
    for gap in gaps(Range(first, end), covered):
        for piece in _on_grid(policy, gap):
            name = _name(policy, piece, taken)
            taken.add(name)
            creates.append(Create(name, piece))
    return creates


def gaps(wanted: Range, covered: Sequence[Range]) -> list[Range]:
    """The parts of a bounded range that no other range covers, in order."""
    found = []
    at = wanted.lower
    overlapping = [other for other in covered if other.overlaps(wanted)]
    for other in sorted(overlapping, key=_by_lower):
        if _after(other.lower, at):
            found.append(Range(at, other.lower))
        if other.upper is None:
            return found
        if _after(other.upper, at):
            at = other.upper
    if _after(wanted.upper, at):
        found.append(Range(at, wanted.upper))
    return found


def covered_until(partitions: Iterable[Partition], now: datetime) -> datetime | None:
    """The first instant from now on whose row no range partition takes.

    Returns:
        ``now`` itself if the present is not covered; ``None`` if there is no such instant.
    """
    at = now
    ranges = [p.range for p in partitions if p.range is not None and not p.detach_pending]
    for covered in sorted(ranges, key=_by_lower):
        if covered.holds(at):
            if covered.upper is None:
                return None
            at = covered.upper
    return at


def bound(instant: datetime | None, unbounded: str) -> str:
    """A partition bound as SQL, with its offset so that no session's TimeZone can shift it."""
    if instant is None:
        return unbounded
    utc = instant.astimezone(UTC)
    fraction = f".{utc.microsecond:06d}" if utc.microsecond else ""
    return f"'{utc.year:04d}-{utc:%m-%d %H:%M:%S}{fraction}+00'"


def for_values(bounds: Range | None) -> str:
    """The bound clause of a partition as SQL: ``FOR VALUES FROM … TO …`` or ``DEFAULT``."""
    if bounds is None:
        return "DEFAULT"
    lower, upper = bound(bounds.lower, "MINVALUE"), bound(bounds.upper, "MAXVALUE")
    return f"FOR VALUES FROM ({lower}) TO ({upper})"


def _on_grid(policy: Policy, gap: Range) -> Iterable[Range]:
    """Cut a bounded range where an interval begins."""
    at, end = gap.lower, gap.upper
    while at is not None and end is not None and at < end:
        cut = min(end, policy.step(policy.start(at), 1))
        yield Range(at, cut)
        at = cut


def _name(policy: Policy, piece: Range, taken: set[str]) -> str:
    at = piece.lower or datetime.min.replace(tzinfo=UTC)
    name = policy.name(policy.start(at))
    if name not in taken:
        return name
    fraction = f"_{at.microsecond:06d}" if at.microsecond else ""
    precise = f"{name}_{at.year:04d}{at:%m%dt%H%M%S}{fraction}"
    return next(name for name in _numbered(precise) if name not in taken)


def _numbered(name: str) -> Iterable[str]:
    return itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))


def _before(lower: datetime | None, upper: datetime | None) -> bool:
    return lower is None or upper is None or lower < upper


def _after(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and (other is None or one > other)


def _by_lower(bounds: Range) -> datetime:
    return bounds.lower or datetime.min.replace(tzinfo=UTC)
