"""Examines a schema and its sessions, without changing anything.

Reads only catalogs and statistics, and where the role may, rows: those of a default partition, and
those that contradict each other. It hardly waits for locks, and needs no privileges on the tables.
Each topic is read in a READ ONLY transaction.
"""

import dataclasses
import shlex
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from lmsschema.database.connection import Database, require_usage
from lmsschema.database.queries import query
from lmsschema.ddl import remedies
from lmsschema.ddl.statement import ENDS_DETACH, locked, qualified
from lmsschema.doctor import indexes as doctor_indexes
from lmsschema.doctor import rows, sessions
from lmsschema.doctor.finding import Finding, Limits
from lmsschema.errors import DatabaseUnavailableError, LmsschemaError, LockTimeoutError, UnsafeError
from lmsschema.partition_manager import health as partition_health
from lmsschema.partition_manager import listing, state
from lmsschema.partition_manager.listing import Health
from lmsschema.partitions import POLICIES, Policy

#: Seconds to wait for the partitions if another session has locked them exclusively.
_PATIENCE = 0.1


@dataclasses.dataclass(frozen=True)
class Examination:
    """The result of :func:`examine`.

    Attributes:
        findings: The findings; those that require action come first.
        statistics_since: When the database's statistics were last reset; None if never.
        standby: Whether the server is a standby, so that the commands are for its primary.
    """

    findings: tuple[Finding, ...]
    statistics_since: datetime | None
    standby: bool

    @property
    def healthy(self) -> bool:
        """Whether no finding requires action."""
        return not any(finding.action_required for finding in self.findings)


def examine(
    database: Database, limits: Limits | None = None, *, policies: Sequence[Policy] = POLICIES
) -> Examination:
    """Examine the schema and the database's sessions.

    Args:
        database: The database and schema. The role needs no privilege on any table.
        limits: The thresholds of findings.
        policies: The policies of the partitioned tables.

    Raises:
        DatabaseUnavailableError: There is no such schema.
    """
    if not database.schema_exists:
        raise DatabaseUnavailableError(
            f"there is no schema {database.schema} in {database.target}",
            hint="Name another --schema, or create it: lmsschema upgrade",
        )
    limits = limits or Limits()
    with database.transaction(read_only=True) as conn:
        row = conn.execute(query("doctor/statistics")).fetchone()
    if row is None:
        raise AssertionError  # a database has a row of statistics
    kept_since, now, standby, sessions_hidden = row
    found = [*sessions.language(database), *_indexes(database, limits, kept_since, now)]
    found += _constraints(database)
    found += rows.contradicting(database, limits.question)
    for policy in policies:
        found += _partitions(database, policy)
    found += _detached(database, policies)
    found += sessions.run_lock(database, limits)
    found += sessions.transactions(database, limits)
    found += sessions.unfrozen(database, limits)
    if sessions_hidden:
        found.append(sessions.hidden(database))
    found.sort(key=lambda finding: not finding.action_required)
    return Examination(tuple(found), kept_since, standby)


def _indexes(
    database: Database, limits: Limits, kept_since: datetime | None, now: datetime
) -> Iterator[Finding]:
    """Yield the findings about indexes."""
    from lmsschema.tables import TABLES

    known = [  # whichever the profile, which somebody may have locked: check tells what is too many
        (table.name, [column.name for column in index.columns], str(index.name))
        for table in TABLES
        for index in table.indexes
    ]
    indexes = doctor_indexes.read(database)
    there = {index.index_name for index in indexes}
    declared = {name: table for table, _, name in known} | {
        index.index_name: table  # under another name
        for index in indexes
        for table, columns, name in known
        if name not in there and (index.table_name, index.key_columns) == (table, columns)
    }
    yield from doctor_indexes.broken(indexes, database.schema)
    yield from doctor_indexes.foreign_keys(database, known, limits)
    yield from doctor_indexes.redundant(indexes, declared, database.schema)
    if kept_since is not None and now - kept_since < limits.kept:
        yield Finding(
            "statistics-young",
            "statistics",
            f"were reset at {kept_since:%Y-%m-%d %H:%M} UTC: too recently to tell which indexes "
            "are unused",
            action_required=False,
        )
    else:
        yield from doctor_indexes.unused(indexes, declared, database.schema, limits, kept_since)


def _constraints(database: Database) -> Iterator[Finding]:
    """Yield the constraints that are not validated, or not enforced."""
    with database.transaction(read_only=True) as conn:
        found = conn.execute(query("doctor/constraints"), {"schema": database.schema}).fetchall()
    for owner, of_domain, name, definition, enforced in found:
        statements = remedies.validate(database.schema, owner, name, of_domain=of_domain)
        yield Finding(
            "constraint-not-validated" if enforced else "constraint-not-enforced",
            name,
            f"of {owner} was never validated: older rows may violate it ({definition})"
            if enforced
            else f"of {owner} is declared NOT ENFORCED ({definition})",
            action_required=enforced,
            details={"table": owner},
            statements=tuple(statements) if enforced else (),
        )


def _partitions(database: Database, policy: Policy) -> Iterator[Finding]:
    """Yield the partition manager's findings about a table."""
    with database.transaction(read_only=True) as conn:
        if not state.exists(conn, database.schema, policy.table):
            return
    try:
        health, not_counted = _health(database, policy)
    except UnsafeError as error:
        yield Finding("not-partitioned", policy.table, error.message, ("lmsschema check",))
        return
    except LockTimeoutError:
        message = "has partitions that another session has locked exclusively: not examined"
        yield Finding("partitions-not-read", policy.table, message, action_required=False)
        return
    if not_counted is not None:
        yield Finding(
            "default-not-read",
            str(health.default),
            f"may hold rows that were not counted: {not_counted.message}",
            (not_counted.hint,) if isinstance(not_counted, DatabaseUnavailableError) else (),
            action_required=False,
        )
    warn, _ = partition_health.limits(policy)  # where `partitions check` warns
    for one in partition_health.findings(health, warn=warn, critical=warn):
        yield Finding(
            "partitions",
            policy.table,
            one.message,
            (
                f"{one.remedy} --schema {shlex.quote(database.schema)}"
                if one.remedy.startswith("lmsschema ")
                else one.remedy,
            ),
            details={"severity": one.severity},
        )


def _health(database: Database, policy: Policy) -> tuple[Health, LmsschemaError | None]:
    """Return a table's health; and the error if the rows of its default could not be counted."""
    try:
        require_usage(database)
        return listing.health(database, policy, lock_timeout=_PATIENCE), None
    except UnsafeError:
        raise
    except LmsschemaError as error:  # a missing privilege, or a lock
        why = error
    health = listing.health(database, policy, count_default=False, lock_timeout=_PATIENCE)
    return health, why if health.default is not None else None


def _detached(database: Database, policies: Iterable[Policy]) -> Iterator[Finding]:
    """Yield the detach pending partitions of tables that the partition manager does not manage."""
    managed = {policy.table for policy in policies}
    with database.transaction(read_only=True) as conn:
        found = conn.execute(query("doctor/detached"), {"schema": database.schema}).fetchall()
    for table, partition in found:
        if table not in managed:
            yield Finding(
                "detach-pending",
                partition,
                f"is detach pending from {table}: queries of {table} do not read its rows",
                statements=(
                    locked(
                        ENDS_DETACH,
                        "ALTER TABLE {} DETACH PARTITION {} FINALIZE",
                        qualified(database.schema, table),
                        qualified(database.schema, partition),
                    ),
                ),
            )
