"""Gives older partitions what their table has and they lack: owner, grants, policies and so on."""

from collections.abc import Sequence

from lmsschema.database.connection import Database
from lmsschema.database.sqlstate import translated
from lmsschema.locks import ladder
from lmsschema.locks.context import Context, Progress
from lmsschema.locks.ladder import Lock, Work
from lmsschema.partition_manager import inheritance
from lmsschema.partition_manager.inheritance import BY_HAND, Unlikeness
from lmsschema.partitions import Policy


def plan(database: Database, policy: Policy) -> list[str]:
    """Return the statements that :func:`repair` would run; changes nothing."""
    with translated(database.target), database.transaction(read_only=True):
        found = inheritance.differences(database, policy)
    return [one.statement for one in found if one.kind not in BY_HAND]


def repair(
    context: Context,
    policy: Policy,
) -> list[str]:
    """Repair every partition of a table, each in a transaction of its own.

    Locks: ACCESS EXCLUSIVE on the partition, for as long as its catalog entries are changed; no
    other table is locked.

    Returns:
        The statements that were run.
    """
    database = context.database
    run: list[str] = []
    with translated(database.target):
        with database.transaction(read_only=True):
            found = inheritance.differences(database, policy)
        for name in dict.fromkeys(one.partition for one in found):
            mine = [one for one in found if one.partition == name]
            for one in mine:
                if one.kind in BY_HAND:
                    context.tell(
                        Progress(
                            f"{name} lies in another {one.kind} than its table. It stays: moving "
                            "it copies its rows while nobody can read them. By hand: "
                            f"{one.statement}"
                        )
                    )
            statements = [one for one in mine if one.kind not in BY_HAND]
            if statements:
                _mend(context, name, statements)
                run += [one.statement for one in statements]
                kinds = ", ".join(sorted({one.kind for one in statements}))
                context.tell(Progress(f"repaired {name}: {kinds}"))
    return run


def _mend(context: Context, name: str, found: Sequence[Unlikeness]) -> None:
    work = Work(
        [Lock(context.database.schema, name, "ACCESS EXCLUSIVE")],
        finish=lambda conn: inheritance.mend(conn, found),
    )
    ladder.step(context, lambda _: work, what=f"mend {name}")
