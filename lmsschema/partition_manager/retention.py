"""Which partitions are older than they have to be kept: pure planning of a prune."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

from lmsschema.errors import UsageError
from lmsschema.partitions import Partition, Policy, Range, for_values

Unit: TypeAlias = Literal["y", "m", "w", "d"]

#: As many partitions are detached in one run, unless more are allowed.
FEW = 3

_SPAN = re.compile(r"(?P<count>[0-9]{1,5})(?P<unit>[ymwd])")
_DAYS = {"w": 7, "d": 1}
_MONTHS = {"y": 12, "m": 1}

_MARK = re.compile(
    r"lmsschema: detached from (?P<table>\S+) at (?P<at>\S+), "
    r"(?P<bounds>FOR VALUES FROM .+ TO .+)"
)


@dataclass(frozen=True)
class Span:
    """A length of time by the calendar: years, months, weeks or days."""

    count: int
    unit: Unit

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"

    def before(self, instant: datetime) -> datetime:
        """Return the instant that long before; the last day of a month that has no such day."""
        if self.unit in _DAYS:
            return instant - timedelta(days=self.count * _DAYS[self.unit])
        months = instant.year * 12 + instant.month - 1 - self.count * _MONTHS[self.unit]
        year, month = divmod(months, 12)
        first = instant.replace(year=year, month=month + 1, day=1)
        following = (first + timedelta(days=31)).replace(day=1)
        last = (following - timedelta(days=1)).day
        return first.replace(day=min(instant.day, last))


def parse_span(text: str, option: str, *, smallest: int = 1) -> Span:
    """Return the span that ``24m`` or ``7d`` means.

    Raises:
        UsageError: It has no unit, or none of y, m, w, d; or is less than ``smallest``.
    """
    match = _SPAN.fullmatch(text)
    if match is None or int(match["count"]) < smallest:
        raise UsageError(
            f"{option} {text!r} is no length of time",
            hint="Give a number and a unit: 24m (months), 2y (years), 8w (weeks), 90d (days).",
        )
    unit: Unit = match["unit"]  # type: ignore[assignment]  # one of them, by the pattern
    return Span(int(match["count"]), unit)


@dataclass(frozen=True)
class Prune:
    """What a prune detaches: partitions, oldest first, and how many more are expired."""

    cutoff: datetime
    expired: tuple[Partition, ...]
    left: int


def plan_prune(
    existing: Iterable[Partition], now: datetime, keep: Span, *, allow_many: bool = False
) -> Prune:
    """Plan which partitions are detached: those wholly before the cutoff, oldest first.

    Never the default, the current, a future or the only partition; never one that straddles the
    cutoff; never more than :data:`FEW` unless that is allowed.
    """
    try:
        cutoff = keep.before(now)
    except (ValueError, OverflowError):  # before the year 1: nothing is that old
        return Prune(datetime.min.replace(tzinfo=UTC), (), 0)
    ranged = [p for p in existing if p.range is not None and not p.detach_pending]
    expired = [p for p in ranged if _ends(p) is not None and _end(p) <= cutoff]
    expired.sort(key=_end)
    if expired and len(expired) == len(ranged):
        expired.pop()
    limit = len(expired) if allow_many else FEW
    return Prune(cutoff, tuple(expired[:limit]), max(0, len(expired) - limit))


def _ends(partition: Partition) -> datetime | None:
    return partition.range.upper if partition.range is not None else None


def _end(partition: Partition) -> datetime:
    return _ends(partition) or datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Mark:
    """What lmsschema writes into the comment of a table that it detaches."""

    table: str
    at: datetime
    bounds: str


def mark(policy: Policy, bounds: Range, at: datetime) -> str:
    """Return the line that is added to the comment of a detached table."""
    moment = at.astimezone(UTC).isoformat(timespec="seconds")
    return f"lmsschema: detached from {policy.table} at {moment}, {for_values(bounds)}"


def parse_mark(comment: str | None) -> tuple[Mark | None, str]:
    """Return the mark in a table's comment, and the comment without it."""
    lines = (comment or "").splitlines()
    match = _MARK.fullmatch(lines[-1]) if lines else None
    if match is None:
        return None, comment or ""
    at = datetime.fromisoformat(match["at"])
    return Mark(match["table"], at, match["bounds"]), "\n".join(lines[:-1])
