"""The planning of partitions: it covers what it must, overlaps nothing, and comes to an end."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lmsschema.partitions import (
    LEARNING_EVENTS,
    Action,
    Attach,
    Create,
    Finalize,
    Partition,
    Policy,
    Range,
    covered_until,
    for_values,
    gaps,
    plan,
    plan_range,
)

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

instants = st.datetimes(
    datetime(1990, 1, 1),  # noqa: DTZ001  hypothesis wants the limits without a zone
    datetime(2060, 1, 1),  # noqa: DTZ001  as above
    timezones=st.just(UTC),
)


@st.composite
def bounds(draw: st.DrawFn) -> datetime:
    """Bounds as people make them: begins of months and years, other zones' days, any instant."""
    kind = draw(st.sampled_from(["month", "year", "zone", "any"]))
    day = draw(st.dates(date(2019, 1, 1), date(2032, 1, 1)))
    if kind == "any":
        return draw(instants)
    hours = draw(st.integers(-12, 12)) if kind == "zone" else 0
    month = 1 if kind == "year" else day.month
    return datetime(day.year, month, 1, tzinfo=UTC) + timedelta(hours=hours)


@st.composite
def existing(draw: st.DrawFn) -> list[Partition]:
    """What a table may have: ranges that don't overlap, under any names, perhaps a default."""
    cuts = sorted(draw(st.sets(bounds(), max_size=14)))
    edges: list[datetime | None] = [*cuts]
    if draw(st.booleans()):
        edges.insert(0, None)
    ends: list[datetime | None] = [*edges[1:]]
    open_ended = draw(st.booleans())
    if edges and open_ended:
        ends.append(None)
    found: list[Partition] = []
    for number, (lower, upper) in enumerate(zip(edges, ends, strict=False)):
        if draw(st.integers(0, 2)):  # else it is a hole
            own = [f"hand_made_{number}", f"learning_events_{2020 + number}_01"]
            if lower is not None:
                own.append(LEARNING_EVENTS.name(lower))
            name = draw(st.sampled_from(own))
            if name not in {one.name for one in found}:
                pending = draw(st.integers(0, 3)) == 0
                found.append(Partition(name, Range(lower, upper), detach_pending=pending))
    if draw(st.booleans()) and not any(one.detach_pending for one in found):
        found.append(Partition(draw(st.sampled_from(["learning_events_default", "rest"])), None))
    return found


policies = st.builds(
    Policy,
    table=st.just("learning_events"),
    key=st.just("event_timestamp"),
    interval=st.sampled_from(["month", "week", "day"]),
    ahead=st.integers(0, 14),
    default=st.booleans(),
)


def applied(partitions: Sequence[Partition], actions: Sequence[Action]) -> list[Partition]:
    """Do what PostgreSQL does with a plan, refusing what it refuses."""
    now = list(partitions)
    detached: dict[str, Partition] = {}
    for action in actions:
        if isinstance(action, Finalize):
            (gone,) = [one for one in now if one.name == action.name]
            assert gone.detach_pending
            now.remove(gone)
            detached[gone.name] = gone
            continue
        names = {one.name for one in now} | set(detached)
        if isinstance(action, Attach):
            assert action.name in detached
            assert detached.pop(action.name).range == action.range
        else:
            assert action.name not in names
        for one in now:
            if action.range is None:
                assert one.range is not None, "two defaults"
            elif one.range is not None:
                assert not one.range.overlaps(action.range)
        if action.range is not None and action.range.lower and action.range.upper:
            assert action.range.lower < action.range.upper
        now.append(Partition(action.name, action.range))
    return now


@given(policies, existing(), instants)
def test_nothing_overlaps_and_no_hole_is_left(
    policy: Policy, there: list[Partition], now: datetime
) -> None:
    after = applied(there, plan(policy, there, now))
    first = policy.start(now)
    window = Range(first, policy.step(first, policy.ahead + 1))
    assert gaps(window, [one.range for one in after if one.range is not None]) == []
    assert any(one.range is None for one in after) or not policy.default


@given(policies, existing(), instants)
def test_planned_again_it_is_empty(policy: Policy, there: list[Partition], now: datetime) -> None:
    after = applied(there, plan(policy, there, now))
    assert plan(policy, after, now) == []


@given(policies, existing(), instants)
def test_what_is_there_stays_as_it_is(
    policy: Policy, there: list[Partition], now: datetime
) -> None:
    after = applied(there, plan(policy, there, now))
    assert {one for one in there if not one.detach_pending} <= set(after)


