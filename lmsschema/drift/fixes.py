"""Fixes of differences: statements, each with its lock, or the reason why there are none.

A fix is safe if it loses no row and no value, rewrites no table, and holds a blocking lock only
briefly. Differences without a safe fix are left to a person, with the reason.
"""

import re
from collections.abc import Callable, Sequence

from psycopg import sql

from lmsschema.database.catalog import Catalog, Value
from lmsschema.database.quoting import literal
from lmsschema.ddl.statement import BRIEFLY, NO_TABLE, UNNOTICED, WRITES_WAIT, locked
from lmsschema.drift import fix_indexes, fix_tables, renames
from lmsschema.drift.case import Case, Fix, printed
from lmsschema.drift.compare import SITE_ATTRIBUTES, Difference, Problem
from lmsschema.drift.extensions import DECLARED

#: When fixes of a kind are run: after those of what they refer to.
_RANKS = {"enum": 1, "function": 1, "foreign key": 3, "view": 4}


def plan(
    differences: Sequence[Difference], expected: Catalog, found: Catalog, schema: str
) -> list[Fix]:
    """Return the fix of each difference, in the order of the differences.

    Args:
        differences: The differences that :func:`lmsschema.drift.compare.compare` returned.
        expected: The declared objects.
        found: The database's objects.
        schema: The schema of the database's objects.
    """
    explained = renames.explain(differences, expected, found, schema)
    return [
        find(Case(difference, expected, found, schema))
        if rename is None
        else rename.fix(difference)
        for difference, rename in zip(differences, explained, strict=True)
    ]


def in_order(
    differences: Sequence[Difference], fixes: Sequence[Fix]
) -> list[tuple[Difference, Fix]]:
    """Return the differences with their fixes, in the order in which the fixes can be run."""

    def rank(pair: tuple[Difference, Fix]) -> int:
        difference, fix = pair
        if any(" RENAME " in one.sql for one in fix.statements) and len(fix.statements) == 1:
            return 0
        return _RANKS.get(difference.identity.kind, 2)

    return sorted(zip(differences, fixes, strict=True), key=rank)


def find(case: Case) -> Fix:
    """Return the fix of a difference that is not only a name."""
    obstacle = _obstacle(case)
    if obstacle:
        return Fix(reason=obstacle)
    ways: dict[Problem, Callable[[Case], Fix]] = {
        Problem.MISSING: _missing,
        Problem.UNEXPECTED: _unexpected,
        Problem.CHANGED: _changed,
        Problem.UNMANAGED: lambda _: Fix(reason="it is not declared and belongs to the site"),
    }
    return ways[case.difference.problem](case)


def _missing(case: Case) -> Fix:
    """Create a missing object."""
    return _of(_MISSING, case, "create it with its statement from 'lmsschema ddl'")


def _changed(case: Case) -> Fix:
    """Change an attribute back to its declared value."""
    if case.difference.attribute == "comment":
        return _comment(case)
    if case.difference.attribute in SITE_ATTRIBUTES:
        return Fix(reason="lmsschema partitions ensure --repair copies it from the table")
    return _of(_CHANGED, case, "changing it back could rewrite the table or lose values")


def _obstacle(case: Case) -> str:
    """Return what must be fixed before a key, index, trigger or view; "" if nothing."""
    identity, expected, found = case.identity, case.expected.objects, case.actual.objects
    if case.difference.attribute == DECLARED:
        return "the configuration file declares it; an application's own migration makes it"
    if identity.kind == "view":
        return _unreadable(case)
    if identity.kind not in renames.CONSTRAINTS | {"index", "trigger"}:
        return ""
    if case.difference.problem is Problem.UNEXPECTED:
        return _dependents(case) if identity.kind in _KEYS else ""
    gone = expected.keys() - found.keys()
    if any(one.kind == "column" and one.relation == identity.relation for one in gone):
        return "columns of its table are missing: create them first"
    lacks = identity.kind == "foreign key" and any(one.kind == "table" for one in gone)
    return "a table is missing: create it first" if lacks else ""


