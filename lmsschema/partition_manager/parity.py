"""Makes a table beside a partitioned table like it, so that ATTACH refuses and builds nothing.

A table that was detached does not get what its table gets from then on: columns, NOT NULLs, CHECKs,
indexes, keys. ATTACH refuses a table that lacks some of it, and builds the rest under its locks.
"""

from collections.abc import Sequence

import psycopg
from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.ddl import rules
from lmsschema.ddl.rules import Rule
from lmsschema.errors import UnsafeError
from lmsschema.locks import ladder
from lmsschema.locks.context import Context, Progress
from lmsschema.locks.ladder import Lock, Mode, Work
from lmsschema.partition_manager import foreign_keys
from lmsschema.partition_manager.inheritance import Unlikeness
from lmsschema.partition_manager.promote import within
from lmsschema.partitions import Policy, Range, for_values

#: The CHECK that proves a table's bounds, and that columns hold no null, until it is attached.
CHECK = "lmsschema_bounds"

#: What can't be mended without losing values.
_INCOMPATIBLE = frozenset({"column too many", "type"})

_BY_INDEX = frozenset({"index", "unique index", "key"})


def read(database: Database, policy: Policy, name: str) -> list[Unlikeness]:
    """Return in what a table is not like the partitioned table; in the order of mending it."""
    with database.transaction(read_only=True) as conn:
        rows = conn.execute(
            query("partition_manager/likeness"),
            {"schema": database.schema, "table": policy.table, "partition": name},
        ).fetchall()
    return [Unlikeness(name, kind, "", *row) for kind, *row in rows]


def make_alike(
    context: Context,
    policy: Policy,
    name: str,
    bounds: Range,
) -> None:
    """Give a table what the partitioned table has, and prove that its rows lie in bounds.

    All of it concerns the table alone, but for its foreign keys
    (:mod:`lmsschema.partition_manager.foreign_keys`): ACCESS EXCLUSIVE for moments, SHARE while
    an index is built. Interrupted, it goes on where it was.

    Raises:
        UnsafeError: Rows break a rule, or a column is too many or of another type. Nothing was
            changed.
        LockTimeoutError: A lock was not obtained in time.
    """
    database = context.database
    found = read(database, policy, name)
    _refuse_incompatible(policy, name, found)
    _refuse_keys_of_partitioned(database, policy, name, found)
    rules.refuse_violations(database, _rules(policy, name, bounds, found))

    def change(statement: sql.Composed, what: str, mode: Mode = "ACCESS EXCLUSIVE") -> None:
        work = Work(
            [Lock(database.schema, name, mode)], finish=lambda conn: conn.execute(statement)
        )
        ladder.step(context, lambda _: work, what=f"{what} {name}")

    table = sql.Identifier(name)
    try:
        change(_preparation(policy, name, bounds, found), "prepare")
        checks = [CHECK, *(one.name for one in found if one.kind == "check")]
        with database.transaction() as conn:
            conn.execute(
                _alter(table, [_named("VALIDATE CONSTRAINT {}", check) for check in checks])
            )
        filled = [one.name for one in found if one.kind == "not null"]
        if filled:  # the CHECK spares this the rows
            actions = [_named("ALTER COLUMN {} SET NOT NULL", column) for column in filled]
            change(_alter(table, actions), "set NOT NULL of")
        for one in found:
            if one.kind in _BY_INDEX:
                mode: Mode = "ACCESS EXCLUSIVE" if one.kind == "key" else "SHARE"
                change(_index(name, one), f"build {one.name} of", mode)
                context.tell(Progress(f"built {one.name} of {name}"))
        foreign_keys.add(context, policy, name)
    except psycopg.IntegrityError as error:
        # rows that came since they were counted, or that can't be counted beforehand
        drop_check(database, name)
        again = _rules(policy, name, bounds, read(database, policy, name))
        rules.refuse_violations(database, again)
        raise UnsafeError(
            f"rows of {name} break a rule of {policy.table}: {error.diag.message_primary}",
            hint="Correct or delete those rows, then run it again.",
        ) from None


def drop_check(database: Database, name: str) -> None:
    """Drop the CHECK of the bounds from a table that is not attached after all."""
    with database.transaction() as conn:
        conn.execute(_alter(sql.Identifier(name), [_named("DROP CONSTRAINT IF EXISTS {}", CHECK)]))


