"""Pauses grow, never past the longest, never past the limit."""

import time

import pytest

from lmsschema.deadline import Deadline


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was slept, without sleeping."""
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


def test_pauses_double_up_to_the_longest(slept: list[float]) -> None:
    limit = Deadline(3600, pause=1, longest=5)
    for _ in range(5):
        limit.pause()
    for seconds, most in zip(slept, [1, 2, 4, 5, 5], strict=True):
        assert most / 2 <= seconds <= most


def test_without_a_longest_all_are_alike(slept: list[float]) -> None:
    limit = Deadline(3600, pause=1)
    limit.pause()
    limit.pause()
    assert all(0.5 <= seconds <= 1 for seconds in slept)


def test_nothing_is_waited_for_past_the_limit(slept: list[float]) -> None:
    limit = Deadline(0, pause=1)
    limit.pause()
    assert limit.expired
    assert limit.left == 0
    assert slept == [0]