def _unreadable(case: Case) -> str:
    """Return a reason if a table or column that a view reads is missing, else ""."""
    objects = case.expected.objects
    read = set(re.findall(r"\w+", str(objects.get(case.identity, {}).get("definition"))))
    tables = {one.relation for one in objects if one.kind == "table"}
    for one in sorted(objects.keys() - case.actual.objects.keys()):
        is_of_table = one.kind in {"table", "column"} and one.relation in tables
        if is_of_table and {one.relation, one.name} <= read:
            what = f"column {one.name} of " if one.kind == "column" else ""
            return f"{what}table {one.relation} is missing: create it first"
    return ""


def _dependents(case: Case) -> str:
    """Return a reason if foreign keys depend on a key that no other key can replace, else ""."""
    relation, objects = case.identity.relation, case.actual.objects.items()
    wanted = _columns(case.found.get("constraint"))
    others = [
        identity
        for identity, attributes in objects
        if identity.relation == relation
        and identity.kind in _KEYS
        and identity != case.identity
        and _columns(attributes.get("constraint")) == wanted
    ]
    referred = [
        _REFERRED.search(str(attributes["definition"]))
        for identity, attributes in objects
        if identity.kind == "foreign key"
    ]
    needed = any(
        one[1].strip('"') == relation and _columns(one[2]) == wanted for one in referred if one
    )
    return "foreign keys depend on it" if needed and not others else ""


def _columns(definition: Value) -> set[str]:
    """Return the columns in the first parentheses of a definition."""
    text = str(definition).partition("(")[2].partition(")")[0]
    return {column.strip() for column in text.split(",")}


def _of(ways: "dict[tuple[str, str], Callable[[Case], Fix]]", case: Case, otherwise: str) -> Fix:
    """Return the fix for the case's kind of object and attribute."""
    way = ways.get((case.identity.kind, case.difference.attribute))
    return way(case) if way is not None else Fix(reason=otherwise)


def _comment(case: Case) -> Fix:
    """Set a comment to the declared one."""
    kind = case.identity.kind
    ways = {
        "table": "TABLE {table}",
        "view": "VIEW {table}",
        "materialized view": "MATERIALIZED VIEW {table}",
        "column": "COLUMN {table}.{name}",
        "index": "INDEX {full}",
        "primary key": "INDEX {full}",
        "unique": "INDEX {full}",
        "exclusion": "INDEX {full}",
        "foreign key": "CONSTRAINT {name} ON {table}",
        "check": "CONSTRAINT {name} ON {table}",
        "trigger": "TRIGGER {name} ON {table}",
        "rule": "RULE {name} ON {table}",
        "policy": "POLICY {name} ON {table}",
        "statistics": "STATISTICS {full}",
        "enum": "TYPE {full}",
        "sequence": "SEQUENCE {full}",
    }
    if kind not in ways:
        return Fix(reason="set the comment by hand")
    target = sql.SQL(ways[kind]).format(table=case.table, name=case.name, full=case.full_name)
    lock = NO_TABLE if kind == "enum" else UNNOTICED
    return Fix((locked(lock, "COMMENT ON {} IS {}", target, literal(case.difference.expected)),))


def _unexpected(case: Case) -> Fix:
    """Drop an object that is not declared, unless values could be lost with it."""
    kind = case.identity.kind
    if kind == "index":
        return fix_indexes.unexpected_index(case)
    if kind in renames.CONSTRAINTS:
        return fix_indexes.unexpected_constraint(case)
    if kind in {"trigger", "rule", "policy"}:
        text = f"DROP {kind.upper()} {{}} ON {{}}"
        return Fix((locked(BRIEFLY, text, case.name, case.table),))
    if kind == "statistics":
        return Fix((locked(UNNOTICED, "DROP STATISTICS {}", case.full_name),))
    return Fix(reason="dropping it could lose values")


