"""Pauses grow, never past the longest, never past the limit."""

from lmsschema.deadline import Deadline


def test_pauses_double_up_to_the_longest() -> None:
    slept: list[float] = []
    limit = Deadline(3600, pause=1, longest=5, sleep=slept.append)
    for _ in range(5):
        limit.pause()
    for seconds, most in zip(slept, [1, 2, 4, 5, 5], strict=True):
        assert most / 2 <= seconds <= most


def test_without_a_longest_all_are_alike() -> None:
    slept: list[float] = []
    limit = Deadline(3600, pause=1, sleep=slept.append)
    limit.pause()
    limit.pause()
    assert all(0.5 <= seconds <= 1 for seconds in slept)


def test_nothing_is_waited_for_past_the_limit() -> None:
    slept: list[float] = []
    limit = Deadline(0, pause=1, sleep=slept.append)
    limit.pause()
    assert limit.expired
    assert limit.left == 0
    assert slept == [0]
