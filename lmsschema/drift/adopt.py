"""Adopts a database that was built by hand: finds the revision that it equals and records it."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from lmsschema.database import profile
from lmsschema.database.catalog import Catalog
from lmsschema.database.configuration import SchemaExtension
from lmsschema.database.connection import Database, require_writable
from lmsschema.drift import check, declared, extensions
from lmsschema.drift import compare as drift_compare
from lmsschema.drift import partitions as partition_drift
from lmsschema.drift import renames as drift_renames
from lmsschema.drift.compare import Difference, Problem
from lmsschema.drift.renames import Rename
from lmsschema.errors import FindingsError
from lmsschema.locks import run_lock
from lmsschema.locks.context import Context, in_lines
from lmsschema.migration import revisions, runner
from lmsschema.migration.position import current
from lmsschema.partitions import POLICIES

Notify = Callable[[str], None]

#: Left out of the comparison, whoever created it.
_VERSION_TABLE = "lmsschema_version"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A database compared with one revision.

    Attributes:
        revision: The revision.
        differences: The differences, without those that are only names.
        only_names: The differences that are only names.
        renames: The renames that fix those.
        partitions: Missing partitions, by name. They are not differences, since no revision
            creates partitions.
        unmanaged: The number of objects that no revision declares.
        extensions: The declared extensions that the database has.
        ignored: The number of differences that the patterns left out.
        expected: The objects that the database was compared with.
        found: The database's objects.
    """

    revision: str
    differences: tuple[Difference, ...]
    only_names: tuple[Difference, ...]
    renames: tuple[Rename, ...]
    partitions: tuple[str, ...]
    unmanaged: int
    extensions: tuple[SchemaExtension, ...]
    ignored: int
    expected: Catalog
    found: Catalog

    @property
    def equal(self) -> bool:
        """Whether the database equals the revision."""
        return not self.differences and not self.renames


@dataclasses.dataclass(frozen=True)
class Adoption:
    """The result of :func:`run`.

    Attributes:
        before: The revision that was recorded before; None if there was none.
        nearest: The comparison with the recorded revision; if none was recorded, with the revision
            that the database equals, or else with the one that it differs from least.
        stamped: Whether a revision was recorded by this run.
    """

    before: str | None
    nearest: Comparison
    stamped: bool


def run(
    database: Database,
    *,
    dry_run: bool = False,
    ignore: Sequence[str] = (),
    declare: Sequence[SchemaExtension] = (),
    shadow_url: str | None = None,
    wait: float = run_lock.WAIT,
    notify: Notify = lambda _: None,
) -> Adoption:
    """Find the revision that the database equals, and record it in the database.

    Nothing is changed if the database equals no revision, or if a revision is recorded already.

    Args:
        database: The database and schema.
        dry_run: Record nothing, and take no lock.
        ignore: Patterns of differences to leave out (:func:`lmsschema.drift.check.ignored`).
        declare: The declared extensions of the schema's tables.
        shadow_url: The server to build the revisions on, instead of the database's own.
        wait: Seconds to wait for another run.
        notify: Called with messages about what the run waits for.

    Raises:
        FindingsError: The schema has none of the declared tables.
        UnsafeError: The database is at a revision that this program does not know.
        LockTimeoutError: Another run held the run lock for longer than ``wait``.
        DatabaseUnavailableError: The schema can't be read or stamped, or no server can build the
            revisions.
    """
    lock = contextlib.nullcontext() if dry_run else _lock(database, wait, notify)
    with lock:
        before = current(database)
        if not database.schema_exists:
            raise _nothing(database)
        found, now = check.read(database)
        found = _without_version_table(found)
        search = _Search(
            database,
            profile.known(database, notify),
            shadow_url,
            notify,
            found,
            now,
            tuple(ignore),
            tuple(declare),
        )
        if before is not None:
            return Adoption(before, search.compare(before), stamped=False)
        nearest = search.nearest()
        stamped = nearest.equal and not dry_run
        if stamped:
            require_writable(database)
            runner.stamp(database, nearest.revision)
        return Adoption(None, nearest, stamped)


@contextlib.contextmanager
def _lock(database: Database, wait: float, notify: Notify) -> Iterator[None]:
    """Hold the run lock, after checking that the server accepts changes."""
    require_writable(database)
    with run_lock.hold(Context(database, tell=in_lines(notify)), wait=wait):
        yield


