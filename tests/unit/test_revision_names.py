"""The names by which users call revisions."""

import pytest

from lmsschema.errors import UsageError
from lmsschema.migration import revisions


@pytest.mark.parametrize(
    ("name", "current", "position"),
    [
        ("head", None, len(revisions.ids())),
        ("heads", "0001_foundation", len(revisions.ids())),
        ("base", "0001_foundation", 0),
        ("0002_progress", None, 2),
        ("0002", None, 2),
        ("+1", None, 1),
        ("+2", "0001_foundation", 3),
        ("-1", "0002_progress", 1),
        ("-2", "0002_progress", 0),
    ],
)
def test_known_names(name: str, current: str | None, position: int) -> None:
    assert revisions.find(name, current) == position


@pytest.mark.parametrize(
    "name", ["", "000", "0099", "HEAD", "+99", "-1", "+", "1_foundation", "--x"]
)
def test_unknown_names(name: str) -> None:
    with pytest.raises(UsageError, match="no revision") as refusal:
        revisions.find(name, None)
    assert "0003_analytics" in refusal.value.hint


def test_next_id_fits_the_version_table() -> None:
    number = len(revisions.ids()) + 1
    assert (
        revisions.next_id("Course search, in Spanish!") == f"{number:04d}_course_search_in_spanish"
    )
    assert len(revisions.next_id("long " * 20)) <= 32
