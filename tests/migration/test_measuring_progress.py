"""What is told while locks are measured: statement by statement, step by step."""

from collections.abc import Callable

from lmsschema.database.connection import Database
from lmsschema.locks.context import Progress
from lmsschema.migration import measure
from lmsschema.migration.upgrade import upgrade

PENDING = ["0003_analytics", "0004_integrity"]  # one of statements, one of steps


def test_how_far_a_revision_is_measured_is_told_inside_of_it(
    database_url: str, opened: Callable[..., Database]
) -> None:
    database = opened(database_url)
    upgrade(database, "0002")
    told: list[Progress] = []
    measured = measure.run(
        database, "0002_progress", PENDING, shadow_url=database_url, notify=told.append, pace=0
    )
    assert list(measured.statements) == PENDING
    assert all(measured.statements.values())
    building = [one for one in told if "building" in one.what]
    assert [(one.done, one.total) for one in building] == [(1, 2), (2, 2)]
    for number, revision in enumerate(PENDING, start=1):
        what = f"measuring locks: {revision} ({number} of 2)"
        begun, *figures = [one for one in told if one.what == what]
        assert begun == Progress(what)
        done = [one.done for one in figures]
        assert done == sorted(set(done))
        assert len(done) > 5
        assert {one.total for one in figures} == {done[-1]}
