"""Progress that is told no more often than somebody wants to read it."""

from lmsschema.locks.context import Progress, paced

BEGUN, WAITS = Progress("a"), Progress("somebody blocks")
TENTHS = [Progress("a", done, 10) for done in range(1, 11)]


def told(seconds: float, *progress: Progress) -> list[Progress]:
    found: list[Progress] = []
    tell = paced(found.append, seconds)
    for one in progress:
        tell(one)
    return found


def test_all_is_told_where_nothing_is_to_be_left_out() -> None:
    assert told(0, BEGUN, *TENTHS) == [BEGUN, *TENTHS]


def test_what_has_no_total_is_always_told_and_the_end_only_of_what_was_told_in_part() -> None:
    assert told(3600, BEGUN, *TENTHS, WAITS) == [BEGUN, WAITS]
    assert told(3600, *TENTHS, BEGUN) == [TENTHS[0], TENTHS[-1], BEGUN]
