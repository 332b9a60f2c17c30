"""The form of a difference in ``--json``, for every command that reports one."""

from collections.abc import Iterator, Sequence
from typing import Any

from lmsschema.database.catalog import Catalog
from lmsschema.database.configuration import SchemaExtension
from lmsschema.drift import fixes
from lmsschema.drift.compare import Difference


def differences(found: Sequence[Difference]) -> Iterator[dict[str, Any]]:
    """Yield differences as JSON objects."""
    for one in found:
        yield {
            "relation": one.identity.relation or None,
            "kind": one.identity.kind,
            "name": one.identity.name,
            "problem": one.problem.value,
            "attribute": one.attribute or None,
            "expected": one.expected,
            "found": one.found,
        }


def extensions(declared: Sequence[SchemaExtension]) -> Iterator[dict[str, str]]:
    """Yield declared extensions as JSON objects."""
    for one in declared:
        yield {"relation": one.on, "kind": one.kind, "name": one.name, "reason": one.reason}


def with_fixes(
    found: Sequence[Difference], expected: Catalog, actual: Catalog, schema: str
) -> Iterator[dict[str, Any]]:
    """Yield differences as JSON objects, each with its fix of :func:`fixes.plan`."""
    plan = fixes.plan(found, expected, actual, schema)
    for one, fix in zip(differences(found), plan, strict=True):
        statements = [statement.data() for statement in fix.statements]
        yield one | {"statements": statements, "not_undone": fix.reason or None}
