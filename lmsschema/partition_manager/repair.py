"""Gives older partitions what their table has and they lack: owner, grants, policies and so on."""

from collections.abc import Sequence

import psycopg

from lmsschema.database.connection import Database
from lmsschema.database.sqlstate import translated
from lmsschema.locks import ladder
from lmsschema.locks.ladder import DEFAULT_PATIENCE, Lock, Patience, Progress
from lmsschema.partition_manager import inheritance
from lmsschema.partition_manager.inheritance import BY_HAND, Difference
from lmsschema.partitions import Policy


def repair(
    database: Database,
    policy: Policy,
    *,
    patience: Patience = DEFAULT_PATIENCE,
    progress: Progress = lambda _: None,
) -> list[str]:
    """Mend every partition of a table, each in a transaction of its own.

    Locks: ACCESS EXCLUSIVE on the partition, for as long as its catalog entries are changed; no
    other table is locked.

    Returns:
        The statements that were run.
    """
    run: list[str] = []
    with translated(database.target):
        with database.transaction(read_only=True):
            found = inheritance.differences(database, policy)
        for name in dict.fromkeys(one.partition for one in found):
            mine = [one for one in found if one.partition == name]
            for one in mine:
                if one.kind in BY_HAND:
                    progress(
                        f"{name} lies in another {one.kind} than its table. It stays: moving it "
                        f"copies its rows while nobody can read them. By hand: {one.statement}"
                    )
            statements = [one for one in mine if one.kind not in BY_HAND]
            if statements:
                _mend(database, name, statements, patience, progress)
                run += [one.statement for one in statements]
                kinds = ", ".join(sorted({one.kind for one in statements}))
                progress(f"mended {name}: {kinds}")
    return run


def _mend(
    database: Database,
    name: str,
    found: Sequence[Difference],
    patience: Patience,
    progress: Progress,
) -> None:
    def work(conn: psycopg.Connection) -> None:
        inheritance.mend(conn, found)

    ladder.step(
        database,
        work,
        what=f"mend {name}",
        locks=lambda: [Lock(database.schema, name, "ACCESS EXCLUSIVE")],
        patience=patience,
        progress=progress,
    )
