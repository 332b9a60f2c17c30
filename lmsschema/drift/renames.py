"""Differences that are only names: an object that equals the declared one but for its name."""

import dataclasses
import re
from collections.abc import Iterator, Sequence

from lmsschema.database.catalog import Attributes, Catalog, Value
from lmsschema.database.quoting import identifier
from lmsschema.ddl import remedies
from lmsschema.ddl.statement import BRIEFLY, NO_TABLE, LockedStatement, locked, qualified
from lmsschema.drift.case import Fix
from lmsschema.drift.compare import SITE_ATTRIBUTES, Difference, Problem

#: Attributes that are ignored when two objects are compared without their names.
_BESIDE = frozenset({"own name", "comment", "constraint comment"}) | SITE_ATTRIBUTES

CONSTRAINTS = frozenset({"primary key", "unique", "exclusion", "foreign key", "check"})
_RENAMED = CONSTRAINTS | {"index", "enum"}

#: The attribute that names a column's NOT NULL constraint, from PostgreSQL 18 on.
_NOT_NULL = "not null constraint"

#: Values of that attribute that are not names.
_NO_NAMES = frozenset({None, "(of the parent)"})


@dataclasses.dataclass(frozen=True)
class Rename:
    """The rename of an object to its declared name.

    Attributes:
        kind: The kind of object.
        relation: The object's table; "" for a type.
        found: Its name in the database.
        expected: Its declared name.
        locked: The statement that renames it, with its lock.
    """

    kind: str
    relation: str
    found: str
    expected: str
    locked: LockedStatement

    @property
    def statement(self) -> str:
        """The statement that renames it."""
        return self.locked.sql

    def fix(self, difference: Difference) -> Fix:
        """Return the fix of a difference that this rename removes."""
        if difference.attribute == _NOT_NULL or difference.problem is Problem.MISSING:
            return Fix((self.locked,))
        return Fix(
            reason=f"renaming {self.kind} {self.found} to {self.expected} removes the difference"
        )


def explain(
    differences: Sequence[Difference], expected: Catalog, found: Catalog, schema: str
) -> list[Rename | None]:
    """Return for each difference the rename that removes it; None if it is not only a name.

    Args:
        differences: The differences of ``found`` from ``expected``.
        expected: The declared objects.
        found: The database's objects.
        schema: The schema of the database's objects.
    """
    pairs = list(_pairs(differences, expected, found, schema))
    types = [one for one in pairs if one.kind == "enum"]

    def explained(one: Difference) -> Rename | None:
        if one.attribute == _NOT_NULL and not {one.expected, one.found} & _NO_NAMES:
            named = one.identity.relation, "not null", str(one.found), str(one.expected)
            return _rename(*named, schema)
        if one.problem is Problem.CHANGED:
            text = str(one.found) if _follows(one, types) else ""
            return next((rename for rename in types if rename.found in text), None)
        same_place = (
            rename
            for rename in pairs
            if (rename.relation, rename.kind) == (one.identity.relation, one.identity.kind)
            and one.identity.name in {rename.found, rename.expected}
            and not one.attribute
        )
        return next(same_place, None)

    return [explained(one) for one in differences]


def _pairs(
    differences: Sequence[Difference], expected: Catalog, found: Catalog, schema: str
) -> Iterator[Rename]:
    """Yield the renames of objects that are missing under one name and exist under another."""
    spare = [
        identity
        for identity in found.objects
        if identity not in expected.objects and identity.kind in _RENAMED
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
                yield _rename(wanted.relation, wanted.kind, other.name, wanted.name, schema)
                break


def _essence(attributes: Attributes) -> dict[str, Value]:
    """Return the attributes that two objects must share to be equal but for their names."""
    return {name: value for name, value in attributes.items() if name not in _BESIDE}


def _rename(relation: str, kind: str, found: str, wanted: str, schema: str) -> Rename:
    """Return the rename of an object to its declared name."""
    if kind == "index":
        [statement] = remedies.rename_index(schema, found, wanted)
    elif kind == "enum":
        names = qualified(schema, found), identifier(wanted)
        statement = locked(NO_TABLE, "ALTER TYPE {} RENAME TO {}", *names)
    else:
        names = identifier(found), identifier(wanted)
        text = "ALTER TABLE {} RENAME CONSTRAINT {} TO {}"
        statement = locked(BRIEFLY, text, qualified(schema, relation), *names)
    return Rename(kind, relation, found, wanted, statement)


def _follows(difference: Difference, types: Sequence[Rename]) -> bool:
    """Whether renaming the types removes a difference, such as that of a column's type."""
    if not isinstance(difference.found, str):
        return False
    text = difference.found
    for one in types:
        text = re.sub(rf'(?<![\w"]){re.escape(one.found)}(?![\w"])', one.expected, text)
    return text == difference.expected and text != difference.found
