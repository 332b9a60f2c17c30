"""Differences that are only names: the same thing, called otherwise."""

import dataclasses
import re
from collections.abc import Iterable, Iterator

from psycopg import sql

from lmsschema.database.catalog import Attributes, Catalog, Identity, Value
from lmsschema.drift.compare import Difference, Problem

#: What of an object its name does not change, and nobody writes by hand.
_BESIDE = frozenset({"own name", "comment", "constraint comment"})

_CONSTRAINTS = frozenset({"primary key", "unique", "exclusion", "foreign key", "check"})
_RENAMED = _CONSTRAINTS | {"index", "enum"}

#: The attribute that names a column's NOT NULL constraint, from PostgreSQL 18 on.
_NOT_NULL = "not null constraint"


@dataclasses.dataclass(frozen=True)
class Rename:
    """Something that has another name than the declared one.

    Attributes:
        kind: What it is.
        relation: The table that it is on; "" for a type.
        found: Its name in the database.
        expected: Its declared name.
        statement: What renames it; it takes a lock for a moment.
    """

    kind: str
    relation: str
    found: str
    expected: str
    statement: str


def split(
    differences: Iterable[Difference], expected: Catalog, found: Catalog
) -> tuple[list[Rename], list[Difference]]:
    """Return the renames that explain differences, and the differences that none explains.

    Args:
        differences: How ``found`` differs from ``expected``.
        expected: The declared schema.
        found: The database's.
    """
    left = list(differences)
    renames = [*_pairs(left, expected, found), *_not_null(left)]
    explained = {(one.relation, one.kind, one.found) for one in renames}
    explained |= {(one.relation, one.kind, one.expected) for one in renames}
    types = {one.found: one.expected for one in renames if one.kind == "enum"}
    return renames, [
        one
        for one in left
        if not (
            one.problem is not Problem.CHANGED
            and (one.identity.relation, one.identity.kind, one.identity.name) in explained
        )
        and not (one.attribute == _NOT_NULL and None not in (one.expected, one.found))
        and not _follows(one, types)
    ]


def _pairs(differences: list[Difference], expected: Catalog, found: Catalog) -> Iterator[Rename]:
    """Yield what is missing under one name and there under another."""
    spare = [
        one.identity
        for one in differences
        if one.problem in {Problem.UNEXPECTED, Problem.UNMANAGED}
        and not one.attribute
        and one.identity.kind in _RENAMED
    ]
    for one in differences:
        wanted = one.identity
        if one.problem is not Problem.MISSING or wanted.kind not in _RENAMED:
            continue
        like = _essence(expected.objects.get(wanted, {}))
        for other in spare:
            same_place = (other.relation, other.kind) == (wanted.relation, wanted.kind)
            if same_place and _essence(found.objects.get(other, {})) == like:
                spare.remove(other)
                yield _rename(wanted, other.name)
                break


def _essence(attributes: Attributes) -> dict[str, Value]:
    """Return what makes an object what it is, whatever it is called."""
    return {
        name: value
        for name, value in attributes.items()
        if name not in _BESIDE and name not in {"owner", "grants", "revoked"}
    }


def _rename(wanted: Identity, found: str) -> Rename:
    """Return the rename that gives an object its declared name."""
    if wanted.kind in _CONSTRAINTS:
        text = "ALTER TABLE {relation} RENAME CONSTRAINT {found} TO {wanted}"
    elif wanted.kind == "index":
        text = "ALTER INDEX {found} RENAME TO {wanted}"
    else:
        text = "ALTER TYPE {found} RENAME TO {wanted}"
    statement = sql.SQL(text).format(
        relation=sql.Identifier(wanted.relation),
        found=sql.Identifier(found),
        wanted=sql.Identifier(wanted.name),
    )
    return Rename(wanted.kind, wanted.relation, found, wanted.name, statement.as_string())


def _not_null(differences: list[Difference]) -> Iterator[Rename]:
    """Yield the NOT NULL constraints that are called otherwise."""
    for one in differences:
        if one.attribute == _NOT_NULL and one.expected is not None and one.found is not None:
            wanted = Identity(one.identity.relation, "check", str(one.expected))
            renamed = _rename(wanted, str(one.found))
            yield dataclasses.replace(renamed, kind="not null")


def _follows(difference: Difference, types: dict[str, str]) -> bool:
    """Whether a difference is gone once the types have their declared names."""
    if difference.problem is not Problem.CHANGED or not isinstance(difference.found, str):
        return False
    text = difference.found
    for found, wanted in types.items():
        text = re.sub(rf'(?<![\w"]){re.escape(found)}(?![\w"])', wanted, text)
    return text == difference.expected and text != difference.found
