"""Fixes of indexes, keys and constraints that don't block writers for long."""

from lmsschema import names
from lmsschema.database.quoting import literal
from lmsschema.ddl import constraints, remedies
from lmsschema.ddl.statement import BRIEFLY, UNNOTICED, LockedStatement, locked
from lmsschema.ddl.unique import using_index
from lmsschema.drift.case import Case, Fix

_WITH_ITS_TABLE = "it is created with the one of its table"


def missing_index(case: Case) -> Fix:
    """Build an index again."""
    if case.declared.get("inherited"):
        return Fix(reason=_WITH_ITS_TABLE)
    constraint = case.declared.get("constraint")
    if case.partitioned and constraint is not None:
        return Fix(reason="building a key of a partitioned table blocks its writers")
    statements = _built(case, case.identity.name)
    if constraint is not None:
        kind = "PRIMARY KEY" if case.identity.kind == "primary key" else "UNIQUE"
        deferral = str(constraint).rpartition(")")[2]
        added = constraints.addition(
            case.identity.relation,
            case.identity.name,
            using_index(kind, case.identity.name, deferral),
            valid=True,
            schema=case.schema,
        )
        statements.append(LockedStatement(added.as_string(), BRIEFLY))
    comment = case.declared.get("comment")
    if comment is not None:
        on = case.full_name, literal(comment)
        statements.append(locked(UNNOTICED, "COMMENT ON INDEX {} IS {}", *on))
    return Fix(tuple(statements))


def _built(case: Case, name: str) -> list[LockedStatement]:
    """Return the statements that build the declared index under a name."""
    on = case.schema, case.identity.relation, name, str(case.declared["definition"])
    if case.partitioned:
        return remedies.build_partitioned(*on, case.partitions)
    return remedies.build(*on)


def changed_index(case: Case) -> Fix:
    """Build the declared index under another name, drop the wrong one, rename the new one."""
    if case.declared.get("inherited"):
        return Fix(reason=_WITH_ITS_TABLE)
    suffix = "_declared"
    beside = names.cut(case.identity.name, names.MAX_BYTES - len(suffix)) + suffix
    return Fix(
        (
            *_built(case, beside),
            *remedies.drop(case.schema, case.own_name, partitioned=case.partitioned),
            *remedies.rename_index(case.schema, beside, case.identity.name),
        )
    )


def invalid_index(case: Case) -> Fix:
    """Build the invalid parts of an index."""
    if not case.partitioned:
        return Fix(tuple(remedies.rebuild(case.schema, case.own_name)))
    parts = {
        identity.relation: attributes
        for identity, attributes in case.actual.objects.items()
        if (identity.kind, identity.name) == (case.identity.kind, case.identity.name)
        and identity.relation in case.partitions
        and attributes.get("inherited")
    }
    own_names = {str(one["own name"]): one["valid"] is True for one in parts.values()}
    statements = remedies.complete(
        case.schema,
        case.own_name,
        str(case.found["definition"]),
        lacking=[one for one in case.partitions if one not in parts],
        invalid=[name for name, valid in own_names.items() if not valid],
        parts=list(own_names),
    )
    return Fix(tuple(statements))


def missing_constraint(case: Case) -> Fix:
    """Add a foreign key or CHECK without a scan under a lock, then validate it."""
    if case.declared.get("inherited"):
        return Fix(reason=_WITH_ITS_TABLE)
    on = case.schema, case.identity.relation, case.own_name, str(case.declared["definition"])
    if case.identity.kind == "foreign key" and case.partitioned:
        return Fix(tuple(remedies.constrain_partitioned(*on, case.partitions)))
    return Fix(tuple(remedies.constrain(*on)))


def changed_constraint(case: Case) -> Fix:
    """Validate a constraint, or replace it."""
    on = case.schema, case.identity.relation, case.own_name
    if case.found.get("definition") == f"{case.declared['definition']} NOT VALID":
        return Fix(tuple(remedies.validate(*on)))
    added = missing_constraint(case)
    if added.reason:
        return added
    return Fix((*remedies.unconstrain(*on), *added.statements))


def unexpected_index(case: Case) -> Fix:
    """Drop an index."""
    if case.found.get("inherited"):
        return Fix(reason=_WITH_ITS_TABLE.replace("created", "dropped"))
    return Fix(tuple(remedies.drop(case.schema, case.own_name, partitioned=case.partitioned)))


def unexpected_constraint(case: Case) -> Fix:
    """Drop a constraint."""
    return Fix(tuple(remedies.unconstrain(case.schema, case.identity.relation, case.own_name)))
