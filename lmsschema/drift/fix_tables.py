"""Fixes of tables, their columns, and types."""

from collections.abc import Callable

from psycopg import sql

from lmsschema.database.quoting import identifier, literal
from lmsschema.ddl.not_null import NotNull
from lmsschema.ddl.statement import BRIEFLY, NO_TABLE, UNNOTICED, WRITES_WAIT, locked
from lmsschema.drift.case import Case, Fix, printed


def not_null(case: Case) -> Fix:
    """Drop NOT NULL, or set it after a CHECK was validated, so that it needs no scan."""
    if not case.difference.expected:
        return Fix((case.alter(BRIEFLY, "ALTER COLUMN {} DROP NOT NULL", case.name),))
    step = NotNull(case.identity.relation, (case.identity.name,))
    return Fix(tuple(step.script(case.schema)))


def default(case: Case) -> Fix:
    """Set or drop a column's default."""
    expected = case.difference.expected
    if case.found.get("generated") is not None:
        return Fix(reason="it is a generated column, which has no default")
    if expected is None:
        return Fix((case.alter(BRIEFLY, "ALTER COLUMN {} DROP DEFAULT", case.name),))
    return Fix(
        (case.alter(BRIEFLY, "ALTER COLUMN {} SET DEFAULT {}", case.name, printed(expected)),)
    )


def column(lock: str, text: str, none: str) -> Callable[[Case], Fix]:
    """Return a function that fixes an attribute of a column.

    Args:
        lock: The lock that the statement takes.
        text: The ALTER COLUMN action, without the value.
        none: The value to set if none is declared.
    """

    def fix(case: Case) -> Fix:
        expected = case.difference.expected
        value = printed(none if expected is None else expected)
        return Fix((case.alter(lock, "ALTER COLUMN {} " + text + " {}", case.name, value),))

    return fix


def storage_parameters(case: Case) -> Fix:
    """Set and reset storage parameters, so that they equal the declared ones."""
    expected, found = (
        dict(str(option).split("=", 1) for option in side) if isinstance(side, list) else {}
        for side in (case.difference.expected, case.difference.found)
    )
    statements = [
        case.alter(UNNOTICED, "RESET ({})", printed(name)) for name in found if name not in expected
    ]
    statements += [
        case.alter(UNNOTICED, "SET ({} = {})", printed(name), sql.Literal(value))
        for name, value in expected.items()
        if found.get(name) != value
    ]
    return Fix(tuple(statements))


def options(case: Case) -> Fix:
    """Reset a column's options, since no declared column has any."""
    if case.difference.expected is not None or not isinstance(case.difference.found, list):
        return Fix(reason="set the column's options by hand")
    names = ", ".join(str(option).split("=", 1)[0] for option in case.difference.found)
    return Fix((case.alter(UNNOTICED, "ALTER COLUMN {} RESET ({})", case.name, printed(names)),))


def row_security(on: str, off: str) -> Callable[[Case], Fix]:
    """Return a function that switches a table's row security, with the keywords for on and off."""

    def fix(case: Case) -> Fix:
        word = on if case.difference.expected else off
        return Fix((case.alter(BRIEFLY, word + " ROW LEVEL SECURITY"),))

    return fix


def replica_identity(case: Case) -> Fix:
    """Set a table's replica identity."""
    kind, _, index = str(case.difference.expected).partition(" ")
    if kind == "index":
        return Fix((case.alter(BRIEFLY, "REPLICA IDENTITY USING INDEX {}", identifier(index)),))
    return Fix((case.alter(BRIEFLY, "REPLICA IDENTITY " + kind.upper()),))


def labels(case: Case) -> Fix:
    """Add the labels that an enum lacks, each before the next one that it has."""
    expected, found = case.difference.expected, case.difference.found
    if not isinstance(expected, list) or not isinstance(found, list):
        return Fix(reason="it is no longer an enum")
    if [label for label in expected if label in found] != found:
        return Fix(reason="PostgreSQL can't remove labels of an enum or change their order")
    statements = []
    for position, label in enumerate(expected):
        if label in found:
            continue
        later = next((other for other in expected[position:] if other in found), None)
        place = sql.SQL(" BEFORE {}").format(literal(later)) if later is not None else sql.SQL("")
        statements.append(
            locked(NO_TABLE, "ALTER TYPE {} ADD VALUE {}{}", case.full_name, literal(label), place)
        )
    return Fix(tuple(statements))


def enabled(case: Case) -> Fix:
    """Enable or disable a trigger as declared."""
    word = {
        "yes": "ENABLE",
        "no": "DISABLE",
        "always": "ENABLE ALWAYS",
        "on a replica": "ENABLE REPLICA",
    }[str(case.difference.expected)]
    return Fix((case.alter(WRITES_WAIT, f"{word} TRIGGER {{}}", case.name),))


def view(case: Case) -> Fix:
    """Create a view, or have it read again what is declared; it keeps its grants."""
    columns = [
        {
            (one.name, attributes.get("type"))
            for one, attributes in side.objects.items()
            if one.kind == "column" and one.relation == case.identity.relation
        }
        for side in (case.expected, case.actual)
    ]
    if case.found and columns[0] != columns[1]:
        return Fix(reason="its columns differ: drop it, and create it as 'lmsschema ddl' has it")
    options = case.declared.get("storage parameters")
    given = f" WITH ({', '.join(map(str, options))})" if isinstance(options, list) else ""
    made = locked(
        BRIEFLY if case.found else NO_TABLE,
        "CREATE OR REPLACE VIEW {}{} AS {}",
        case.table,
        printed(given),
        printed(str(case.declared["definition"]).strip().rstrip(";")),
    )
    if case.found:
        return Fix((made,))
    comment = literal(case.declared.get("comment"))
    return Fix((made, locked(UNNOTICED, "COMMENT ON VIEW {} IS {}", case.table, comment)))
