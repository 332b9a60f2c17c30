"""What is told while locks are measured: statement by statement, step by step."""

from collections.abc import Callable

from lmsschema.database.connection import Database
from lmsschema.locks.context import Progress
from lmsschema.migration import measure
from lmsschema.migration.upgrade import upgrade

PENDING = ["0002_progress", "0003_analytics", "0004_integrity"]  # the last is made of steps


def test_how_far_a_revision_is_measured_is_told_inside_of_it(
    database_url: str, opened: Callable[..., Database]
) -> None:
    database = opened(database_url)
    upgrade(database, "0001")
    told: list[Progress] = []
    measured = measure.run(
        database, "0001_foundation", PENDING, shadow_url=database_url, notify=told.append, pace=0
    )
    assert list(measured.statements) == PENDING
    assert all(measured.statements.values())
    for number, revision in enumerate(PENDING, start=1):
        what = f"measuring locks: {revision} ({number} of 3)"
        begun, *figures = [one for one in told if one.what == what]
        assert begun == Progress(what)
        done = [one.done for one in figures]
        assert done == sorted(set(done))
        assert len(done) > 5
        assert {one.total for one in figures} == {done[-1]}
