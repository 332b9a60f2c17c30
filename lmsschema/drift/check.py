"""Compares a database with the declared schema."""

import dataclasses
import fnmatch
import functools
from collections.abc import Callable, Sequence
from datetime import datetime

from psycopg import errors

from lmsschema import names
from lmsschema.database import catalog, profile
from lmsschema.database.catalog import Catalog, Identity
from lmsschema.database.configuration import SchemaExtension
from lmsschema.database.connection import Database
from lmsschema.drift import compare as drift_compare
from lmsschema.drift import declared, extensions, partitions, profiles
from lmsschema.drift.compare import Difference, Problem
from lmsschema.drift.extensions import Extended
from lmsschema.drift.partitions import Expectation
from lmsschema.errors import DatabaseUnavailableError
from lmsschema.migration import revisions
from lmsschema.migration.position import current
from lmsschema.partitions import POLICIES, Policy

_VERSION_TABLE = Identity("lmsschema_version", "table", "lmsschema_version")


@dataclasses.dataclass(frozen=True)
class DriftReport:
    """The result of :func:`run`.

    Attributes:
        revision: The revision that the database is at; None before the first.
        pending: The revisions that were not applied yet.
        profile: The index profile that the database has.
        drift: The differences from the schema of the database's revision and profile.
        changing: What a change of the index profile that is not complete has left.
        unmanaged: Objects and attributes that are not declared and belong to the site.
        extensions: The declared extensions that the database has.
        ignored: The number of differences that the patterns left out.
        built_on: The server that built the declared schema; "" if it is the database's own.
        expected: The objects that the database was compared with.
        found: The database's objects.
    """

    revision: str | None
    pending: tuple[str, ...]
    profile: str
    drift: tuple[Difference, ...]
    changing: tuple[Difference, ...]
    unmanaged: tuple[Difference, ...]
    extensions: tuple[SchemaExtension, ...]
    ignored: int
    built_on: str
    expected: Catalog
    found: Catalog

    def clean(self, *, strict: bool) -> bool:
        """Whether there is no drift and nothing pending.

        Args:
            strict: Count what is unmanaged as drift.
        """
        return not (self.pending or self.drift or self.changing or (strict and self.unmanaged))


def run(
    database: Database,
    *,
    ignore: Sequence[str] = (),
    declare: Sequence[SchemaExtension] = (),
    shadow_url: str | None = None,
    policies: Sequence[Policy] = POLICIES,
    notify: Callable[[str], None] = lambda _: None,
) -> DriftReport:
    """Compare the database with the declared schema; change nothing.

    A database with pending revisions is compared with the schema of the revision that it is at.

    Args:
        database: The database and schema.
        ignore: Patterns of differences to leave out (:func:`ignored`).
        declare: The declared extensions of the schema's tables.
        shadow_url: The server to build the declared schema on, instead of the database's own.
        policies: The policies of the partitioned tables.
        notify: Called with messages, such as on which server the schema is built.

    Raises:
        UnsafeError: The database is at a revision that this program does not know.
        DatabaseUnavailableError: The schema can't be read, or no server can build the declared
            one.
    """
    readable, revision = _revision(database, notify)
    recorded = profile.known(database, notify)
    pending = tuple(revisions.ids()[revisions.position(revision) :]) if readable else ()
    if not database.schema_exists:
        return _nothing(pending)
    found, now = read(database)
    behind = revision if pending else None
    build = functools.partial(declared.read, database, behind, shadow_url=shadow_url)
    made = build(profile=recorded, notify=notify)
    if revision is None:
        if readable and made.catalog.relations().isdisjoint(found.relations()):
            return _nothing(pending, made.built_on)
        pending = ()  # the version table was dropped, or never existed
    extended = extensions.extend(made.catalog, found, declare, policies)
    expectation = partitions.expect(extended.expected, found, policies, now)
    differences = report(
        expectation,
        extended,
        drift_compare.compare(expectation.expected, expectation.found),
    )
    if readable and revision is None and _VERSION_TABLE in found.objects:
        head = revisions.head()
        differences.append(Difference(_VERSION_TABLE, Problem.CHANGED, "revision", head))
    kept = [one for one in differences if not ignored(one, ignore)]
    changing: list[Difference] = []
    for other in names.PROFILES:
        if other != recorded and any(map(profiles.concerned, kept)):
            whole = extensions.extend(build(profile=other).catalog, found, declare, policies)
            sides = partitions.expect(whole.expected, found, policies, now)
            changing += [
                one for one in kept if profiles.of_another(one, sides.expected, sides.found)
            ]
    left = [one for one in kept if one not in changing]
    return DriftReport(
        revision,
        pending,
        recorded,
        tuple(one for one in left if one.problem is not Problem.UNMANAGED),
        tuple(changing),
        tuple(one for one in left if one.problem is Problem.UNMANAGED),
        extended.there,
        len(differences) - len(kept),
        made.built_on,
        expectation.expected,
        expectation.found,
    )


def _nothing(pending: tuple[str, ...], built_on: str = "") -> DriftReport:
    """Return the report on a database that has none of the declared tables."""
    nothing = Catalog(0, "", {})
    return DriftReport(None, pending, names.FAITHFUL, (), (), (), (), 0, built_on, nothing, nothing)


def _revision(database: Database, notify: Callable[[str], None]) -> tuple[bool, str | None]:
    """Return whether the database's revision could be read, and what it is."""
    try:
        return True, current(database)
    except DatabaseUnavailableError as error:
        if error.details.get("sqlstate") != errors.InsufficientPrivilege.sqlstate:
            raise
        notify(f"{error.message}: the newest one is assumed. {error.hint}")
        return False, None


def read(database: Database) -> tuple[Catalog, datetime]:
    """Return the catalog of the database's schema, and the server's time."""
    with database.transaction(read_only=True) as conn:
        found = catalog.read(conn, database.schema)
        row = conn.execute("SELECT pg_catalog.now()").fetchone()
    if row is None:
        raise AssertionError  # a SELECT without FROM has a row
    return found, row[0]


def report(
    expectation: Expectation, extended: Extended, compared: Sequence[Difference]
) -> list[Difference]:
    """Return the differences of a database from the declared schema, sorted for a report.

    Args:
        expectation: The declared schema, with the partitions that the database should have.
        extended: The declared schema, with the declared extensions.
        compared: The differences of the database from what is expected.
    """
    differences = [*expectation.differences, *compared, *extended.gone]
    return sorted(partitions.fold(differences, expectation.found), key=drift_compare.order)


def ignored(difference: Difference, patterns: Sequence[str]) -> bool:
    """Whether a pattern matches a difference, so that it is left out.

    Patterns are those of :mod:`fnmatch`. A pattern names a relation (``backup_*``), an object on a
    relation or in the schema (``users.idx_users_*``), or an attribute (``users.email:comment``).
    """
    identity = difference.identity
    full = ".".join(part for part in (identity.relation, identity.name) if part)
    names = {identity.relation or identity.name, full, f"{full}:{difference.attribute}"}
    if identity.name == identity.relation:
        names.add(f"{identity.name}:{difference.attribute}")
    return any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in patterns)