def _refuse_incompatible(policy: Policy, name: str, found: Sequence[Unlikeness]) -> None:
    lines = []
    for one in found:
        if one.kind == "type":
            lines.append(f"  {one.name} is {one.found}, and of {policy.table} {one.wanted}")
        elif one.kind == "column too many":
            lines.append(f"  {one.name}, which {policy.table} has not")
    if lines:
        raise UnsafeError(
            f"columns of {name} are not those of {policy.table}:\n" + "\n".join(lines),
            hint="Drop or change those columns of it, if you can do without their values; then "
            "run it again.",
            details={
                "columns": [
                    {"column": one.name, "found": one.found, "wanted": one.wanted}
                    for one in found
                    if one.kind in _INCOMPATIBLE
                ]
            },
        )


def _refuse_keys_of_partitioned(
    database: Database, policy: Policy, name: str, found: Sequence[Unlikeness]
) -> None:
    """Raise UnsafeError if a partitioned table lacks foreign keys: NOT VALID ones it can't have."""
    keys = [one for one in found if one.kind == "foreign key"]
    partitioned = "SELECT relkind = 'p' FROM pg_catalog.pg_class WHERE oid = %s::regclass"
    table = sql.Identifier(database.schema, name)
    with database.transaction(read_only=True) as conn:
        if not keys or conn.execute(partitioned, [table.as_string()]).fetchone() != (True,):
            return
    statements = [
        sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {};")
        .format(table, sql.Identifier(one.name), sql.SQL(one.wanted or ""))
        .as_string()
        for one in keys
    ]
    raise UnsafeError(
        f"{name} is a partitioned table and lacks foreign keys of {policy.table}, which can't be "
        "added to it without locking the tables that they refer to while its rows are read",
        hint="Add them when that is possible, then run it again: " + " ".join(statements),
        details={"statements": statements},
    )


def _rules(policy: Policy, name: str, bounds: Range, found: Sequence[Unlikeness]) -> list[Rule]:
    """Return the rules that the table's rows are not known to keep."""
    out = sql.SQL("({}) IS NOT TRUE").format(_inside(policy, bounds)).as_string()
    named = {"column": "{0}.{1} NOT NULL", "not null": "{0}.{1} NOT NULL"}
    return [
        Rule(f"its bounds, {for_values(bounds)}", name, out),
        *(
            Rule(named.get(one.kind, "{1}").format(name, one.name), name, one.broken)
            for one in found
            if one.broken is not None
        ),
    ]


def _inside(policy: Policy, bounds: Range) -> sql.Composed:
    return sql.SQL("{} IS NOT NULL AND {}").format(
        sql.Identifier(policy.key), within(policy, bounds)
    )


def _preparation(
    policy: Policy, name: str, bounds: Range, found: Sequence[Unlikeness]
) -> sql.Composed:
    """Return the statement that reads no row: columns, defaults, CHECKs that are NOT VALID yet."""
    actions = [_named("DROP CONSTRAINT IF EXISTS {}", CHECK)]
    proved = [_inside(policy, bounds)]
    for one in found:
        if one.kind == "column":
            actions.append(_named("ADD COLUMN {} ", one.name) + sql.SQL(one.wanted or ""))
        elif one.kind == "default":
            to = "DROP DEFAULT" if one.wanted is None else "SET DEFAULT "
            actions.append(
                _named("ALTER COLUMN {} ", one.name) + sql.SQL(to) + sql.SQL(one.wanted or "")
            )
        elif one.kind == "not null":
            proved.append(_named("{} IS NOT NULL", one.name))
        elif one.kind == "check":
            if one.found is not None:
                actions.append(_named("DROP CONSTRAINT {}", one.name))
            check = sql.SQL(one.wanted or "") + sql.SQL(" NOT VALID")
            actions.append(_named("ADD CONSTRAINT {} ", one.name) + check)
    actions.append(
        sql.SQL("ADD CONSTRAINT {} CHECK ({}) NOT VALID").format(
            sql.Identifier(CHECK), sql.SQL(" AND ").join(proved)
        )
    )
    return _alter(sql.Identifier(name), actions)


def _index(name: str, one: Unlikeness) -> sql.Composed:
    """Return the statement that builds an index; PostgreSQL names it, unless it is a key's."""
    table = sql.Identifier(name)
    if one.kind == "key":
        return _alter(table, [sql.SQL("ADD ") + sql.SQL(one.wanted or "")])
    unique = sql.SQL("UNIQUE " if one.kind == "unique index" else "")
    return sql.SQL("CREATE {}INDEX ON {} ").format(unique, table) + sql.SQL(one.wanted or "")


def _alter(table: sql.Identifier, actions: Sequence[sql.Composable]) -> sql.Composed:
    return sql.SQL("ALTER TABLE {} ").format(table) + sql.SQL(", ").join(actions)


def _named(text: str, name: str) -> sql.Composed:
    return sql.SQL(text).format(sql.Identifier(name))
