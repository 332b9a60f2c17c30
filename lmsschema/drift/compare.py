"""Comparison of two catalogs, without a database.

This module decides which differences are drift and which are the site's own settings.
"""

import collections
import dataclasses
import enum
from collections.abc import Iterator

from lmsschema.database.catalog import Attributes, Catalog, Identity, Value

#: Attributes that each site sets for itself, unless the code declares them.
SITE_ATTRIBUTES = frozenset({"owner", "grants", "revoked"})

#: Attributes that only newer servers have, with the first major version.
_SINCE = {"not null constraint": 18, "not null comment": 18}

#: Attributes that are not reported if the attribute that they depend on differs too.
_IMPLIED_BY = {"not null constraint": "not null", "storage": "type", "collation": "type"}

#: The name that PostgreSQL generated for an object that a partition inherits: never compared.
_OWN_NAME = "own name"


class Problem(enum.StrEnum):
    """What is wrong with an object."""

    MISSING = "missing"
    UNEXPECTED = "unexpected"
    CHANGED = "changed"
    UNMANAGED = "unmanaged"


@dataclasses.dataclass(frozen=True)
class Difference:
    """One difference of one object.

    Attributes:
        identity: The object.
        problem: What is wrong with it; ``unmanaged``: the code does not declare it.
        attribute: The attribute that differs; "" if the whole object is missing or not declared.
        expected: The attribute's declared value. For a missing partition, its bounds.
        found: The attribute's value in the database.
    """

    identity: Identity
    problem: Problem
    attribute: str = ""
    expected: Value = None
    found: Value = None


def compare(expected: Catalog, found: Catalog) -> list[Difference]:
    """Return the differences of ``found`` from ``expected``, sorted by :func:`order`.

    If a whole relation is missing or unmanaged, the objects on it are not listed.
    """
    known = expected.relations()
    there = found.relations()
    version = min(expected.version, found.version)
    owner = _usual_owner(found)
    differences: list[Difference] = []
    for identity in expected.objects.keys() | found.objects.keys():
        declared = expected.objects.get(identity)
        actual = found.objects.get(identity)
        if declared == actual:
            continue
        if declared is not None and actual is not None:
            changes = [
                Difference(identity, *change)
                for name in declared.keys() | actual.keys()
                if declared.get(name) != actual.get(name) and _SINCE.get(name, 0) <= version
                for change in _attribute(name, declared, actual, owner)
            ]
            names = {change.attribute for change in changes}
            differences.extend(c for c in changes if _IMPLIED_BY.get(c.attribute) not in names)
        elif declared is not None:
            if identity.relation in {"", identity.name} or identity.relation in there:
                differences.append(Difference(identity, Problem.MISSING))
        elif identity.relation in known:
            differences.append(Difference(identity, Problem.UNEXPECTED))
        elif identity.relation in {"", identity.name}:
            differences.append(Difference(identity, Problem.UNMANAGED))
    return sorted(differences, key=order)


def order(difference: Difference) -> tuple[bool, str, bool, str, str, str]:
    """Return the sort key of a report: by relation, its own differences first; types last."""
    identity = difference.identity
    return (
        not identity.relation,
        identity.relation,
        identity.name != identity.relation,
        identity.kind,
        identity.name,
        difference.attribute,
    )


def _attribute(
    name: str, declared: Attributes, actual: Attributes, owner: str
) -> Iterator[tuple[Problem, str, Value, Value]]:
    """Yield the difference in one attribute, if there is one.

    Args:
        name: The attribute's name.
        declared: The object's attributes as declared.
        actual: The object's attributes as found.
        owner: The role that owns most of what was found.
    """
    if name == _OWN_NAME:
        return
    problem = Problem.CHANGED
    expected, found = declared.get(name), actual.get(name)
    if name in SITE_ATTRIBUTES and name not in declared:
        problem = Problem.UNMANAGED
        expected = owner if name == "owner" and found is not None else None
    elif name == "column order" and isinstance(expected, list) and isinstance(found, list):
        # missing and undeclared columns are differences of their own
        both = [column for column in expected if column in found]
        expected, found = both, [column for column in found if column in both]
    elif name == "not null constraint" and _is_numbered(expected, found):
        return
    if expected != found:
        yield problem, name, expected, found


def _is_numbered(expected: Value, found: Value) -> bool:
    """Whether a NOT NULL constraint has the name that PostgreSQL gave it, with a number behind it.

    It numbers a name that another table's constraint has: a partition that was detached keeps the
    names of its table's.
    """
    named, numbered = str(expected), str(found)
    return named.endswith("_not_null") and numbered.rstrip("0123456789") == named


def _usual_owner(catalog: Catalog) -> str:
    """Return the role that owns most of a schema's objects."""
    owners = collections.Counter(
        str(attributes["owner"])
        for attributes in catalog.objects.values()
        if attributes.get("owner") is not None
    )
    return min(owners, key=lambda owner: (-owners[owner], owner), default="")
