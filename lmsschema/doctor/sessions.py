"""Findings about sessions: the lock of a dead run, old transactions; and about unfrozen rows."""

from collections.abc import Iterator

import psycopg
from psycopg import errors, sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.doctor.finding import Finding, Limits, command, duration


def language(database: Database) -> Iterator[Finding]:
    """Yield a finding if a new session can't load PL/pgSQL, the language of the triggers.

    That happens if the server's package was upgraded or removed while the server was running.
    """
    try:
        with database.transaction(read_only=True) as conn:
            conn.execute("DO LANGUAGE plpgsql 'BEGIN END'")
    except (errors.InsufficientPrivilege, errors.UndefinedObject):
        return  # the role may not use it, or it is not installed: no problem of the server
    except psycopg.Error as error:
        if database.conn.closed:
            raise
        said = " ".join(filter(None, (error.diag.message_primary, error.diag.message_detail)))
        yield Finding(
            "restart-required",
            "server",
            f"can't load PL/pgSQL in a new session, so that every trigger fails ({said}): if its "
            "package was upgraded or removed while it was running, restart it",
        )


def run_lock(database: Database, limits: Limits) -> Iterator[Finding]:
    """Yield the session that holds the run lock: of an active run, or of a dead one.

    The session with the lock is always idle. So a run is considered dead only if none of the
    sessions of its program, role and address has done anything for ``limits.age``.
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
        return  # the session has ended
    _, age, quiet_for = row
    details: dict[str, object] = {"pid": pid, "user": user, "seconds": age, "quiet": quiet_for}
    if age is None or quiet_for is None:
        message = f"is held by {who}; {database.user} may not see what that session does"
        yield Finding("run-at-work", "run lock", message, _see(database), action_required=False)
    elif min(age, quiet_for) < limits.age.total_seconds():
        message = f"is held by {who} since {since}: a run is active"
        yield Finding("run-at-work", "run lock", message, action_required=False, details=details)
    else:
        yield Finding(
            "dead-run",
            "run lock",
            f"is held by {who} since {since}, and its run has been idle for "
            f"{duration(quiet_for)}: it seems dead, and blocks every other run",
            (f"SELECT pg_terminate_backend({pid});",),
            details=details,
        )


def transactions(database: Database, limits: Limits) -> Iterator[Finding]:
    """Yield the old transactions of this database, including prepared ones."""
    age = {"age": limits.age.total_seconds()}
    with database.transaction(read_only=True) as conn:
        sessions = conn.execute(
            query("doctor/transactions"), {"schema": database.schema} | age
        ).fetchall()
        prepared = conn.execute(query("doctor/prepared"), age).fetchall()
    for pid, user, program, state, seconds, snapshot, text, tables in sessions:
        holds = [
            "prevents vacuum from removing old rows" if snapshot else "",
            f"locks {_few(tables)}" if tables else "",
        ]
        end = "cancel" if state == "active" else "terminate"
        yield Finding(
            "old-transaction",
            f"session {pid}",
            f"of {user}{f' ({program})' if program else ''}, {state}, has been in a transaction "
            f"for {duration(seconds)}: it {' and '.join(filter(None, holds))}; last statement: "
            f"{text}",
            (f"SELECT pg_{end}_backend({pid});",),
            details={"pid": pid, "user": user, "seconds": seconds, "tables": tables},
        )
    for gid, owner, seconds in prepared:
        yield Finding(
            "prepared-transaction",
            gid,
            f"of {owner} was prepared {duration(seconds)} ago and is neither committed nor rolled "
            "back: it keeps its locks, and prevents vacuum from removing old rows",
            (
                command("ROLLBACK PREPARED {}", sql.Literal(gid)),
                command("COMMIT PREPARED {}", sql.Literal(gid)),
            ),
            details={"owner": owner, "seconds": seconds},
        )


def unfrozen(database: Database, limits: Limits) -> Iterator[Finding]:
    """Yield the tables whose rows were not frozen for long; without any, the database."""
    with database.transaction(read_only=True) as conn:
        found = conn.execute(
            query("doctor/freeze"), {"schema": database.schema, "xids": limits.xids}
        ).fetchall()
    tables = [row[0] for row in found if row[0] is not None]
    for table, xids, multixacts, xids_limit, multixacts_limit in found:
        if table is None and tables:
            continue  # its tables are reported
        late = xids >= max(limits.xids, xids_limit) or multixacts >= max(
            limits.xids, multixacts_limit
        )
        name = database.conn.info.dbname if table is None else table
        what = sql.SQL("") if table is None else sql.Identifier(database.schema, table)
        yield Finding(
            "wraparound",
            name,
            f"has rows that were not frozen for {xids:,} transactions and {multixacts:,} "
            f"multixacts: at about 2,100,000,000 PostgreSQL refuses all writes",
            (command("VACUUM (FREEZE, VERBOSE) {}", what).replace(" ;", ";"),),
            action_required=late,
            details={"xids": xids, "multixacts": multixacts},
        )


def hidden(database: Database) -> Finding:
    """Return the finding for a role that may not see the activity of others' sessions."""
    return Finding(
        "sessions-hidden",
        f"role {database.user}",
        "may not see the activity of others' sessions: old transactions may be missing here",
        _see(database),
        action_required=False,
    )


def _see(database: Database) -> tuple[str, ...]:
    return (command("GRANT pg_read_all_stats TO {}", sql.Identifier(database.user)),)


def _few(names: list[str]) -> str:
    """Return the first names, and the number of the others."""
    most = 3
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
