"""The SQL of partitions: statements that are executed, and the same ones as a script to read."""

from collections.abc import Iterable

from psycopg import sql

from lmsschema.database.quoting import identifier
from lmsschema.partitions import Action, Attach, Create, Finalize, Policy, for_values


def create_table(policy: Policy, name: str) -> sql.Composed:
    """Return the statement that makes a table which can become a partition; locks nothing else."""
    return sql.SQL("CREATE TABLE {} (\n    LIKE {} INCLUDING ALL EXCLUDING IDENTITY\n)").format(
        identifier(name), identifier(policy.table)
    )


def attach(policy: Policy, action: Create | Attach) -> sql.Composed:
    """Return the statement that makes a table a partition."""
    return sql.SQL("ALTER TABLE {} ATTACH PARTITION {}\n{}").format(
        identifier(policy.table),
        identifier(action.name),
        sql.SQL(for_values(action.range)),
    )


def finalize(policy: Policy, action: Finalize) -> sql.Composed:
    """Return the statement that ends a detach which was interrupted."""
    return sql.SQL("ALTER TABLE {} DETACH PARTITION {} FINALIZE").format(
        identifier(policy.table), identifier(action.name)
    )


def describe(name: str, comment: str) -> sql.Composed:
    """Return the statement that gives a partition its table's comment, which LIKE does not copy."""
    return sql.SQL("COMMENT ON TABLE {} IS {}").format(identifier(name), sql.Literal(comment))


def delete_rows(schema: str, table: str, condition: str, guard: str | None) -> str:
    """Return what deletes rows of a default partition, also where a trigger refuses that.

    Args:
        schema: Its schema.
        table: The default partition.
        condition: Which rows.
        guard: The trigger; it is off in this transaction only, and for this partition only.
    """
    target = sql.Identifier(schema, table)
    delete = sql.SQL("DELETE FROM {} WHERE {};").format(target, sql.SQL(condition)).as_string()
    if guard is None:
        return delete
    off, on = (
        sql.SQL("ALTER TABLE {} {} TRIGGER {};").format(target, state, sql.Identifier(guard))
        for state in (sql.SQL("DISABLE"), sql.SQL("ENABLE"))
    )
    begin = "BEGIN; SET LOCAL lock_timeout TO '2s';"
    return f"{begin} {off.as_string()} {delete} {on.as_string()} COMMIT;"


def statements(policy: Policy, actions: Iterable[Action], comment: str | None) -> list[str]:
    """Return the SQL of a plan, one statement an element, without semicolons.

    What else a partition takes over from its table beyond LIKE (owner, grants, and so on) is not
    in it: that is read from the database when the partition is made.

    Args:
        policy: The table's policy.
        actions: The plan.
        comment: The table's comment.
    """
    found: list[str] = []
    for action in actions:
        if isinstance(action, Finalize):
            found.append(finalize(policy, action).as_string())
            continue
        if isinstance(action, Create):
            found.append(create_table(policy, action.name).as_string())
            if comment is not None:
                found.append(describe(action.name, comment).as_string())
        found.append(attach(policy, action).as_string())
    return found


def script(policy: Policy, actions: Iterable[Action], comment: str | None) -> str:
    """Return the SQL of a plan as a script, ended by a newline; empty for an empty plan."""
    return "\n".join(f"{statement};\n" for statement in statements(policy, actions, comment))
