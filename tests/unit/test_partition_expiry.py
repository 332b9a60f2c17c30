"""What a prune takes away, and how lengths of time are written."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmsschema.errors import UsageError
from lmsschema.partition_manager.retention import (
    FEW,
    Span,
    mark,
    parse_mark,
    parse_span,
    plan_prune,
)
from lmsschema.partitions import LEARNING_EVENTS, Partition, Range, for_values

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def months(*offsets: int) -> list[Partition]:
    start = LEARNING_EVENTS.start(NOW)
    return [
        Partition(
            f"m{offset}",
            Range(LEARNING_EVENTS.step(start, offset), LEARNING_EVENTS.step(start, offset + 1)),
        )
        for offset in offsets
    ]


@pytest.mark.parametrize(
    ("span", "instant", "before"),
    [
        ("1m", "2026-03-31T12:00:00+00:00", "2026-02-28T12:00:00+00:00"),
        ("1m", "2028-03-31T12:00:00+00:00", "2028-02-29T12:00:00+00:00"),
        ("1y", "2028-02-29T00:00:00+00:00", "2027-02-28T00:00:00+00:00"),
        ("24m", "2026-01-31T00:00:00+00:00", "2024-01-31T00:00:00+00:00"),
        ("2w", "2026-01-10T00:00:00+00:00", "2025-12-27T00:00:00+00:00"),
        ("90d", "2026-03-31T00:00:00+00:00", "2025-12-31T00:00:00+00:00"),
    ],
)
def test_a_span_is_of_the_calendar(span: str, instant: str, before: str) -> None:
    found = parse_span(span, "--keep").before(datetime.fromisoformat(instant))
    assert found == datetime.fromisoformat(before)


@pytest.mark.parametrize("text", ["24", "m", "", "0m", "-3m", "1.5m", "3 m", "3M", "3h", "٣m"])
def test_a_span_needs_a_unit(text: str) -> None:
    with pytest.raises(UsageError):
        parse_span(text, "--keep")


def test_exactly_at_the_boundary_it_goes_and_a_moment_earlier_it_stays() -> None:
    there = months(-2, -1, 0)
    boundary = datetime(2026, 2, 1, tzinfo=UTC)
    keep = Span(1, "m")
    at = datetime(2026, 3, 1, tzinfo=UTC)
    assert keep.before(at) == boundary
    assert [p.name for p in plan_prune(there, at, keep).expired] == ["m-2"]
    early = at - timedelta(microseconds=1)
    assert plan_prune(there, early, keep).expired == ()


def test_what_straddles_the_cutoff_stays() -> None:
    year = Partition("y", Range(datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)))
    assert plan_prune([year, *months(0)], NOW, Span(6, "m")).expired == ()


def test_three_a_run_the_oldest_first() -> None:
    there = months(*range(-9, 1))
    planned = plan_prune(reversed(there), NOW, Span(2, "m"))
    assert [p.name for p in planned.expired] == ["m-9", "m-8", "m-7"]
    assert planned.left == 4
    many = plan_prune(there, NOW, Span(2, "m"), allow_many=True)
    assert (len(many.expired), many.left) == (7, 0)


def test_the_only_partition_stays_though_everything_is_expired() -> None:
    default = Partition("rest", None)
    assert plan_prune([*months(-9), default], NOW, Span(1, "d")).expired == ()
    planned = plan_prune([*months(-9, -8), default], NOW, Span(1, "d"), allow_many=True)
    assert [p.name for p in planned.expired] == ["m-9"]


@given(
    offsets=st.sets(st.integers(-60, 12)),
    count=st.integers(1, 2000),
    unit=st.sampled_from("ymwd"),
    allow_many=st.booleans(),
    open_ended=st.booleans(),
)
def test_the_current_and_the_future_never_go(
    offsets: set[int],
    count: int,
    unit: str,
    *,
    allow_many: bool,
    open_ended: bool,
) -> None:
    there = months(*offsets)
    if open_ended and there:
        first = min(p.range.lower for p in there if p.range is not None and p.range.lower)
        there.append(Partition("ever", Range(None, first)))
    keep = parse_span(f"{count}{unit}", "--keep")
    planned = plan_prune(there, NOW, keep, allow_many=allow_many)
    for partition in planned.expired:
        assert partition.range is not None
        assert partition.range.upper is not None
        assert partition.range.upper <= planned.cutoff < NOW
    assert allow_many or len(planned.expired) <= FEW
    assert not there or len(planned.expired) < len(there)


def test_a_mark_is_read_as_it_was_written() -> None:
    bounds = LEARNING_EVENTS.interval_of(NOW)
    text = "Events of March.\nKeep.\n" + mark(LEARNING_EVENTS, bounds, NOW)
    found, comment = parse_mark(text)
    assert found is not None
    assert (found.table, found.at, found.bounds) == ("learning_events", NOW, for_values(bounds))
    assert comment == "Events of March.\nKeep."
    assert parse_mark("lmsschema: detached from elsewhere") == (
        None,
        "lmsschema: detached from elsewhere",
    )