def _again(text: str) -> Callable[[Case], Fix]:
    """Return a function that runs a definition that PostgreSQL has printed completely."""

    def fix(case: Case) -> Fix:
        definition = str(case.declared["definition"]).rstrip().rstrip(";")
        # catalog_routines.sql: a function that names its own schema
        own = literal(case.schema).as_string()
        definition = definition.replace(
            "SET search_path TO (its schema)", f"SET search_path TO {own}"
        )
        return Fix((locked(WRITES_WAIT, text, printed(definition)),))

    return fix


_KEYS = ("primary key", "unique")

#: The table that a foreign key refers to, and its columns.
_REFERRED = re.compile(r" REFERENCES (.+?)(\(.*?\))")

_LOST_ROWS = "its rows were dropped with it: restore it from a backup"
_ENSURE = "lmsschema partitions ensure creates it"


def _missing_table(case: Case) -> Fix:
    bounds = case.difference.expected
    return Fix(reason=_LOST_ROWS if bounds is None else _ENSURE)


_INDEX_KINDS = ("index", "primary key", "unique")
_MISSING: dict[tuple[str, str], Callable[[Case], Fix]] = {
    ("table", ""): _missing_table,
    ("column", ""): lambda _: Fix(
        reason="its values were dropped with it, and a new column would be the last one"
    ),
    ("foreign key", ""): fix_indexes.missing_constraint,
    ("check", ""): fix_indexes.missing_constraint,
    ("trigger", ""): _again("{}"),
    ("rule", ""): _again("{}"),
    ("function", ""): _again("{}"),
    ("view", ""): fix_tables.view,
    **{(kind, ""): fix_indexes.missing_index for kind in _INDEX_KINDS},
}
_CHANGED: dict[tuple[str, str], Callable[[Case], Fix]] = {
    ("column", "default"): fix_tables.default,
    ("column", "not null"): fix_tables.not_null,
    ("column", "storage"): fix_tables.column(BRIEFLY, "SET STORAGE", "default"),
    ("column", "compression"): fix_tables.column(BRIEFLY, "SET COMPRESSION", "default"),
    ("column", "statistics target"): fix_tables.column(UNNOTICED, "SET STATISTICS", "-1"),
    ("column", "options"): fix_tables.options,
    ("table", "storage parameters"): fix_tables.storage_parameters,
    ("table", "row security"): fix_tables.row_security("ENABLE", "DISABLE"),
    ("table", "forced row security"): fix_tables.row_security("FORCE", "NO FORCE"),
    ("table", "replica identity"): fix_tables.replica_identity,
    ("table", "revision"): lambda _: Fix(
        reason="if the database is at that revision, lmsschema stamp records it"
    ),
    ("table", "partition of"): lambda _: Fix(reason="lmsschema partitions restore attaches it"),
    ("table", "move of rows"): lambda _: Fix(reason="lmsschema partitions heal completes it"),
    ("table", "detach pending"): lambda _: Fix(
        reason="lmsschema partitions ensure completes the detach"
    ),
    ("foreign key", "definition"): fix_indexes.changed_constraint,
    ("foreign key", "triggers"): lambda _: Fix(
        reason="rows that violate it may have been written while its triggers were disabled"
    ),
    ("check", "definition"): fix_indexes.changed_constraint,
    ("enum", "labels"): fix_tables.labels,
    ("trigger", "enabled"): fix_tables.enabled,
    ("function", "definition"): _again("{}"),
    ("view", "definition"): fix_tables.view,
    ("view", "storage parameters"): fix_tables.storage_parameters,
    ("index", "definition"): fix_indexes.changed_index,
    **{(kind, "valid"): fix_indexes.invalid_index for kind in _INDEX_KINDS},
    **{
        (kind, "clustered on"): lambda case: Fix((case.alter(UNNOTICED, "SET WITHOUT CLUSTER"),))
        for kind in _INDEX_KINDS
    },
}
