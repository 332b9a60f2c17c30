"""Removes what an interrupted move of the default's rows has left."""

from psycopg import sql

from lmsschema.database.queries import query
from lmsschema.locks import ladder
from lmsschema.locks.context import Context, Progress
from lmsschema.locks.ladder import Lock, Work
from lmsschema.partition_manager import capture, foreign_keys, state
from lmsschema.partitions import Policy


def remove(context: Context, policy: Policy) -> None:
    """Remove the tables of a copy, the log of changes and its triggers; under the claim.

    Locks, each in a transaction of its own: ACCESS EXCLUSIVE on the table whose changes are noted;
    those of :func:`lmsschema.partition_manager.foreign_keys.drop`.

    Raises:
        LockTimeoutError: A lock was not obtained in time; the next run goes on.
    """
    database = context.database
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
        work = Work(
            [Lock(database.schema, name, "ACCESS EXCLUSIVE") for name in noted],
            finish=lambda conn: capture.stop(conn, database.schema, policy.log_name),
        )
        what = f"end the notes of changes of {policy.table}'s default"
        ladder.step(context, lambda _: work, what=what)
    # as long as this one is there, the rest is looked for
    copies.sort(key=lambda name: name == policy.copy_name)
    for name in copies:
        foreign_keys.drop(context, policy, name)
        with database.transaction() as conn:
            conn.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))


def clear(context: Context, policy: Policy) -> None:
    """Remove what is left, under a claim of its own.

    Raises:
        BusyError: Another run is at work; it may be the move itself.
        LockTimeoutError: A lock was not obtained in time; the next run goes on.
    """
    with state.claimed(context.database, policy):
        remove(context, policy)
    context.tell(Progress(f"removed what an interrupted move of rows of {policy.table} left"))
