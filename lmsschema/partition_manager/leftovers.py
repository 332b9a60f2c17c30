"""What a move of the default's rows leaves if it is cut short: removed as if it had not begun."""

from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.locks import ladder
from lmsschema.locks.ladder import Lock, Patience, Progress
from lmsschema.partition_manager import capture, foreign_keys, state
from lmsschema.partitions import Policy


def remove(database: Database, policy: Policy, patience: Patience, progress: Progress) -> None:
    """Remove the tables of a copy, the log of changes and its triggers; under the claim.

    Locks, each in a transaction of its own: ACCESS EXCLUSIVE on the table whose changes are noted;
    those of :func:`lmsschema.partition_manager.foreign_keys.drop`.

    Raises:
        LockTimeoutError: A lock was not got in time; the next run goes on.
    """
    found = database.conn.execute(
        query("partition_manager/leftovers"),
        {
            "schema": database.schema,
            "mark": state.unfinished_mark(policy),
            "log": policy.log_name,
        },
    ).fetchall()
    noted = [name for kind, name in found if kind == "noted"]
    copies = [name for kind, name in found if kind == "copy" and name != policy.log_name]
    if noted or ("copy", policy.log_name) in found:
        ladder.step(
            database,
            lambda conn: capture.stop(conn, database.schema, policy.log_name),
            what=f"end the notes of changes of {policy.table}'s default",
            locks=lambda: [Lock(database.schema, name, "ACCESS EXCLUSIVE") for name in noted],
            patience=patience,
            progress=progress,
        )
    # as long as this one is there, the rest is looked for
    copies.sort(key=lambda name: name == policy.copy_name)
    for name in copies:
        foreign_keys.drop(database, policy, name, patience, progress)
        with database.transaction() as conn:
            conn.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))


def clear(database: Database, policy: Policy, patience: Patience, progress: Progress) -> None:
    """Remove what is left, under a claim of its own.

    Raises:
        BusyError: Another run is at work; it may be the move itself.
        LockTimeoutError: A lock was not got in time; the next run goes on.
    """
    with state.claimed(database, policy):
        remove(database, policy, patience, progress)
    progress(f"removed what a move of rows of {policy.table} left that was cut short")
