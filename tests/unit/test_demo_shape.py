"""What synthetic data is asked for, as numbers: no server."""

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest

from lmsschema.demo.shape import LATEST, MOST_EVENTS, UNIT, Shape


@pytest.mark.parametrize("events", [1, 6000, 2_000_000, MOST_EVENTS])
@pytest.mark.parametrize("institutions", [1, 3, 1000])
def test_numbers_follow_each_other(events: int, institutions: int) -> None:
    rows = Shape(events, 1, date(2026, 11, 26), institutions).tables()["institutions"]
    assert len(rows) == institutions
    for what in ("learner", "course", "instructor"):
        first = 1
        for row in rows:
            assert row[f"first_{what}"] == first
            assert row[f"{what}s"] > 1
            first += row[f"{what}s"]
    assert rows[0]["learners"] >= rows[-1]["learners"]


@pytest.mark.parametrize("day", range(0, 366, 3))
def test_terms(day: int) -> None:
    """Whatever the day, three terms of which the last began four weeks ago."""
    shape = Shape(5, 1, date(2026, 1, 1) + timedelta(days=day), 1)
    terms = shape.tables()["terms"]
    assert len(terms) == 3
    assert [terms[0]["drawn_from"], terms[-1]["drawn_below"]] == [0, UNIT]
    for term, declared in zip(terms, shape.terms, strict=True):
        assert declared.start.weekday() == 0
        assert 4 <= term["weeks_begun"] <= term["weeks"]
    for before, after in itertools.pairwise(terms):
        assert before["drawn_below"] == after["drawn_from"]
        assert before["finish"] <= after["start"]


@pytest.mark.parametrize("events", [5, 2_000_000])
def test_transactions_cover_all_of_the_time_once(events: int) -> None:
    shape = Shape(events, 1, date(2026, 11, 26), 1)
    days = shape.days()
    assert days[0][0] == shape.first
    assert days[-1][1] == shape.end == datetime(2026, 11, 26, tzinfo=UTC)
    assert all(one[1] == next_one[0] for one, next_one in itertools.pairwise(days))


def test_the_latest_day_is_one() -> None:
    assert Shape(1, 1, LATEST, 1).terms[-1].start.year == LATEST.year - 1
