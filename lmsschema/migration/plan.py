"""What an upgrade would run on a database as it is now, and what that locks."""

import dataclasses
import re
import textwrap
from collections.abc import Iterator
from typing import Any

from psycopg import errors

from lmsschema import partitions
from lmsschema.database import extensions
from lmsschema.database.connection import Database, create_schema, now
from lmsschema.database.quoting import identifier
from lmsschema.errors import DatabaseUnavailableError, UnsafeError
from lmsschema.locks.context import DEFAULT_PATIENCE, Progress, Tell
from lmsschema.migration import (
    fingerprint,
    hazards,
    line,
    position,
    preflight,
    revisions,
    runner,
)
from lmsschema.migration.hazards import BLOCKS, Activity, Assessment, mode_name
from lmsschema.migration.retry import DEFAULT_RETRY, patiently
from lmsschema.partition_manager import state as partition_state
from lmsschema.partition_manager import statements
from lmsschema.partitions import POLICIES, Policy

#: How the script for psql begins. An error ends it; what it did until then stays, and the version
#: is moved by the last transaction of a revision.
_BEGIN = f"""\
-- If it stops at an error: {{}} does what is left.
\\set ON_ERROR_STOP on

SET lock_timeout = '{DEFAULT_RETRY.lock_timeout:g}s';
"""

#: Characters of a statement that a remark on its locks shows.
_LONGEST = 60

#: What no one queues behind, and what fails for good if it does not wait for older transactions.
_PATIENT = re.compile(r"^(CREATE|DROP|REINDEX)\b[^;]*\bCONCURRENTLY\b[^;]*;$", re.MULTILINE)
_QUIETLY = (
    f"SET lock_timeout = '{DEFAULT_PATIENCE.quiet:g}s';\n\n\\g<0>\n\n"
    f"SET lock_timeout = '{DEFAULT_RETRY.lock_timeout:g}s';"
)


@dataclasses.dataclass(frozen=True)
class Section:
    """The SQL of one step, as psql would run it: a revision, or a table's partitions."""

    name: str
    sql: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """The steps that take a database from ``before`` to ``after``; no steps: nothing to do.

    Attributes:
        before: The revision that the database is at.
        after: The revision that it will be at.
        steps: The SQL, in order.
        assessment: What the revisions do to tables that the database has.
        fingerprint: What the database was when the plan was made.
        refused: Why ``upgrade`` will refuse, but for hazards; None if it will not.
        goes_on: The command that does what an interrupted run of the SQL has left.
    """

    before: str | None
    after: str | None
    steps: tuple[Section, ...]
    assessment: Assessment
    fingerprint: dict[str, str]
    refused: UnsafeError | None = None
    goes_on: str = "lmsschema upgrade"


def make(
    database: Database,
    name: str = revisions.HEAD,
    *,
    shadow_url: str | None = None,
    notify: Tell = lambda _: None,
) -> Plan:
    """Plan an upgrade to the revision ``name``, reading the database without changing it.

    Args:
        database: The database to upgrade; it is asked in read-only transactions alone.
        name: The revision to stop at.
        shadow_url: The server to measure locks on; None for the embedded one.
        notify: Told what is being measured.

    Raises:
        UsageError: No such revision, or the database is beyond it.
        UnsafeError: Tables or types of these names exist that lmsschema did not make, or the
            database is at an unknown revision.
    """
    before = position.current(database)
    database = extensions.searched(database)
    pending = position.pending(before, name)
    line.require(pending)
    refused = _refused(database, before, pending, notify)
    steps = [Section(revision, text) for revision, text in scripts(before, pending)]
    made = "\n".join(step.sql for step in steps)
    steps += [step for policy in POLICIES for step in _partitions(database, policy, made)]
    after = pending[-1] if pending else before
    measured = [] if refused else pending  # what is refused can't be run on a copy either
    assessment = hazards.assess(database, before, measured, shadow_url=shadow_url, notify=notify)
    return Plan(
        before,
        after,
        tuple(preamble(database, steps) + steps),
        assessment,
        fingerprint.take(database, before, pending),
        refused,
    )


def _refused(
    database: Database, before: str | None, pending: list[str], notify: Tell
) -> UnsafeError | None:
    """Return why ``upgrade`` will refuse, if it will.

    Raises:
        UnsafeError: There is no version table, and the schema holds what the revisions make.
    """
    try:
        patiently(
            database,
            "looking at what is there",
            lambda: preflight.look(database, before, pending),
            notify=notify,
        )
    except UnsafeError as error:
        if before is None:
            raise
        return error
    except DatabaseUnavailableError as error:
        if error.details.get("sqlstate") != errors.InsufficientPrivilege.sqlstate:
            raise
        what = f"rows were not held against the rules of pending revisions: {error.message}"
        notify(Progress(what))
    return None


