"""How misplaced rows get partitions: narrow promotions, few moves, nothing for wrong clocks."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from lmsschema.partition_manager.heal_plan import LIMITS, Misplaced, plan_heal
from lmsschema.partitions import LEARNING_EVENTS, Partition, gaps

FEW = LIMITS.few
NOW = datetime(2026, 11, 22, tzinfo=UTC)
START = LEARNING_EVENTS.start(NOW)


def interval(offset: int, rows: int) -> Misplaced:
    return Misplaced(LEARNING_EVENTS.step(START, offset), rows)


def there(*offsets: int) -> list[Partition]:
    return [
        Partition(
            LEARNING_EVENTS.name(LEARNING_EVENTS.step(START, offset)),
            LEARNING_EVENTS.interval_of(LEARNING_EVENTS.step(START, offset)),
        )
        for offset in offsets
    ]


def test_no_row_no_work() -> None:
    assert plan_heal(LEARNING_EVENTS, there(0), [], NOW).method == "nothing"


def test_months_one_after_the_other_become_one() -> None:
    planned = plan_heal(
        LEARNING_EVENTS, there(-3), [interval(-2, 9000), interval(-1, 9000), interval(0, 9000)], NOW
    )
    assert planned.method == "promote"
    assert planned.promoted is not None
    assert planned.promoted.name == "learning_events_2026_09_to_2026_11"
    assert (planned.rows, planned.moved) == (27000, 0)


def test_few_rows_at_the_ends_are_moved_so_that_the_partition_is_a_month() -> None:
    planned = plan_heal(
        LEARNING_EVENTS,
        [],
        [interval(-2, 5), interval(-1, 700), interval(0, 10**6), interval(1, 3)],
        NOW,
    )
    assert planned.promoted is not None
    assert planned.promoted.name == "learning_events_2026_11"
    assert {home.name[-7:] for home in planned.homes} == {"2026_09", "2026_10", "2026_12"}
    assert planned.moved == 708


def test_a_month_between_that_exists_has_them_moved() -> None:
    planned = plan_heal(LEARNING_EVENTS, there(-1), [interval(-2, 9000), interval(0, 9000)], NOW)
    assert planned.method == "move"
    assert [home.name[-7:] for home in planned.homes] == ["2026_09", "2026_11"]


def test_one_row_of_2100_makes_no_partition() -> None:
    far = Misplaced(datetime(2100, 1, 1, tzinfo=UTC), 1)
    planned = plan_heal(LEARNING_EVENTS, there(0), [far], NOW, elsewhere=2)
    assert (planned.method, planned.staying, planned.homes) == ("nothing", 3, ())


@given(
    st.dictionaries(st.integers(-130, 12), st.integers(1, 3 * FEW), max_size=20),
    st.sets(st.integers(-130, 12), max_size=20),
    st.integers(0, 2 * FEW),
)
def test_every_row_has_one_home(rows: dict[int, int], made: set[int], elsewhere: int) -> None:
    misplaced = [interval(offset, count) for offset, count in rows.items() if offset not in made]
    existing = there(*sorted(made))
    planned = plan_heal(LEARNING_EVENTS, existing, misplaced, NOW, elsewhere=elsewhere)
    assert planned.rows + planned.staying == sum(s.rows for s in misplaced) + elsewhere
    made_now = [*planned.homes, *([planned.promoted] if planned.promoted else [])]
    ranges = [home.range for home in made_now if home.range is not None]
    old = [one.range for one in existing if one.range is not None]
    for number, one in enumerate(ranges):
        assert not any(one.overlaps(other) for other in [*ranges[:number], *old])
    home_rows = sum(
        s.rows for s in misplaced if not gaps(LEARNING_EVENTS.interval_of(s.start), ranges)
    )
    assert home_rows == planned.rows
    if planned.method == "promote":
        assert planned.moved + planned.staying <= FEW
