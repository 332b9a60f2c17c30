"""Exchange the default partition for a copy of its rows, divided into partitions.

Locks, until the transaction ends, in this order: ACCESS EXCLUSIVE on each table that a foreign key
of the partitioned table refers to, on the partitioned table, on the default. Under them the last
changes are brought over and the rows are counted on both sides (about 0.2 s for a million rows);
the copy's bounds and foreign keys are proved beforehand. No row is hidden at any moment.
"""

from collections.abc import Sequence

import psycopg
from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.errors import LmsschemaError
from lmsschema.partition_manager import capture, inheritance, publications
from lmsschema.partition_manager import statements as partition_statements
from lmsschema.partition_manager.capture import Capture
from lmsschema.partition_manager.rename import rename
from lmsschema.partitions import Create, Policy

CHECK = "lmsschema_bounds"

_OLD = "_healed"


def exchange(
    database: Database,
    policy: Policy,
    homes: Sequence[Create],
    *,
    fresh: str,
    log: Capture,
    targets: Sequence[tuple[str, sql.Composable]],
) -> None:
    """Exchange the default for ``homes`` and ``fresh``, under the locks of ``promote.needed``.

    Raises:
        LmsschemaError: The copy has not as many rows as the default; nothing is changed.
    """
    conn = database.conn
    default, old = log.table, f"{policy.default_name}{_OLD}"
    if capture.apply(conn, log, targets) is None:
        raise LmsschemaError(
            f"{default} was truncated while its rows were copied", hint="Run the command again."
        )
    names = [name for name, _ in targets]
    had, copied = _count(conn, [default]), _count(conn, names)
    if had != copied:
        raise LmsschemaError(
            f"{default} has {had} rows, but its copy {copied}: it was not exchanged",
            hint="Nothing was changed. Run the command again.",
        )
    listed = publications.leave(database, default)
    conn.execute(
        sql.SQL("ALTER TABLE {} DETACH PARTITION {}").format(
            sql.Identifier(policy.table), sql.Identifier(default)
        )
    )
    capture.stop(conn, log.schema, log.name)
    rename(database, default, old)
    rename(database, fresh, default)
    inheritance.carry(database, old, default)
    partitions = [*(home.name for home in homes), default]
    statements = [
        *(partition_statements.attach(policy, home) for home in homes),
        partition_statements.attach(policy, Create(default, None)),
        *(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                sql.Identifier(home.name), sql.Identifier(CHECK)
            )
            for home in homes
        ),
        *(
            sql.SQL("COMMENT ON TABLE {} IS NULL").format(sql.Identifier(name))
            for name in partitions
        ),
        sql.SQL("DROP TABLE {}").format(sql.Identifier(old)),
    ]
    conn.execute(sql.SQL("; ").join(statements))
    # the table's comment, and its replica identity if that is an index, come with being attached
    found = inheritance.differences(database, policy, partitions)
    inheritance.mend(conn, found)
    publications.join(database, default, listed)


def _count(conn: psycopg.Connection, tables: Sequence[str]) -> int:
    parts = [
        sql.SQL("(SELECT count(*) FROM ONLY {})").format(sql.Identifier(name)) for name in tables
    ]
    row = conn.execute(sql.SQL("SELECT ") + sql.SQL(" + ").join(parts)).fetchone()
    return int(row[0]) if row else 0
