"""The doctor's look at sessions: a dead run's lock, old transactions; and at rows not frozen."""

from collections.abc import Iterator

import psycopg
from psycopg import errors, sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.doctor.finding import Finding, Limits, command, duration


def language(database: Database) -> Iterator[Finding]:
    """Yield that a new session can't load PL/pgSQL, in which the triggers are written.

    So it is where a server's package was upgraded, or removed, while the server runs.
    """
    try:
        with database.transaction(read_only=True) as conn:
            conn.execute("DO LANGUAGE plpgsql 'BEGIN END'")
    except (errors.InsufficientPrivilege, errors.UndefinedObject):
        return  # it may not be used, or is not there: not the server's fault
    except psycopg.Error as error:
        if database.conn.closed:
            raise
        said = " ".join(filter(None, (error.diag.message_primary, error.diag.message_detail)))
        yield Finding(
            "restart-required",
            "server",
            f"can't load PL/pgSQL for a new session, so that every trigger fails ({said}): was its "
            "package upgraded or removed while it runs? Restart the server",
        )


def run_lock(database: Database, limits: Limits) -> Iterator[Finding]:
    """Yield the session that holds the run lock: a run at work, or one that is dead.

    The lock's own session is idle by design, so that alone says nothing: a run is taken for dead
    once none of the sessions of its program has done anything for so long.
    """
    key = {"schema": database.schema}
    with database.transaction(read_only=True) as conn:
        holder = conn.execute(query("locks/run_lock_holder"), key).fetchone()
        if holder is None:
            return
        pid, user, since = holder
        row = conn.execute(query("doctor/run"), {"pid": pid}).fetchone()
    who = f"session {pid} of {user}"
    if row is None:
        return  # it ended meanwhile
    _, age, quiet_for = row
    details: dict[str, object] = {"pid": pid, "user": user, "seconds": age, "quiet": quiet_for}
    if age is None or quiet_for is None:
        message = f"is held by {who}; {database.user} may not see what that session does"
        yield Finding("run-at-work", "run lock", message, _see(database), action_required=False)
    elif min(age, quiet_for) < limits.age.total_seconds():
        message = f"is held by {who} since {since}: a run is at work"
        yield Finding("run-at-work", "run lock", message, action_required=False, details=details)
    else:
        yield Finding(
            "dead-run",
            "run lock",
            f"is held by {who} since {since}, and that run has done nothing for "
            f"{duration(quiet_for)}: it is dead, and every other run waits for it",
            (f"SELECT pg_terminate_backend({pid});",),
            details=details,
        )


def transactions(database: Database, limits: Limits) -> Iterator[Finding]:
    """Yield the old transactions of this database, with or without a session."""
    age = {"age": limits.age.total_seconds()}
    with database.transaction(read_only=True) as conn:
        sessions = conn.execute(
            query("doctor/transactions"), {"schema": database.schema} | age
        ).fetchall()
        prepared = conn.execute(query("doctor/prepared"), age).fetchall()
    for pid, user, program, state, seconds, snapshot, text, tables in sessions:
        holds = [
            "keeps vacuum from removing old rows" if snapshot else "",
            f"locks {_few(tables)}" if tables else "",
        ]
        end = "cancel" if state == "active" else "terminate"
        yield Finding(
            "old-transaction",
            f"session {pid}",
            f"of {user}{f' ({program})' if program else ''}, {state}, is in a transaction since "
            f"{duration(seconds)}: it {' and '.join(filter(None, holds))}; last statement: {text}",
            (f"SELECT pg_{end}_backend({pid});",),
            details={"pid": pid, "user": user, "seconds": seconds, "tables": tables},
        )
    for gid, owner, seconds in prepared:
        yield Finding(
            "prepared-transaction",
            gid,
            f"of {owner} is prepared since {duration(seconds)} and neither committed nor rolled "
            "back: its locks stay, and vacuum removes no row that it may see",
            (
                command("ROLLBACK PREPARED {}", sql.Literal(gid)),
                command("COMMIT PREPARED {}", sql.Literal(gid)),
            ),
            details={"owner": owner, "seconds": seconds},
        )


def unfrozen(database: Database, limits: Limits) -> Iterator[Finding]:
    """Yield the tables, and the database, whose rows have long not been frozen."""
    with database.transaction(read_only=True) as conn:
        found = conn.execute(
            query("doctor/freeze"), {"schema": database.schema, "xids": limits.xids}
        ).fetchall()
    tables = [row[0] for row in found if row[0] is not None]
    for table, xids, multixacts, xids_limit, multixacts_limit in found:
        if table is None and tables:
            continue  # the tables say it
        late = xids >= max(limits.xids, xids_limit) or multixacts >= max(
            limits.xids, multixacts_limit
        )
        name = database.conn.info.dbname if table is None else table
        what = sql.SQL("") if table is None else sql.Identifier(database.schema, table)
        yield Finding(
            "wraparound",
            name,
            f"has rows that were not frozen for {xids:,} transactions and {multixacts:,} "
            f"multixacts: at about 2,100,000,000 PostgreSQL takes no more writes",
            (command("VACUUM (FREEZE, VERBOSE) {}", what).replace(" ;", ";"),),
            action_required=late,
            details={"xids": xids, "multixacts": multixacts},
        )


def hidden(database: Database) -> Finding:
    """Return what is said where a role may not see what others' sessions do."""
    return Finding(
        "sessions-hidden",
        f"role {database.user}",
        "may not see what the sessions of others do: old transactions may be missing here",
        _see(database),
        action_required=False,
    )


def _see(database: Database) -> tuple[str, ...]:
    return (command("GRANT pg_read_all_stats TO {}", sql.Identifier(database.user)),)


def _few(names: list[str]) -> str:
    """Return some names, and how many more there are."""
    most = 3
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