@dataclasses.dataclass
class _Search:
    """The database's objects, and the revisions that were built to compare them with."""

    database: Database
    profile: str
    shadow_url: str | None
    notify: Notify
    found: Catalog
    now: datetime
    ignore: tuple[str, ...]
    declare: tuple[SchemaExtension, ...]
    built: dict[str, Catalog] = dataclasses.field(default_factory=dict)

    def nearest(self) -> Comparison:
        """Return the comparison with the revision that the database equals, or is nearest to.

        If several revisions have equal catalogs, it is the oldest one, so that the next upgrade
        applies the others.
        """
        best: Comparison | None = None
        *older, head = revisions.ids()
        for revision in reversed([*older, head]):
            comparison = self.compare(revision)
            if revision == head and not comparison.equal:
                self._build_each(older)  # all will be compared
            if best is not None and best.equal and not comparison.equal:
                break
            if best is None or comparison.equal or _weight(comparison) < _weight(best):
                best = comparison
        if best is None or self._declared().isdisjoint(self.found.relations()):
            raise _nothing(self.database)
        return best

    def compare(self, revision: str) -> Comparison:
        """Compare with one revision. Objects that only later revisions create are differences."""
        made = self._build(revision)
        extended = extensions.extend(made, self.found, self.declare)
        expectation = partition_drift.expect(extended.expected, self.found, POLICIES, self.now)
        later = self._declared(but=revision)
        compared = drift_compare.compare(expectation.expected, expectation.found)
        every = check.report(expectation, extended, compared)
        # COMMENT ON a table does not change its partitions: list each missing comment by itself
        every += [one for one in compared if is_comment(one) and one not in every]
        kept = [one for one in every if not check.ignored(one, self.ignore)]
        sides = expectation.expected, expectation.found
        explained = drift_renames.explain(kept, *sides, self.database.schema)
        differences: list[Difference] = []
        only_names: list[Difference] = []
        partitions: list[str] = []
        unmanaged = 0
        for one, rename in zip(kept, explained, strict=True):
            if rename is not None:
                only_names.append(one)
            elif one.expected is not None and (one.problem, one.attribute) == (Problem.MISSING, ""):
                partitions.append(one.identity.name)  # what is expected are its bounds
            elif one.problem is not Problem.UNMANAGED or one.identity.name in later:
                differences.append(one)
            else:
                unmanaged += 1
        return Comparison(
            revision,
            tuple(differences),
            tuple(only_names),
            tuple({rename.statement: rename for rename in explained if rename}.values()),
            tuple(partitions),
            unmanaged,
            extended.there,
            len(every) - len(kept),
            *sides,
        )

    def _build(self, revision: str) -> Catalog:
        """Return the catalog of a revision, built once and in the same way as for ``check``."""
        if revision not in self.built:
            name = None if revision == revisions.head() else revision
            made = declared.read(
                self.database,
                name,
                profile=self.profile,
                shadow_url=self.shadow_url,
                notify=self.notify,
            )
            self.built[revision] = _without_version_table(made.catalog)
        return self.built[revision]

    def _build_each(self, names: Sequence[str]) -> None:
        """Build revisions one upon the other: each alone would begin with the first."""
        made = declared.read_each(
            self.database,
            names,
            profile=self.profile,
            shadow_url=self.shadow_url,
            notify=self.notify,
        )
        self.built |= {name: _without_version_table(one) for name, one in made.items()}

    def _declared(self, but: str | None = None) -> set[str]:
        """Return the names of the tables and types that the built revisions declare.

        Args:
            but: A revision whose own tables and types are left out.
        """
        self._build(revisions.head())
        own = {identity.name for identity in self._build(but).objects} if but else set()
        return set().union(*(built.whole for built in self.built.values())) - own


def _weight(comparison: Comparison) -> tuple[int, int]:
    """Return the distance from a revision: the number of whole tables and types, then of the rest.

    Comments don't count. A database built by hand has none, and since older revisions have fewer,
    counting them would favour old revisions.
    """
    whole = [
        one
        for one in comparison.differences
        if one.problem is not Problem.CHANGED and one.identity.relation in {"", one.identity.name}
    ]
    rest = [one for one in comparison.differences if one not in whole and not is_comment(one)]
    return len(whole), len(rest) + len(comparison.renames)


def is_comment(difference: Difference) -> bool:
    """Whether the difference is in a comment."""
    return difference.attribute.endswith("comment")


def _without_version_table(catalog: Catalog) -> Catalog:
    objects = {
        identity: attributes
        for identity, attributes in catalog.objects.items()
        if _VERSION_TABLE not in {identity.relation, identity.name}
    }
    return dataclasses.replace(catalog, objects=objects)


def _nothing(database: Database) -> FindingsError:
    return FindingsError(
        f"nothing to adopt: schema {database.schema} of {database.target} has none of the declared "
        "tables",
        hint="To create them: lmsschema upgrade. Or name another --schema.",
    )
