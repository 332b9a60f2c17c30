"""Drift: how a schema that was found differs from the one that was expected.

Pure comparison of two catalogs; what is an object's and what is a site's own is decided here.
"""

import collections
import dataclasses
import enum
from collections.abc import Iterator

from lmsschema.catalog import Attributes, Catalog, Identity, Value

#: Each site's own until the code declares them.
SITE_ATTRIBUTES = frozenset({"owner", "grants", "revoked"})

#: Attributes that only a newer server's catalogs have, with its major version.
_SINCE = {"not null constraint": 18, "not null comment": 18}


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
        problem: What is wrong with it; ``unmanaged`` is what the code does not know at all.
        attribute: What of it differs, where it is there at all, else "".
        expected: The attribute's value as declared.
        found: The attribute's value in the database.
    """

    identity: Identity
    problem: Problem
    attribute: str = ""
    expected: Value = None
    found: Value = None


def compare(expected: Catalog, found: Catalog) -> list[Difference]:
    """Return how ``found`` differs from ``expected``, sorted by object; empty if it does not.

    Objects on a relation that is itself missing or unmanaged are not listed one by one.
    """
    known = expected.relations()
    there = found.relations()
    version = min(expected.version, found.version)
    owner = _usual_owner(found)
    differences: list[Difference] = []
    for identity in sorted(expected.objects.keys() | found.objects.keys()):
        declared = expected.objects.get(identity)
        actual = found.objects.get(identity)
        if declared is not None and actual is not None:
            attributes = _attributes(declared, actual, version)
            for name in attributes:
                difference = _attribute(
                    identity, name, (declared.get(name), actual.get(name)), (expected.role, owner)
                )
                if difference is not None:
                    differences.append(difference)
        elif declared is not None:
            if identity.relation in {"", identity.name} or identity.relation in there:
                differences.append(Difference(identity, Problem.MISSING))
        elif identity.relation in known:
            differences.append(Difference(identity, Problem.UNEXPECTED))
        elif identity.relation in {"", identity.name}:
            differences.append(Difference(identity, Problem.UNMANAGED))
    return differences


def _attributes(declared: Attributes, actual: Attributes, version: int) -> Iterator[str]:
    """Yield the names of the attributes that servers of both versions have."""
    for name in sorted(declared.keys() | actual.keys()):
        if _SINCE.get(name, 0) <= version:
            yield name


def _attribute(
    identity: Identity, name: str, values: tuple[Value, Value], owners: tuple[str, str]
) -> Difference | None:
    """Return the difference in one attribute, or None.

    Args:
        identity: The object.
        name: The attribute's name.
        values: Its value as declared and as found.
        owners: The role that built the declared schema, whose ownership means nothing, and the
            role that owns most of what was found.
    """
    declared, actual = values
    problem = Problem.CHANGED
    if name == "column order" and isinstance(declared, list) and isinstance(actual, list):
        # a column too many or too few is a difference of its own
        declared = [column for column in declared if column in actual]
        actual = [column for column in actual if column in declared]
    elif name in SITE_ATTRIBUTES and declared in (None, owners[0]):
        problem = Problem.UNMANAGED
        declared = owners[1] if name == "owner" else None
    if declared == actual:
        return None
    return Difference(identity, problem, name, declared, actual)


def _usual_owner(catalog: Catalog) -> str:
    """Return the role that owns most of a schema's objects."""
    owners = collections.Counter(
        str(attributes["owner"])
        for attributes in catalog.objects.values()
        if attributes.get("owner") is not None
    )
    return min(owners, key=lambda owner: (-owners[owner], owner), default="")
