"""What a change of the index profile would run on a database as it is now, and what that locks."""

from collections.abc import Iterator

import psycopg

from lmsschema.database import extensions
from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.ddl import drop_index, remedies
from lmsschema.ddl.drop_index import DropIndex
from lmsschema.ddl.drop_partitioned_index import DropPartitionedIndex
from lmsschema.ddl.index import Index
from lmsschema.ddl.partitioned_index import PartitionedIndex
from lmsschema.ddl.steps import Step
from lmsschema.errors import UnsafeError
from lmsschema.locks.context import Tell
from lmsschema.migration import fingerprint, hazards, profile_change, profile_steps, revisions
from lmsschema.migration.plan import Plan, Section, preamble
from lmsschema.migration.retry import DEFAULT_RETRY


def make(
    database: Database,
    profile: str,
    *,
    shadow_url: str | None = None,
    notify: Tell = lambda _: None,
) -> Plan:
    """Plan a change of the index profile, reading the database without changing it.

    Args:
        database: A database at head; it is asked in read-only transactions alone.
        profile: The profile.
        shadow_url: The server to measure locks on; None for the embedded one.
        notify: Told what is being measured.

    Raises:
        UnsafeError: The database is not at head.
    """
    head = revisions.head()
    profile_change.require_head(database, profile)
    taken = fingerprint.take(database, head, [])
    nothing = hazards.Assessment({}, {}, {}, "")
    goes_on = f"lmsschema indexes set {profile}"
    try:
        found = profile_change.look(database, profile, DEFAULT_RETRY, notify)
    except UnsafeError as error:
        return Plan(head, head, (), nothing, taken, error, goes_on)
    if not found.steps:
        return Plan(head, head, (), nothing, taken, goes_on=goes_on)
    name = f"index profile {profile}"
    with extensions.searched(database).transaction(read_only=True) as conn:
        text = "\n\n".join(
            f"{statement};"
            for step in profile_steps.missing(conn, profile)
            for statement in _statements(conn, database.schema, step)
        )
    sections = [Section(name, f"{text}\n")]
    assessment = hazards.assess(
        database, head, [name], profile=profile, shadow_url=shadow_url, notify=notify
    )
    whole = tuple(preamble(database, sections) + sections)
    return Plan(head, head, whole, assessment, taken, goes_on=goes_on)


def _statements(conn: psycopg.Connection, schema: str, step: Step) -> Iterator[str]:
    """Yield the statements of a step on the tables and partitions that there are."""
    if isinstance(step, PartitionedIndex):
        found = step.index.valid(conn)
        values = {"index": step.name, "table": step.table}
        rows = conn.execute(query("ddl/partition_indexes"), values).fetchall()
        lacking = [partition for partition, _, part, _ in rows if part is None]
        invalid = [part for _, _, part, valid in rows if part is not None and not valid]
        made = (
            remedies.build_partitioned(schema, step.table, step.name, step.body, lacking)
            if found is None
            else remedies.complete(schema, step.name, step.body, lacking=lacking, invalid=invalid)
        )
    elif isinstance(step, Index):
        made = remedies.build(schema, step.table, step.name, step.body)
        if step.valid(conn) is False:
            made = [*remedies.drop(schema, step.name, partitioned=False), *made]
    elif isinstance(step, DropPartitionedIndex):
        left = [one.name for one in step.left(conn)]
        made = [one for name in left for one in remedies.drop(schema, name, partitioned=False)]
        if drop_index.read(conn, step.name) is not None:
            made += remedies.drop(schema, step.name, partitioned=True)
    elif isinstance(step, DropIndex):
        made = remedies.drop(schema, step.name, partitioned=False)
    else:
        yield from step.statements()
        return
    yield from (one.sql for one in made)
