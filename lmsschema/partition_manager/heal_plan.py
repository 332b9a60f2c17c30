"""Which partitions misplaced rows belong to, and how they get there: pure planning of a heal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

from lmsschema import names
from lmsschema.partition_manager.retention import Span
from lmsschema.partitions import Create, Partition, Policy, Range, plan_range

Method: TypeAlias = Literal["nothing", "promote", "move"]

#: How far back rows of the default are given partitions; older ones are taken for bad clocks.
REACH = timedelta(days=3660)

#: What lies further ahead is taken for a bad clock, or a wrong bound.
FAR = timedelta(days=750)

#: As many intervals without rows may lie between those that become one partition (a weekend).
_EMPTY = 2


@dataclass(frozen=True)
class HealLimits:
    """How much a heal does at once, and how far back.

    Attributes:
        few: As many rows are moved under the locks of a promotion (some tens of milliseconds),
            not more.
        pages: Pages of the default that one transaction of a move copies (16 MB).
        reach: How far back rows get partitions; by default ten years.
    """

    few: int = 2_000
    pages: int = 2_048
    reach: Span | None = None


LIMITS = HealLimits()


@dataclass(frozen=True)
class Misplaced:
    """Rows of the default partition that lie in one interval of the grid."""

    start: datetime
    rows: int


@dataclass(frozen=True)
class Held:
    """Rows of the default whose partition can't be made: a table that is none has its name.

    Attributes:
        name: The table, which was detached, or is another one.
        range: The bounds of the partition that the rows belong to.
        rows: How many they are.
        detached: Whether the table was detached, so that ``restore`` takes the rows.
    """

    name: str
    range: Range
    rows: int
    detached: bool

    @property
    def remedy(self) -> str:
        """The command, or the statement, after which the rows can be moved to their partition."""
        if self.detached:
            return f"lmsschema partitions restore {self.name}"
        old = names.shortened(f"{self.name}_old")
        return f'ALTER TABLE "{self.name}" RENAME TO "{old}"; then lmsschema partitions heal'

    def __str__(self) -> str:
        why = "which was detached" if self.detached else "whose name another table has"
        return f"{self.rows} rows belong to {self.name}, {why}: {self.remedy}"


@dataclass(frozen=True)
class Heal:
    """How the rows of the default partition get partitions of their own.

    Attributes:
        method: ``promote``: the default itself becomes the partition ``promoted`` and an empty one
            takes its place; ``move``: rows are copied, then the default is exchanged for the copy.
        why: Why this method, in words.
        promoted: What the default becomes.
        homes: Partitions that are made for rows which are moved.
        rows: Rows that get one, all in all.
        moved: Rows of these that are moved; the rest stays where it lies.
        staying: Rows that stay in the default.
        held: Rows of these that wait for a table which has their partition's name.
    """

    method: Method
    why: str
    promoted: Create | None
    homes: tuple[Create, ...]
    rows: int
    moved: int
    staying: int
    held: tuple[Held, ...] = ()


def plan_heal(
    policy: Policy,
    existing: Iterable[Partition],
    misplaced: Sequence[Misplaced],
    now: datetime,
    *,
    elsewhere: int = 0,
    held: Sequence[Held] = (),
    since: datetime | None = None,
    few: int = LIMITS.few,
) -> Heal:
    """Plan how the rows of the default get partitions of their own.

    Rows get partitions from ten years back to the last interval ahead; what lies beyond (a clock
    that is wrong, ``infinity``) stays in the default, so that no partitions are made for it.

    Args:
        policy: The table's policy.
        existing: The partitions that there are.
        misplaced: The default's rows by interval.
        now: The database's time.
        elsewhere: Rows whose time is none that an interval can have.
        held: Tables that have the names, or had the bounds, of partitions that would be made.
        since: How far back rows get partitions; by default ten years.
        few: As many rows may be moved under locks.
    """
    kept = [_held(policy, one, misplaced) for one in held]
    held = tuple(one for one in kept if one.rows)
    misplaced = [
        interval
        for interval in misplaced
        if not any(one.range.overlaps(policy.interval_of(interval.start)) for one in kept)
    ]
    elsewhere += sum(one.rows for one in held)
    partitions = [*existing, *(Partition(one.name, one.range) for one in kept)]
    end = _end(policy, now)
    first = now - REACH if since is None else since
    near = sorted(
        (interval for interval in misplaced if first <= interval.start < end),
        key=lambda s: s.start,
    )
    rows = sum(interval.rows for interval in near)
    staying = sum(interval.rows for interval in misplaced) - rows + elsewhere
    if not near:
        begin = "ten years back" if since is None else f"{first:%Y-%m-%d}"
        why = f"no row belongs to a month from {begin} to the last one ahead"
        return Heal("nothing", why, None, (), 0, 0, staying, held)
    groups = _groups(policy, partitions, near)
    groups = _trimmed(groups, few - staying)
    runs = [_run(policy, partitions, group) for group in groups]
    main = max(runs, key=lambda run: run.rows)
    others = rows - main.rows
    if others + staying > few:
        homes = tuple(home for run in runs for home in _homes(policy, partitions, run))
        why = (
            f"{others + staying} of {rows + staying} rows do not belong to {main.create.name}, "
            f"and the default can become only one partition"
        )
        return Heal("move", why, None, homes, rows, rows, staying, held)
    homes = tuple(
        home
        for run in runs
        for home in (run.beside if run is main else _homes(policy, partitions, run))
    )
    why = "its rows lie in months without partitions, one after the other"
    if others + staying:
        why += f", but {others + staying} that are moved meanwhile"
    return Heal("promote", why, main.create, homes, rows, others, staying, held)


def _end(policy: Policy, now: datetime) -> datetime:
    """Return where the last interval ahead ends, or the last instant that there is."""
    try:
        return policy.step(policy.start(now), policy.ahead + 1)
    except (ValueError, OverflowError):  # after the year 9999
        return datetime.max.replace(tzinfo=UTC)


def _held(policy: Policy, one: Held, misplaced: Sequence[Misplaced]) -> Held:
    """Count the rows of the intervals that a table's bounds touch."""
    touched = [s for s in misplaced if one.range.overlaps(policy.interval_of(s.start))]
    return replace(one, rows=sum(interval.rows for interval in touched))


