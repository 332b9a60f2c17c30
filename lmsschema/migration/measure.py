"""What the statements of revisions lock, read, write and drop: measured, on a scratch copy.

The revisions are run on a scratch database of another server, which has the schema of the database
to be upgraded and no rows (:mod:`lmsschema.migration.recorder` says how they are watched).
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lmsschema.database import extensions, throwaway
from lmsschema.database import profile as recorded_profile
from lmsschema.database.connection import Database
from lmsschema.database.session import require_direct
from lmsschema.ddl import steps
from lmsschema.locks.context import Context, Progress, Tell, paced
from lmsschema.migration import rendering, revisions, runner, shadow, site
from lmsschema.migration.measured import MeasuredStatement
from lmsschema.migration.recorder import Recorder
from lmsschema.partition_manager import ensure, state
from lmsschema.partitions import POLICIES

_PREFIX = "lmsschema_measure_"


@dataclasses.dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        statements: The statements of each revision.
        place: The server that ran them.
        missing: The table and the statement of what the database has and the copy could not get.
    """

    statements: Mapping[str, list[MeasuredStatement]]
    place: str
    missing: Sequence[tuple[str, str]]


class Measurements:
    """What was measured, remembered: of many schemas in one state, the first is measured."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Measured] = {}

    def run(
        self,
        database: Database,
        before: str,
        pending: Sequence[str],
        **options: Any,  # noqa: ANN401  those of run()
    ) -> Measured:
        """Return what :func:`run` has returned for a schema in the same state, or now returns."""
        with database.transaction(read_only=True) as conn:
            installed = tuple(extensions.installed(conn))
        profile = recorded_profile.known(database)
        key = (database.version, before, *pending, profile, installed, site.digest(database))
        if key not in self._known:
            self._known[key] = run(database, before, pending, **options)
        return self._known[key]


def run(
    database: Database,
    before: str,
    pending: Sequence[str],
    *,
    own: Mapping[str, Path] = MappingProxyType({}),
    profile: str | None = None,
    shadow_url: str | None = None,
    notify: Tell = lambda _: None,
    pace: float = 1.0,
) -> Measured:
    """Run the pending revisions on a scratch copy of a schema.

    Args:
        database: The database that has the schema.
        before: The revision that it is at.
        pending: The revisions to run, oldest first.
        own: Their files, if they are an application's.
        profile: The index profile to give it, instead of revisions: their one name is its.
        shadow_url: The server to run them on; None for the embedded one.
        notify: Told which revision is measured, and how far it is.
        pace: Seconds between two that tell how far.

    Raises:
        DatabaseUnavailableError: There is no server to run them on.
    """
    with shadow.server(shadow_url, "the locks can't be measured") as place:
        require_direct(place.conn, place.target, "measuring locks")
        throwaway.drop_orphans(place.conn, _PREFIX)
        name = throwaway.name(_PREFIX, throwaway.take(place.conn), 1)
        with shadow.database(place, name) as copy:
            notify(Progress(f"measuring locks on PostgreSQL {place.version} ({place.target})"))
            with database.transaction(read_only=True) as conn:
                names = extensions.installed(conn)
            with copy.transaction() as conn:
                extensions.install(conn, names)
            told = paced(notify, pace)
            _build(copy, before, told)
            _give(copy, recorded_profile.known(database), before)
            missing = site.copy(database, copy)
            if profile is not None:
                found: Mapping[str, list[MeasuredStatement]] = {
                    pending[0]: _measure_profile(copy, profile, told)
                }
            elif own:
                found = _measure_files(copy, own, told)
            else:
                found = _measure(copy, pending, told)
            return Measured(found, f"PostgreSQL {place.version} ({place.target})", missing)


def _measure(
    copy: Database, pending: Sequence[str], tell: Tell
) -> Mapping[str, list[MeasuredStatement]]:
    """Run the revisions on the copy; return the statements of each, and tell how far it is."""
    found: dict[str, list[MeasuredStatement]] = {}
    gauge = _Gauge(pending, tell)
    gauge.begin(pending[0])
    with Recorder.recording(copy, gauge.statement_ended) as recorder:

        def on_applied(one: runner.Applied) -> None:
            found[one.revision] = recorder.take()
            gauge.end()
            for revision in pending[len(found) :][:1]:
                gauge.begin(revision)

        runner.run(
            copy, "upgrade", pending, on_applied, at_once=False, before_each=gauge.step_begins
        )
    return found


def _measure_files(
    copy: Database, own: Mapping[str, Path], tell: Tell
) -> Mapping[str, list[MeasuredStatement]]:
    """Run an application's revisions on the copy; return the statements of each."""
    found = {}
    with Recorder.recording(copy) as recorder:
        for name, file in own.items():
            tell(Progress(f"measuring locks: {name}"))
            rendering.apply(copy, file)
            found[name] = recorder.take()
    return found


