"""The steps that give a database an index profile: each done or not by what the catalogs say.

What the profile has is built first, then it is recorded, then what it does not have is dropped: no
query is ever without its index, and an interrupted change goes on from any instant.
"""

import dataclasses
from collections.abc import Sequence

import psycopg
from psycopg import sql

from lmsschema import names
from lmsschema.database import profile as recorded
from lmsschema.database.queries import query
from lmsschema.ddl import once, steps
from lmsschema.ddl.drop_index import DropIndex
from lmsschema.ddl.drop_partitioned_index import DropPartitionedIndex
from lmsschema.ddl.of_profile import OfProfile
from lmsschema.ddl.partitioned_index import PartitionedIndex
from lmsschema.ddl.steps import Step
from lmsschema.ddl.storage_parameters import StorageParameters
from lmsschema.locks.context import Context
from lmsschema.migration import declared_index, revisions, runner
from lmsschema.tables import TABLES, profiles


@dataclasses.dataclass(frozen=True)
class RecordProfile(once.Once):
    """The record of the profile that a database has from now on.

    Locks: ROW EXCLUSIVE on the settings, for a moment.
    """

    profile: str
    table: str = names.SETTINGS

    def __str__(self) -> str:
        return f"record of index profile {self.profile}"

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether it is recorded."""
        return recorded.of(conn).profile == self.profile

    def apply(self, context: Context) -> None:
        """Record it unless it is done."""
        once.without_lock(context.database, self)

    def statement(self) -> sql.Composed:
        """Return the statement."""
        return sql.SQL(
            "INSERT INTO lmsschema_settings (profile) VALUES ({})\n"
            "ON CONFLICT (one_row) DO UPDATE\n"
            "SET profile = excluded.profile, changed_at = excluded.changed_at"
        ).format(self.profile)


def make(profile: str) -> list[Step]:
    """Return the steps that give a database at head a profile, in their order."""
    builds: list[Step] = []
    drops: list[Step] = []
    fills: list[Step] = []
    for table in TABLES:
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            if all(profiles.has(index, one) for one in names.PROFILES):
                continue
            step = declared_index.step(index)
            if profiles.has(index, profile):
                builds.append(step)
            else:
                partitioned = isinstance(step, PartitionedIndex)
                drop = DropPartitionedIndex if partitioned else DropIndex
                drops.append(drop(step.table, step.name, step))
        if any(profiles.fillfactor(table, one) for one in names.PROFILES):
            full = profiles.fillfactor(table, profile)
            fills.append(StorageParameters(table.name, {"fillfactor": full}))
    return [*builds, RecordProfile(profile), *drops, *fills]


def apply_in_transaction(
    conn: psycopg.Connection, profile: str, revision: str = revisions.HEAD
) -> None:
    """Give a schema without rows, at any revision, a profile in the open transaction.

    What revisions after that one do for the profile is left out.
    """
    later = revisions.ids()[revisions.find(revision, None) :]
    if profile == names.FAITHFUL or recorded.SINCE in later:
        return
    of_later = {
        getattr(step.step, "name", "")
        for made in runner.steps(later).values()
        for step in made or ()
        if isinstance(step, OfProfile) and step.profile == profile
    }
    tables = {table for table, *_ in conn.execute(query("migration/site_columns"))}
    made = [
        step
        for step in make(profile)
        if getattr(step, "name", None) not in of_later
        and getattr(step, "table", None) in tables
        and not step.done(conn)
    ]
    for statement in steps.in_a_transaction(made):
        conn.execute(statement.encode())


def missing(conn: psycopg.Connection, profile: str) -> Sequence[Step]:
    """Return the steps that are not done."""
    return [step for step in make(profile) if not step.done(conn)]