@dataclass(frozen=True)
class _Run:
    """Intervals with rows, and no partition that exists from the first to the last of them.

    Attributes:
        create: The one partition that could hold them.
        beside: What it can't hold: an interval that is partly covered may have several gaps.
        misplaced: The intervals.
    """

    create: Create
    beside: tuple[Create, ...]
    misplaced: tuple[Misplaced, ...]

    @property
    def rows(self) -> int:
        return sum(interval.rows for interval in self.misplaced)


def _groups(
    policy: Policy, partitions: Sequence[Partition], near: Sequence[Misplaced]
) -> list[list[Misplaced]]:
    """Group intervals with rows so that each group can be one partition."""
    groups: list[list[Misplaced]] = []
    for interval in near:
        if (
            groups
            and interval.start <= policy.step(groups[-1][-1].start, _EMPTY + 1)
            and _free(policy, partitions, groups[-1][0].start, interval.start)
        ):
            groups[-1].append(interval)
        else:
            groups.append([interval])
    return groups


def _trimmed(groups: list[list[Misplaced]], few: int) -> list[list[Misplaced]]:
    """Take few rows at the ends of the largest group out of it, so that it becomes narrow."""
    main = max(groups, key=lambda group: sum(interval.rows for interval in group))
    others = [group for group in groups if group is not main]
    few -= sum(interval.rows for group in others for interval in group)
    kept = list(main)
    while len(kept) > 1:
        end = min(kept[0], kept[-1], key=lambda interval: interval.rows)
        if end.rows > few:
            break
        few -= end.rows
        kept.remove(end)
        others.append([end])
    return [kept, *others]


def _free(policy: Policy, partitions: Sequence[Partition], first: datetime, last: datetime) -> bool:
    """Whether no partition lies between the first interval's begin and the last one's end."""
    hull = Range(first, policy.step(last, 1))
    return not any(p.range is not None and p.range.overlaps(hull) for p in partitions)


def _run(policy: Policy, partitions: Sequence[Partition], group: Sequence[Misplaced]) -> _Run:
    first, last = group[0].start, group[-1].start
    pieces = plan_range(policy, partitions, Range(first, policy.step(last, 1)))
    if len(group) == 1:
        return _Run(pieces[0], tuple(pieces[1:]), tuple(group))
    name = f"{policy.name(first)}_to{policy.name(last).removeprefix(policy.table)}"
    return _Run(Create(name, Range(first, policy.step(last, 1))), (), tuple(group))


def _homes(policy: Policy, partitions: Sequence[Partition], run: _Run) -> list[Create]:
    """Return the partitions for the intervals of a run that have rows."""
    return [
        home
        for interval in run.misplaced
        for home in plan_range(policy, partitions, policy.interval_of(interval.start))
    ]
