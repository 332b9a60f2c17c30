"""A site's own on lmsschema's tables, as the configuration file declares it: there, or gone."""

import dataclasses
from collections.abc import Iterable, Mapping

from lmsschema.database.catalog import Catalog, Identity
from lmsschema.database.configuration import SchemaExtension
from lmsschema.drift.compare import Difference, Problem
from lmsschema.partitions import POLICIES, Policy

#: What a word of the configuration file means in a catalog.
_KINDS: Mapping[str, tuple[str, ...]] = {
    "column": ("column",),
    "index": ("index",),
    "constraint": ("check", "foreign key", "unique", "primary key", "exclusion"),
    "trigger": ("trigger",),
}

#: The attribute of a difference that says that the configuration file declares what is missing.
DECLARED = "declared extension"


@dataclasses.dataclass(frozen=True)
class Extended:
    """A declared schema with what the site has besides.

    Attributes:
        expected: The declared schema, and the site's own as the database has it, so that a table's
            partitions are expected to have it, too.
        there: The declared extensions that the database has.
        gone: A difference for each that it has not.
    """

    expected: Catalog
    there: tuple[SchemaExtension, ...] = ()
    gone: tuple[Difference, ...] = ()


def extend(
    expected: Catalog,
    found: Catalog,
    extensions: Iterable[SchemaExtension],
    policies: Iterable[Policy] = (),
) -> Extended:
    """Return the declared schema with what the configuration file declares.

    Args:
        expected: The declared schema.
        found: The database's.
        extensions: What the file declares on tables of the declared schema.
        policies: The policies of partitioned tables; those of the site's own are compared, too.
    """
    objects = dict(expected.objects)
    there: list[SchemaExtension] = []
    gone: list[Difference] = []
    for one in extensions:
        names = [Identity(one.on, kind, one.name) for kind in _KINDS[one.kind]]
        known = [identity for identity in names if identity in found.objects]
        if known:
            there.append(one)
            objects |= {i: found.objects[i] for i in known if i not in expected.objects}
        else:
            identity = Identity(one.on, one.kind, one.name)
            gone.append(Difference(identity, Problem.MISSING, DECLARED, one.reason))
    for policy in set(policies) - set(POLICIES):
        table = Identity(policy.table, "table", policy.table)
        key = f"RANGE ({policy.key})"
        if table not in found.objects:
            why = f"partitioned by {key}"
            gone.append(Difference(table, Problem.MISSING, DECLARED, why))
        elif (is_now := found.objects[table].get("partition key")) in {key, _quoted(policy)}:
            objects |= {i: a for i, a in found.objects.items() if i.relation == policy.table}
        else:
            gone.append(Difference(table, Problem.CHANGED, "partition key", key, is_now))
    return Extended(dataclasses.replace(expected, objects=objects), tuple(there), tuple(gone))


def _quoted(policy: Policy) -> str:
    name = policy.key.replace('"', '""')
    return f'RANGE ("{name}")'
