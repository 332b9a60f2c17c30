"""How much synthetic data there is, and when: computed without a database, a clock or a float.

All is integers, so that every platform computes the same: logarithms and powers may differ in their
last digit, and with it a row.
"""

import dataclasses
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

#: Says which rows are made: a generator that makes others has another number here.
FORM = 1

#: The most that is asked for: the numbers below stay far from the limits of bigint.
MOST_EVENTS = 1_000_000_000
MOST_INSTITUTIONS = 1000
LATEST_SEED = 2**31 - 1
EARLIEST, LATEST = date(2001, 1, 1), date(2200, 1, 1)

#: The events of a session, and of a learner, on average.
_A_SESSION = 24
_A_LEARNER = 250

#: In a month of fewer events, the month is one transaction, else each day is.
_A_MONTH = 20_000

#: The range of the numbers that are drawn.
UNIT = 2**30


@dataclasses.dataclass(frozen=True)
class Term:
    """A term: its name, its first day (a Monday), its length, and its part of the courses."""

    name: str
    start: date
    weeks: int
    share: int


@dataclasses.dataclass(frozen=True)
class Shape:
    """What is asked for.

    Attributes:
        events: The number of events.
        seed: What the random numbers are drawn from; it is in every identifier.
        until: The data ends before this day (UTC).
        institutions: The number of institutions, the first of them the largest.
    """

    events: int
    seed: int
    until: date
    institutions: int

    @property
    def end(self) -> datetime:
        """The first instant that has no data."""
        return _midnight(self.until)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The last three terms that began four weeks before the end at the latest, oldest first."""
        years = (self.until.year - 2, self.until.year - 1, self.until.year)
        found = [term for year in years for term in _terms_of(year)]
        latest = self.until - timedelta(weeks=4)
        return tuple([term for term in found if term.start <= latest][-3:])

    @property
    def first(self) -> datetime:
        """The first instant that may have data: a term begins a day early east of Greenwich."""
        return _midnight(self.terms[0].start - timedelta(days=1))

    @property
    def sessions(self) -> int:
        """How many sessions are drawn: twice what is needed, since some would end too late."""
        return 2 * self.events // _A_SESSION + 100

    def days(self) -> list[tuple[datetime, datetime]]:
        """The spans of time whose events are inserted in one transaction, in order."""
        months = (self.end - self.first).days // 30 + 1
        step = timedelta(days=1 if self.events > _A_MONTH * months else 31)
        return list(_cut(self.first, self.end, step))

    def data(self) -> dict[str, Any]:
        """What a database says of the data in it."""
        return {
            "form": FORM,
            "events": self.events,
            "seed": self.seed,
            "until": self.until.isoformat(),
            "institutions": self.institutions,
        }

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """The institutions and terms, as the SQL that makes the data reads them."""
        learners = max(1, self.events // _A_LEARNER)
        courses = 3 * math.isqrt(learners)
        rows = []
        first = {"learner": 1, "course": 1, "instructor": 1}
        for number, share in enumerate(_shares(self.institutions), 1):
            counts = {
                "learner": max(8, learners * share // UNIT),
                "course": max(4, courses * share // UNIT),
            }
            counts["instructor"] = 1 + counts["course"] // 2
            row: dict[str, Any] = {"k": number}
            for what, count in counts.items():
                row |= {f"first_{what}": first[what], f"{what}s": count}
                first[what] += count
            rows.append(row)
        return {"institutions": rows, "terms": list(self._term_rows())}

    def _term_rows(self) -> Iterator[dict[str, Any]]:
        below = 0
        total = sum(term.share for term in self.terms)
        for number, term in enumerate(self.terms, 1):
            share = UNIT * term.share // total
            yield {
                "t": number,
                "name": term.name,
                "start": _midnight(term.start).isoformat(),
                "finish": _midnight(term.start + timedelta(weeks=term.weeks)).isoformat(),
                "weeks": term.weeks,
                "weeks_begun": min(term.weeks, -(-(self.until - term.start).days // 7)),
                "drawn_from": below,
                "drawn_below": UNIT if number == len(self.terms) else below + share,
            }
            below += share


def _shares(count: int) -> list[int]:
    """Return the institutions' parts of UNIT, by Zipf's law."""
    weights = [UNIT // number for number in range(1, count + 1)]
    return [UNIT * weight // sum(weights) for weight in weights]


def _terms_of(year: int) -> list[Term]:
    """Return the terms of a year, in order."""
    return [
        Term(f"{year} Spring", _monday(date(year, 1, 15)), 17, 42),
        Term(f"{year} Summer", _monday(date(year, 6, 1)), 9, 10),
        Term(f"{year} Fall", _monday(date(year, 8, 25)), 16, 48),
    ]


def _monday(day: date) -> date:
    """Return the first Monday from a day on."""
    return day + timedelta(days=-day.weekday() % 7)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _cut(start: datetime, end: datetime, step: timedelta) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        yield start, min(start + step, end)
        start += step
