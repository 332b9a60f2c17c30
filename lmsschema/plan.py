"""What an upgrade would run on a database as it is now."""

import dataclasses
import re

from lmsschema import (
    db,
    migrate,
    partition_script,
    partition_state,
    partitions,
    preflight,
    revisions,
)
from lmsschema.db import Database
from lmsschema.partitions import POLICIES, Policy


@dataclasses.dataclass(frozen=True)
class Step:
    """The SQL of one step, as psql would run it: a revision, or a table's partitions."""

    name: str
    sql: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """The steps that take a database from ``before`` to ``after``; no steps: nothing to do."""

    before: str | None
    after: str | None
    steps: tuple[Step, ...]


def make(database: Database, name: str = revisions.HEAD) -> Plan:
    """Plan an upgrade to the revision ``name``, reading the database without changing it.

    Raises:
        UsageError: No such revision, or the database is beyond it.
        UnsafeError: Tables or types of these names exist that lmsschema did not make, or the
            database is at an unknown revision.
    """
    before = migrate.current(database)
    pending = migrate.pending(before, name)
    if before is None:
        preflight.refuse_taken_names(database)
    steps = [Step(revision, text) for revision, text in _revisions(before, pending)]
    made = "\n".join(step.sql for step in steps)
    steps += [step for policy in POLICIES for step in _partitions(database, policy, made)]
    after = pending[-1] if pending else before
    return Plan(before, after, tuple(_preamble(database, steps) + steps))


def _preamble(database: Database, steps: list[Step]) -> list[Step]:
    """Return the step that makes the schema, and puts psql into it, where it is not psql's own."""
    if not steps or (database.target.schema is None and database.schema_exists):
        return []
    use = f"SET search_path TO {partition_script.identifier(database.schema).as_string()};\n"
    if database.schema_exists:
        return [Step("schema", use)]
    return [Step("schema", f"{db.create_schema(database.schema).as_string()};\n{use}")]


def _revisions(before: str | None, pending: list[str]) -> list[tuple[str, str]]:
    """Return each pending revision with its SQL."""
    if not pending:
        return []
    from lmsschema import runner

    starts = [before or revisions.BASE, *pending]
    return [
        (revision, runner.offline(start, revision))
        for start, revision in zip(starts, pending, strict=False)
    ]


def _partitions(database: Database, policy: Policy, made: str) -> list[Step]:
    """Return the step that makes the table's partitions, if it is there or will be."""
    with database.transaction(read_only=True) as conn:
        if partition_state.exists(conn, database.schema, policy.table):
            state = partition_state.read(database, policy)
        elif re.search(rf"^CREATE TABLE {policy.table}\b", made, re.MULTILINE):
            state = partition_state.State(db.now(conn), ())
        else:
            return []
    text = partition_script.script(policy, partitions.plan(policy, state.partitions, state.now))
    return [Step(f"partitions of {policy.table}", text)] if text else []
