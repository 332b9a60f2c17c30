"""What a change of the index profile that is not complete leaves: pending, and no drift.

A change builds what the new profile has, records it, and then drops what the old one had. So while
it goes on, or after it was interrupted, the database has indexes of both profiles.
"""

from lmsschema.database.catalog import Attributes, Catalog, Identity
from lmsschema.ddl.index_definition import IndexDefinition
from lmsschema.drift.compare import Difference, Problem

_OPTIONS = "storage parameters"


def concerned(difference: Difference) -> bool:
    """Whether a difference is of a kind that an incomplete change leaves."""
    kind = difference.identity.kind
    return (kind, difference.problem, difference.attribute) in {
        ("index", Problem.UNEXPECTED, ""),
        ("table", Problem.CHANGED, _OPTIONS),
    }


def of_another(difference: Difference, other: Catalog, found: Catalog) -> bool:
    """Whether the database has there what another profile declares.

    Args:
        difference: A difference from the profile that is recorded.
        other: The objects that the database should have if it had the other profile.
        found: The database's objects.
    """
    if not concerned(difference):
        return False
    identity = difference.identity
    if identity.kind == "table":
        return other.objects.get(identity, {}).get(_OPTIONS) == difference.found
    return any(
        one[:2] == identity[:2]
        and _built(attributes) == _built(found.objects[identity])
        and (identity.name == one.name or _may_name(one, attributes, identity.name))
        for one, attributes in other.objects.items()
    )


def _may_name(index: Identity, attributes: Attributes, name: str) -> bool:
    """Whether a partition's index may have a name that is attached to none of the table."""
    if not attributes.get("inherited"):
        return False
    creation = f"CREATE INDEX {index.name} ON {index.relation} {attributes['definition']}"
    return IndexDefinition.parse(creation).may_name(index.relation, name)


def _built(attributes: Attributes) -> tuple[object, ...]:
    """Return what an index is, whether it is valid by now or not."""
    return attributes.get("definition"), attributes.get(_OPTIONS)
