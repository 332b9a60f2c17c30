"""The way back for indexes, keys and constraints: built or validated while writers go on."""

from psycopg import sql

from lmsschema.database.catalog import Attributes
from lmsschema.database.quoting import literal
from lmsschema.drift.fix_case import (
    BRIEFLY,
    UNNOTICED,
    WRITES_WAIT,
    Case,
    Remedy,
    printed,
    statement,
)


def missing_index(case: Case) -> Remedy:
    """Build an index again."""
    if case.partitioned:
        return Remedy(
            reason="on a partitioned table it is built on each partition, then attached: "
            "see docs/check.md"
        )
    if case.declared.get("inherited"):
        return Remedy(reason="build one like its table's and attach it: see docs/check.md")
    unique, tail = _definition(case.declared)
    statements = [
        statement(
            "CREATE {}INDEX CONCURRENTLY {} ON {} {}",
            "SHARE UPDATE EXCLUSIVE: reads and writes go on",
            unique,
            case.name,
            case.table,
            tail,
        )
    ]
    constraint = case.declared.get("constraint")
    if constraint is not None:
        kind = "PRIMARY KEY" if case.identity.kind == "primary key" else "UNIQUE"
        deferral = str(constraint).rpartition(")")[2]
        statements.append(
            case.alter(
                BRIEFLY,
                "ADD CONSTRAINT {} " + kind + " USING INDEX {}{}",
                case.name,
                case.name,
                printed(deferral),
            )
        )
    if case.declared.get("comment") is not None:
        statements.append(
            statement(
                "COMMENT ON INDEX {} IS {}",
                UNNOTICED,
                case.name,
                literal(case.declared["comment"]),
            )
        )
    return Remedy(tuple(statements))


def changed_index(case: Case) -> Remedy:
    """Build the declared index beside the wrong one, then swap them."""
    if case.partitioned or case.declared.get("inherited"):
        return missing_index(case)
    unique, tail = _definition(case.declared)
    beside = sql.Identifier(f"{case.identity.name[:50]}_declared")
    return Remedy(
        (
            statement(
                "CREATE {}INDEX CONCURRENTLY {} ON {} {}",
                UNNOTICED,
                unique,
                beside,
                case.table,
                tail,
            ),
            statement("DROP INDEX CONCURRENTLY {}", UNNOTICED, case.name),
            statement("ALTER INDEX {} RENAME TO {}", UNNOTICED, beside, case.name),
        )
    )


def invalid_index(case: Case) -> Remedy:
    """Build an index that was left half-built once more."""
    if case.partitioned:
        return Remedy(reason="it turns valid when every partition's index is attached to it")
    return Remedy((statement("REINDEX INDEX CONCURRENTLY {}", UNNOTICED, case.name),))


def missing_constraint(case: Case) -> Remedy:
    """Add a foreign key or CHECK without scanning under a lock, then validate it."""
    definition = str(case.declared["definition"])
    if case.declared.get("inherited"):
        return Remedy(reason="the table's own has to be added again, to all partitions at once")
    foreign = case.identity.kind == "foreign key"
    lock = f"{WRITES_WAIT} on both tables" if foreign else BRIEFLY
    if foreign and case.partitioned:
        return Remedy(reason="a foreign key of a partitioned table is validated under its lock")
    if "NOT VALID" in definition:
        return Remedy((case.alter(lock, "ADD CONSTRAINT {} {}", case.name, printed(definition)),))
    return Remedy(
        (
            case.alter(lock, "ADD CONSTRAINT {} {} NOT VALID", case.name, printed(definition)),
            case.alter(UNNOTICED, "VALIDATE CONSTRAINT {}", case.name),
        )
    )


def changed_constraint(case: Case) -> Remedy:
    """Validate a constraint, or replace it."""
    if case.found.get("definition") == f"{case.declared['definition']} NOT VALID":
        return Remedy((case.alter(UNNOTICED, "VALIDATE CONSTRAINT {}", case.name),))
    added = missing_constraint(case)
    if added.reason:
        return added
    return Remedy((case.alter(BRIEFLY, "DROP CONSTRAINT {}", case.name), *added.statements))


def _definition(attributes: Attributes) -> tuple[sql.SQL, sql.SQL]:
    """Return the two parts of an index's definition: ``UNIQUE`` or nothing, and the rest."""
    text = str(attributes["definition"])
    rest = text.removeprefix("UNIQUE ")
    return sql.SQL("UNIQUE " if rest != text else ""), printed(rest)
