"""The way back from a difference: statements, each with the lock that it takes, or why not.

Safe is what loses no row and no value, rewrites no table, and holds a blocking lock only for a
moment. Everything else is named, for a person to decide.
"""

from collections.abc import Callable

from psycopg import sql

from lmsschema.database.catalog import Attributes, Catalog, Identity
from lmsschema.database.quoting import identifier, literal
from lmsschema.drift import fix_indexes, fix_tables
from lmsschema.drift.compare import SITE_ATTRIBUTES, Difference, Problem
from lmsschema.drift.fix_case import (
    BRIEFLY,
    NO_TABLE,
    UNNOTICED,
    WRITES_WAIT,
    Case,
    Remedy,
    Statement,
    printed,
    statement,
)


def find(difference: Difference, expected: Catalog, found: Catalog) -> Remedy:
    """Return the way back from a difference.

    Args:
        difference: One that :func:`lmsschema.drift.compare.compare` returned.
        expected: The objects that it compared with.
        found: The database's objects.
    """
    identity = difference.identity
    table = Identity(identity.relation, "table", identity.relation)
    case = Case(
        difference,
        expected.objects.get(identity, {}),
        found.objects.get(identity, {}),
        partitioned=found.objects.get(table, {}).get("partition key") is not None,
    )
    renamed = _renamed(case, expected, found)
    obstacle = _obstacle(case, expected, found)
    if renamed is not None or obstacle:
        return renamed or Remedy(reason=obstacle)
    ways: dict[Problem, Callable[[Case], Remedy]] = {
        Problem.MISSING: _missing,
        Problem.UNEXPECTED: _unexpected,
        Problem.CHANGED: _changed,
        Problem.UNMANAGED: lambda _: Remedy(reason="the site's own"),
    }
    return ways[difference.problem](case)


def _missing(case: Case) -> Remedy:
    """Make something again."""
    return _of(_MISSING, case, "create it again from what 'lmsschema ddl' prints")


def _changed(case: Case) -> Remedy:
    """Change something back."""
    if case.difference.attribute == "comment":
        return _comment(case)
    if case.difference.attribute in SITE_ATTRIBUTES:
        return Remedy(reason="lmsschema partitions ensure --repair gives it the table's")
    return _of(_CHANGED, case, "it can't be changed back without a rewrite or a loss")


def _renamed(case: Case, expected: Catalog, found: Catalog) -> Remedy | None:
    """Return the way back to its name for an index or constraint that has another one now."""
    identity = case.identity
    if identity.kind not in _RENAMES or case.difference.problem is Problem.CHANGED:
        return None
    mine, there, known = case.declared, found.objects, expected.objects
    if case.difference.problem is Problem.UNEXPECTED:
        mine, there, known = case.found, known, there
    twins = [
        other.name
        for other, attributes in there.items()
        if (other.relation, other.kind) == (identity.relation, identity.kind)
        and other not in known
        and _essence(attributes) == _essence(mine)
    ]
    if len(twins) != 1:
        return None
    if case.difference.problem is Problem.UNEXPECTED:
        return Remedy(reason=f"it is {twins[0]} under another name, which gets its own back")
    if identity.kind == "index":
        text, lock = "ALTER INDEX {other} RENAME TO {name}", UNNOTICED
    else:
        text, lock = "ALTER TABLE {table} RENAME CONSTRAINT {other} TO {name}", BRIEFLY
    rename = sql.SQL(text).format(
        table=case.table, other=sql.Identifier(twins[0]), name=sql.Identifier(identity.name)
    )
    return Remedy((Statement(rename.as_string(), lock),))


def _essence(attributes: Attributes) -> dict[str, object]:
    """Return an object's attributes without what it is called."""
    return {name: value for name, value in attributes.items() if name != "own name"}


def _obstacle(case: Case, expected: Catalog, found: Catalog) -> str:
    """Return what stands in the way of mending a key, index or constraint, or an empty text."""
    identity = case.identity
    if identity.kind not in _RENAMES:
        return ""
    if case.difference.problem is Problem.UNEXPECTED:
        reference = sql.SQL(" REFERENCES {}(").format(identifier(identity.relation))
        keys = (a.get("definition") for i, a in found.objects.items() if i.kind == "foreign key")
        if identity.kind in _KEYS and any(reference.as_string() in str(key) for key in keys):
            return "foreign keys refer to the table and may depend on it"
        return ""
    gone = expected.objects.keys() - found.objects.keys()
    if any(one.kind == "column" and one.relation == identity.relation for one in gone):
        return "columns of its table are missing; they come first"
    if identity.kind == "foreign key" and any(one.kind == "table" for one in gone):
        return "a table is missing; it comes first"
    return ""


def _of(
    ways: "dict[tuple[str, str], Callable[[Case], Remedy]]", case: Case, otherwise: str
) -> Remedy:
    """Return the remedy for the case's kind of object and attribute."""
    way = ways.get((case.identity.kind, case.difference.attribute))
    return way(case) if way is not None else Remedy(reason=otherwise)