def _give(copy: Database, profile: str, revision: str) -> None:
    """Give the scratch database at a revision the index profile that the database has."""
    from lmsschema.migration import profile_steps

    with copy.transaction() as conn:
        profile_steps.apply_in_transaction(conn, profile, revision)


def _measure_profile(copy: Database, profile: str, tell: Tell) -> list[MeasuredStatement]:
    """Give the copy an index profile; return its statements, and tell how far it is."""
    from lmsschema.migration import profile_steps

    made = profile_steps.make(profile)
    what, begun = f"measuring locks: index profile {profile}", 0

    def before_each() -> None:
        nonlocal begun
        tell(Progress(what, begun, len(made)))
        begun += 1

    with Recorder.recording(copy) as recorder:
        steps.run(Context(copy), made, before_each=before_each)
        tell(Progress(what, len(made), len(made)))
        return recorder.take()


class _Gauge:
    """Tells how far a revision is: by its steps, or by its statements where it has no steps."""

    def __init__(self, pending: Sequence[str], tell: Tell) -> None:
        self._pending = pending
        self._tell = tell
        self._steps = runner.steps(pending)
        # at once: another script can't be written while Alembic runs a revision
        self._totals = {
            revision: _count(revision) if steps is None else len(steps)
            for revision, steps in self._steps.items()
        }
        self._what = ""
        self._is_of_steps = False
        self._done = self._total = 0

    def begin(self, revision: str) -> None:
        """Tell that a revision begins."""
        self._is_of_steps = self._steps[revision] is not None
        self._total = self._totals[revision]
        # the first step is announced after the revision itself
        self._done = -2 if self._is_of_steps else 0
        number = self._pending.index(revision) + 1
        self._what = f"measuring locks: {revision} ({number} of {len(self._pending)})"
        self._tell(Progress(self._what))

    def step_begins(self) -> None:
        """Count the step before, if there is one."""
        if self._is_of_steps:
            self._count()

    def statement_ended(self) -> None:
        """Count a statement."""
        if not self._is_of_steps:
            self._count()

    def end(self) -> None:
        """Tell that the revision is measured."""
        self._tell(Progress(self._what, self._total, self._total))

    def _count(self) -> None:
        self._done += 1
        # an estimate: it is never told to be done before it is
        if 0 < self._done < self._total:
            self._tell(Progress(self._what, self._done, self._total))


def _count(revision: str) -> int:
    """Return how many statements a revision has, by its script."""
    script = runner.offline(revisions.parent(revision) or revisions.BASE, revision)
    return script.count(";\n\n")


def _build(copy: Database, before: str, tell: Tell) -> None:
    """Give the scratch database the schema of ``before``, with its partitions."""
    steps = revisions.ids()[: revisions.position(before)]
    what = f"measuring locks: building a scratch copy at {before}"

    def on_applied(one: runner.Applied) -> None:
        tell(Progress(what, steps.index(one.revision) + 1, len(steps)))

    runner.run(copy, "upgrade", steps, on_applied)
    for policy in POLICIES:
        with copy.transaction(read_only=True) as conn:
            there = state.exists(conn, copy.schema, policy.table)
        if there:
            ensure.ensure(Context(copy), policy)