def scripts(before: str | None, pending: list[str]) -> list[tuple[str, str]]:
    """Return each pending revision with its SQL."""
    if not pending:
        return []
    starts = [before or revisions.BASE, *pending]
    return [
        (revision, runner.offline(start, revision))
        for start, revision in zip(starts, pending, strict=False)
    ]


def render(plan: Plan) -> str:
    """Return the plan as a script for psql, with what it locks in comments.

    It ends at the first error, before the version is moved, and waits for no lock for long.
    """
    if not plan.steps:
        return ""
    blocks = [_BEGIN.format(plan.goes_on)]
    for step in plan.steps:
        remarks = [f"-- {line}\n" for line in _remarks(plan.assessment, step.name)]
        blocks.append("".join(remarks) + _PATIENT.sub(_QUIETLY, step.sql))
    return "\n".join([*blocks, "RESET lock_timeout;\n"])


def as_data(plan: Plan) -> dict[str, Any]:
    """Return the plan as data for ``--json``, as ``upgrade --plan`` reads it."""
    assessment = plan.assessment
    return {
        "from": plan.before,
        "to": plan.after,
        "fingerprint": plan.fingerprint,
        "refused": None
        if plan.refused is None
        else {"message": plan.refused.message, "hint": plan.refused.hint, **plan.refused.details},
        "measured_on": assessment.measured_on,
        "steps": [
            {
                "name": step.name,
                "sql": step.sql,
                "statements": [
                    {
                        "sql": statement.sql,
                        "locks": [
                            _lock(table, mode, assessment.tables.get(table))
                            for table, mode in sorted(statement.locks)
                        ],
                    }
                    for statement in assessment.statements.get(step.name, [])
                ],
                "hazards": [
                    dataclasses.asdict(hazard) for hazard in assessment.hazards.get(step.name, [])
                ],
            }
            for step in plan.steps
        ],
    }


def _lock(table: str, mode: str, activity: Activity | None) -> dict[str, Any]:
    """Return a lock as data."""
    live = dataclasses.asdict(activity) if activity else {}
    return {
        "table": table,
        "mode": mode_name(mode),
        "blocks": BLOCKS.get(mode, "nothing"),
        **live,
    }


def _remarks(assessment: Assessment, name: str) -> Iterator[str]:
    """Yield, for people, what a revision locks of the tables that have rows, and its hazards."""
    for hazard in assessment.hazards.get(name, []):
        yield f"HAZARD {hazard.kind}: {hazard}"
    filled = {table for table, live in assessment.tables.items() if live.heap_bytes > 0}
    locks = dict.fromkeys(
        (table, mode, _beginning(statement.sql))
        for statement in assessment.statements.get(name, [])
        for table, mode in sorted(statement.locks)
        if mode in BLOCKS and table in filled
    )
    if not locks:
        return
    yield f"{name} makes others wait, measured on {assessment.measured_on}:"
    for table, mode, text in locks:
        live = assessment.tables[table]
        size = (
            f"{live.rows:,} rows, {_size(live.total_bytes)}, {live.writes_per_second:.1f} writes/s"
        )
        yield f"  {table} ({size}): {mode_name(mode)} blocks {BLOCKS[mode]}: {text}"
    yield "until its transaction commits; it waits for a lock no longer than --lock-timeout,"
    yield "is rolled back if it does not get one, and tried again."


def _beginning(statement: str) -> str:
    """Return what a statement begins with, cut between words."""
    text = re.split(r"\s*[(;]", " ".join(statement.split()))[0]
    return textwrap.shorten(text, _LONGEST, placeholder=" ...")


def _size(count: int) -> str:
    """Return a number of bytes as people write it."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1024:  # noqa: PLR2004  what the units are made of
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"


def preamble(database: Database, steps: list[Section]) -> list[Section]:
    """Return the step that makes the schema, and puts psql into it, where it is not psql's own."""
    if not steps or (database.target.schema is None and database.schema_is_default):
        return []
    path = database.path or identifier(database.schema).as_string()
    use = f"SET search_path TO {path};\n"
    if database.schema_exists:
        return [Section("schema", use)]
    return [Section("schema", f"{create_schema(database.schema).as_string()};\n{use}")]


def _partitions(database: Database, policy: Policy, made: str) -> list[Section]:
    """Return the step that makes the table's partitions, if it is there or will be."""
    with database.transaction(read_only=True) as conn:
        if partition_state.exists(conn, database.schema, policy.table):
            state = partition_state.read(database, policy)
        elif re.search(rf"^CREATE TABLE {policy.table}\b", made, re.MULTILINE):
            state = partition_state.State(now(conn), (), _declared_comment(policy))
        else:
            return []
    actions = partitions.plan(policy, state.partitions, state.now)
    text = statements.script(policy, actions, state.comment)
    return [Section(f"partitions of {policy.table}", text)] if text else []


def _declared_comment(policy: Policy) -> str | None:
    """Return the comment that the definition of a table gives it."""
    from lmsschema.tables import metadata

    return metadata.tables[policy.table].comment
