"""What builds, rebuilds, validates or drops an index or a constraint, for a DBA to run by hand.

The steps run the same statements, without a DBA. ``check``, ``adopt`` and ``doctor`` print these.
"""

from collections.abc import Collection, Sequence

from lmsschema import names
from lmsschema.database.quoting import identifier
from lmsschema.ddl import (
    constraints,
    drop_index,
    drop_partitioned_index,
    index,
    partitioned_index,
)
from lmsschema.ddl.statement import (
    BOTH_WAIT,
    BRIEFLY,
    DOMAIN_READ,
    EMPTY_INDEX,
    INDEX_BRIEFLY,
    OTHER_BRIEFLY,
    UNNOTICED,
    LockedStatement,
    locked,
    qualified,
)


def build(schema: str, table: str, name: str, definition: str) -> list[LockedStatement]:
    """Return what builds an index of a table without partitions.

    Args:
        schema: Its schema.
        table: Its table.
        name: Its name.
        definition: The rest as PostgreSQL prints it: :func:`lmsschema.ddl.index.creation`.
    """
    made = index.creation(name, table, definition, schema=schema)
    return [LockedStatement(made.as_string(), UNNOTICED)]


def build_partitioned(
    schema: str, table: str, name: str, definition: str, partitions: Sequence[str]
) -> list[LockedStatement]:
    """Return what builds an index of a partitioned table, partition by partition."""
    made = index.creation(
        name, table, definition, schema=schema, concurrently=False, only=True
    ).as_string()
    return [
        LockedStatement(made, EMPTY_INDEX),
        *complete(schema, name, definition, lacking=partitions),
    ]


def complete(
    schema: str,
    name: str,
    definition: str,
    *,
    lacking: Collection[str] = (),
    invalid: Sequence[str] = (),
    parts: Sequence[str] = (),
) -> list[LockedStatement]:
    """Return what makes an invalid index of a partitioned table valid.

    Args:
        schema: Its schema.
        name: Its name.
        definition: As for :func:`build`.
        lacking: The partitions without a part of it.
        invalid: Its invalid parts.
        parts: All its parts: attached again, PostgreSQL looks at the index again.
    """
    statements = [one for part in invalid for one in rebuild(schema, part)]
    for partition in lacking:
        part = names.shortened(f"{partition}_{name}")
        statements += build(schema, partition, part, definition)
        statements.append(_attach(schema, name, part))
    if not lacking and parts:
        statements.append(_attach(schema, name, parts[0]))
    return statements


def _attach(schema: str, name: str, part: str) -> LockedStatement:
    attached = partitioned_index.attachment(name, part, schema)
    return LockedStatement(attached.as_string(), INDEX_BRIEFLY)


def rebuild(schema: str, name: str) -> list[LockedStatement]:
    """Return what builds an invalid index anew."""
    return [LockedStatement(index.rebuilding(name, schema).as_string(), UNNOTICED)]


def drop(schema: str, name: str, *, partitioned: bool) -> list[LockedStatement]:
    """Return what drops an index; PostgreSQL has no CONCURRENTLY for a partitioned table's."""
    if partitioned:
        dropped = drop_partitioned_index.removal(name, schema)
        return [LockedStatement(dropped.as_string(), BRIEFLY)]
    return [LockedStatement(drop_index.removal(name, schema).as_string(), UNNOTICED)]


def rename_index(schema: str, found: str, wanted: str) -> list[LockedStatement]:
    """Return what gives an index another name."""
    parts = qualified(schema, found), identifier(wanted)
    return [locked(UNNOTICED, "ALTER INDEX {} RENAME TO {}", *parts)]


def validate(
    schema: str, owner: str, name: str, *, of_domain: bool = False
) -> list[LockedStatement]:
    """Return what has PostgreSQL see that all rows keep a constraint."""
    if of_domain:
        parts = qualified(schema, owner), identifier(name)
        return [locked(DOMAIN_READ, "ALTER DOMAIN {} VALIDATE CONSTRAINT {}", *parts)]
    return [LockedStatement(constraints.validation(owner, [name], schema).as_string(), UNNOTICED)]


def constrain(schema: str, table: str, name: str, definition: str) -> list[LockedStatement]:
    """Return what adds a CHECK, or a foreign key of a table without partitions.

    One that is declared NOT VALID stays so.
    """
    lock = BOTH_WAIT if definition.startswith("FOREIGN KEY") else BRIEFLY
    whole = definition.removesuffix(" NOT VALID")
    added = constraints.addition(table, name, whole, schema=schema)
    statements = [LockedStatement(added.as_string(), lock)]
    return statements if whole != definition else statements + validate(schema, table, name)


def constrain_partitioned(
    schema: str, table: str, name: str, definition: str, partitions: Sequence[str]
) -> list[LockedStatement]:
    """Return what adds a foreign key to a partitioned table, which takes its partitions' over."""
    statements = [
        one for partition in partitions for one in constrain(schema, partition, name, definition)
    ]
    added = constraints.addition(table, name, definition, valid=True, schema=schema)
    return [*statements, LockedStatement(added.as_string(), OTHER_BRIEFLY)]


def unconstrain(schema: str, table: str, name: str) -> list[LockedStatement]:
    """Return what drops a constraint."""
    parts = qualified(schema, table), identifier(name)
    return [locked(BRIEFLY, "ALTER TABLE {} DROP CONSTRAINT {}", *parts)]