def _comment(case: Case) -> Remedy:
    """Put a comment back."""
    kind = case.identity.kind
    ways = {
        "table": "TABLE {table}",
        "view": "VIEW {table}",
        "materialized view": "MATERIALIZED VIEW {table}",
        "column": "COLUMN {table}.{name}",
        "index": "INDEX {name}",
        "primary key": "INDEX {name}",
        "unique": "INDEX {name}",
        "exclusion": "INDEX {name}",
        "foreign key": "CONSTRAINT {name} ON {table}",
        "check": "CONSTRAINT {name} ON {table}",
        "trigger": "TRIGGER {name} ON {table}",
        "rule": "RULE {name} ON {table}",
        "policy": "POLICY {name} ON {table}",
        "statistics": "STATISTICS {name}",
        "enum": "TYPE {name}",
        "sequence": "SEQUENCE {name}",
    }
    if kind not in ways:
        return Remedy(reason="put the comment back by hand")
    target = sql.SQL(ways[kind]).format(table=case.table, name=case.name)
    lock = NO_TABLE if kind == "enum" else UNNOTICED
    return Remedy(
        (statement("COMMENT ON {} IS {}", lock, target, literal(case.difference.expected)),)
    )


def _unexpected(case: Case) -> Remedy:
    """Take away what a managed table has too many, unless rows would lose something."""
    kind = case.identity.kind
    if kind == "index":
        if case.partitioned:
            return Remedy((statement("DROP INDEX {}", BRIEFLY, case.name),))
        return Remedy((statement("DROP INDEX CONCURRENTLY {}", UNNOTICED, case.name),))
    if kind in {"primary key", "unique", "exclusion", "foreign key", "check"}:
        return Remedy((case.alter(BRIEFLY, "DROP CONSTRAINT {}", case.name),))
    drops = {"trigger": "DROP TRIGGER {} ON {}", "rule": "DROP RULE {} ON {}"}
    drops["policy"] = "DROP POLICY {} ON {}"
    if kind in drops:
        return Remedy((statement(drops[kind], BRIEFLY, case.name, case.table),))
    if kind == "statistics":
        return Remedy((statement("DROP STATISTICS {}", UNNOTICED, case.name),))
    return Remedy(reason="dropping it could lose values")


def _again(text: str) -> Callable[[Case], Remedy]:
    """Return what runs a definition that PostgreSQL printed in full."""

    def way(case: Case) -> Remedy:
        definition = str(case.declared["definition"]).rstrip().rstrip(";")
        return Remedy((statement(text, WRITES_WAIT, printed(definition)),))

    return way


_KEYS = ("primary key", "unique")
_RENAMES = ("index", "foreign key", "check", "exclusion", *_KEYS)

_LOST_ROWS = "its rows are gone with it; restore them from a backup"
_ENSURE = "lmsschema partitions ensure makes it"


def _missing_table(case: Case) -> Remedy:
    bounds = case.difference.expected
    return Remedy(reason=_LOST_ROWS if bounds is None else _ENSURE)


_INDEX_KINDS = ("index", "primary key", "unique")
_MISSING: dict[tuple[str, str], Callable[[Case], Remedy]] = {
    ("table", ""): _missing_table,
    ("column", ""): lambda _: Remedy(reason="its values are gone; a new column would come last"),
    ("foreign key", ""): fix_indexes.missing_constraint,
    ("check", ""): fix_indexes.missing_constraint,
    ("trigger", ""): _again("{}"),
    ("rule", ""): _again("{}"),
    ("function", ""): _again("{}"),
    **{(kind, ""): fix_indexes.missing_index for kind in _INDEX_KINDS},
}
_CHANGED: dict[tuple[str, str], Callable[[Case], Remedy]] = {
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
    ("table", "revision"): lambda _: Remedy(reason="lmsschema stamp records it, if it is right"),
    ("table", "partition of"): lambda _: Remedy(reason="lmsschema partitions restore attaches it"),
    ("table", "move of rows"): lambda _: Remedy(reason="lmsschema partitions heal ends it"),
    ("table", "detach pending"): lambda _: Remedy(reason="lmsschema partitions ensure ends it"),
    ("foreign key", "definition"): fix_indexes.changed_constraint,
    ("foreign key", "triggers"): lambda _: Remedy(reason="rows that violate it may have come in"),
    ("check", "definition"): fix_indexes.changed_constraint,
    ("enum", "labels"): fix_tables.labels,
    ("trigger", "enabled"): fix_tables.enabled,
    ("function", "definition"): _again("{}"),
    ("index", "definition"): fix_indexes.changed_index,
    **{(kind, "valid"): fix_indexes.invalid_index for kind in _INDEX_KINDS},
    **{
        (kind, "clustered on"): lambda case: Remedy((case.alter(UNNOTICED, "SET WITHOUT CLUSTER"),))
        for kind in _INDEX_KINDS
    },
}