@given(policies, existing(), instants, st.integers(0, 30))
def test_more_months_ahead_only_add(
    policy: Policy, there: list[Partition], now: datetime, more: int
) -> None:
    assume(policy.ahead + more <= 40)
    further = Policy(policy.table, policy.key, policy.interval, policy.ahead + more, policy.default)
    few = applied(there, plan(policy, there, now))
    many = applied(few, plan(further, few, now))
    assert set(few) <= set(many)
    assert plan(policy, many, now) == []  # lowered again: nothing is taken away


@given(policies, existing(), instants, instants)
def test_history_is_filled_in_and_stays(
    policy: Policy, there: list[Partition], one: datetime, other: datetime
) -> None:
    assume(abs(one - other) < timedelta(days=400))
    there = [partition for partition in there if not partition.detach_pending]
    first = policy.start(min(one, other))
    wanted = Range(first, policy.step(policy.start(max(one, other)), 1))
    after = applied(there, plan_range(policy, there, wanted))
    assert gaps(wanted, [p.range for p in after if p.range is not None]) == []
    assert plan_range(policy, after, wanted) == []


@given(existing(), instants)
def test_the_runway_ends_at_the_first_instant_without_a_partition(
    there: list[Partition], now: datetime
) -> None:
    until = covered_until(there, now)
    ranges = [p.range for p in there if p.range is not None and not p.detach_pending]
    if until is None:
        assert any(r.upper is None for r in ranges)
    else:
        assert not any(r.holds(until) for r in ranges)
        assert gaps(Range(now, until), ranges) == []


@pytest.mark.parametrize(
    ("now", "first"),
    [
        ("2025-01-31T00:00:00+00:00", "learning_events_2025_01"),
        ("2028-02-29T12:00:00+00:00", "learning_events_2028_02"),
        ("2025-12-31T23:59:59.999999+00:00", "learning_events_2025_12"),
        ("2026-01-01T00:00:00+00:00", "learning_events_2026_01"),
        ("2026-01-01T00:00:00+02:00", "learning_events_2025_12"),
    ],
)
def test_the_month_is_that_of_utc(now: str, first: str) -> None:
    actions = plan(LEARNING_EVENTS, [], datetime.fromisoformat(now))
    assert actions[0].name == first
    assert len(actions) == 5
    assert actions[-1] == Create("learning_events_default", None)


def test_bounds_carry_their_offset() -> None:
    action = plan(LEARNING_EVENTS, [], datetime(2025, 1, 31, tzinfo=UTC))[0]
    assert isinstance(action, Create)
    assert for_values(action.range) == (
        "FOR VALUES FROM ('2025-01-01 00:00:00+00') TO ('2025-02-01 00:00:00+00')"
    )


@pytest.mark.parametrize(
    ("interval", "names"),
    [
        ("day", ["logins_2024_12_30", "logins_2024_12_31", "logins_2025_01_01"]),
        ("week", ["logins_2025_w01", "logins_2025_w02", "logins_2025_w03"]),
    ],
)
def test_another_table_needs_no_other_code(interval: str, names: list[str]) -> None:
    policy = Policy("logins", "at", interval, ahead=2, default=False)  # type: ignore[arg-type]  # one of Interval's
    actions = plan(policy, [], datetime(2024, 12, 30, 12, tzinfo=UTC))
    assert [action.name for action in actions] == names


def test_a_gap_in_a_month_is_filled_and_named_apart() -> None:
    start = datetime(2026, 12, 1, tzinfo=UTC)
    there = [
        Partition("by_hand", Range(start + timedelta(days=9), start + timedelta(days=19))),
    ]
    names = [
        create.name
        for create in plan_range(LEARNING_EVENTS, there, Range(start, start + timedelta(days=1)))
    ]
    assert names == ["learning_events_2026_12", "learning_events_2026_12_20261220t000000"]


def test_a_half_detached_partition_of_the_window_comes_back() -> None:
    month = LEARNING_EVENTS.interval_of(EPOCH)
    old = LEARNING_EVENTS.interval_of(EPOCH - timedelta(days=100))
    there = [
        Partition("now", month, detach_pending=True),
        Partition("old", old, detach_pending=True),
    ]
    actions = plan(LEARNING_EVENTS, there, EPOCH)
    assert actions[:3] == [Finalize("now"), Attach("now", month), Finalize("old")]


def test_a_name_that_would_be_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="63 bytes"):
        Policy("a" * 30, "at")
