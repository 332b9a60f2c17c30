"""What each index is used for and costs, and what the index profiles would change; read only."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime

from lmsschema import names
from lmsschema.database import profile
from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.doctor import indexes as doctor_indexes
from lmsschema.doctor.indexes import IndexState

_BYTES_A_PAGE = 8192

#: The methods whose indexes keep no entry for each row: updates are HOT in spite of them (from 16).
_SUMMARIZING = ("brin",)


@dataclasses.dataclass(frozen=True)
class IndexAdvice:
    """An index, declared or not.

    Attributes:
        table: Its table; figures of a partitioned one are sums over its partitions.
        name: Its name.
        profiles: The profiles that have it; none if it is not declared.
        state: ``there``, ``invalid`` or ``missing``.
        scans: How often it was used since the statistics were reset.
        bytes: Its size when it was last vacuumed or analyzed.
        hot: The columns of it that are updated all the time: they make an update non-HOT.
    """

    table: str
    name: str
    profiles: tuple[str, ...]
    state: str
    scans: int = 0
    bytes: int = 0
    hot: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class TableUpdates:
    """How many of a table's updates were HOT: without a new entry in any index."""

    table: str
    updates: int
    hot: int


@dataclasses.dataclass(frozen=True)
class Advice:
    """The indexes of a database.

    Attributes:
        profile: The index profile that is recorded.
        changed_at: Since when.
        kept_since: Since when the statistics count; None: since the database was created.
        standby: Whether the server is a standby, which counts its own scans.
        indexes: The indexes of the declared tables, without those of constraints.
        updates: The tables that were updated.
    """

    profile: str
    changed_at: datetime | None
    kept_since: datetime | None
    standby: bool
    indexes: tuple[IndexAdvice, ...]
    updates: tuple[TableUpdates, ...]

    @property
    def complete(self) -> bool:
        """Whether the database has the indexes of its profile, valid, and of no other one."""
        return all(
            (one.state == "there") == (self.profile in one.profiles)
            for one in self.indexes
            if one.profiles
        ) and all(one.state != "invalid" for one in self.indexes if one.profiles)

    def changes(self, other: str) -> Iterator[tuple[str, IndexAdvice]]:
        """Yield what another profile would ``build`` or ``drop``."""
        for one in self.indexes:
            if one.profiles and one.state != "there" and other in one.profiles:
                yield "build", one
            elif one.profiles and one.state != "missing" and other not in one.profiles:
                yield "drop", one


def read(database: Database) -> Advice:
    """Return the indexes of the declared tables, with what they are used for and cost.

    Raises:
        DatabaseUnavailableError: The profile may not be read; the hint is the GRANT.
    """
    recorded = profile.read(database)
    with database.transaction(read_only=True) as conn:
        row = conn.execute(query("doctor/statistics")).fetchone()
        updates = [
            TableUpdates(*one)
            for one in conn.execute(query("doctor/updates"), {"schema": database.schema})
        ]
    if row is None:
        raise AssertionError  # a database has a row of statistics
    kept_since, _, standby, _ = row
    from lmsschema.tables import TABLES

    declared = {table.name for table in TABLES}
    found = {one.index_name: one for one in doctor_indexes.read(database) if not one.of_partition}
    return Advice(
        recorded.profile,
        recorded.changed_at,
        kept_since,
        standby,
        tuple(sorted(_indexes(found), key=lambda one: (one.table, one.name))),
        tuple(one for one in updates if one.updates and one.table in declared),
    )


def _indexes(found: dict[str, IndexState]) -> Iterator[IndexAdvice]:
    """Yield the declared indexes, and others of the declared tables."""
    from lmsschema.tables import TABLES, profiles

    declared = {
        str(index.name): (table.name, profiles.having(index))
        for table in TABLES
        for index in table.indexes
    }
    for name, (table, having) in declared.items():
        if name not in found:
            yield IndexAdvice(table, name, having, "missing")
    tables = {table.name for table in TABLES}
    for name, one in found.items():
        if one.table_name not in tables or (one.needed and name not in declared):
            continue
        _, having = declared.get(name, ("", ()))
        hot = profiles.HOT.get(one.table_name, ())
        columns = [] if one.method in _SUMMARIZING else [*one.key_columns, *one.included]
        yield IndexAdvice(
            one.table_name,
            name,
            having,
            "there" if one.valid else "invalid",
            one.scans,
            one.pages * _BYTES_A_PAGE,
            tuple(column for column in columns if column in hot),
        )


def others(profile_name: str) -> tuple[str, ...]:
    """Return the profiles but one."""
    return tuple(one for one in names.PROFILES if one != profile_name)
