"""The way back for tables, their columns, and types."""

from collections.abc import Callable

from psycopg import sql

from lmsschema.database.quoting import literal
from lmsschema.drift.fix_case import (
    BRIEFLY,
    NO_TABLE,
    UNNOTICED,
    WRITES_WAIT,
    Case,
    Remedy,
    printed,
    statement,
)


def not_null(case: Case) -> Remedy:
    """Take NOT NULL away, or put it back through a CHECK that is validated beforehand."""
    if not case.difference.expected:
        return Remedy((case.alter(BRIEFLY, "ALTER COLUMN {} DROP NOT NULL", case.name),))
    proof = sql.Identifier(f"{case.identity.relation[:25]}_{case.identity.name[:25]}_not_null_now")
    return Remedy(
        (
            case.alter(
                BRIEFLY, "ADD CONSTRAINT {} CHECK ({} IS NOT NULL) NOT VALID", proof, case.name
            ),
            case.alter(UNNOTICED, "VALIDATE CONSTRAINT {}", proof),
            case.alter(BRIEFLY, "ALTER COLUMN {} SET NOT NULL", case.name),
            case.alter(BRIEFLY, "DROP CONSTRAINT {}", proof),
        )
    )


def default(case: Case) -> Remedy:
    """Set or drop a column's default."""
    expected = case.difference.expected
    if case.found.get("generated") is not None:
        return Remedy(reason="it is generated now, and a generated column has no default")
    if expected is None:
        return Remedy((case.alter(BRIEFLY, "ALTER COLUMN {} DROP DEFAULT", case.name),))
    return Remedy(
        (case.alter(BRIEFLY, "ALTER COLUMN {} SET DEFAULT {}", case.name, printed(expected)),)
    )


def column(lock: str, text: str, none: str) -> Callable[[Case], Remedy]:
    """Return what sets an attribute of a column; ``none`` is the value that stands for no value."""

    def way(case: Case) -> Remedy:
        expected = case.difference.expected
        value = printed(none if expected is None else expected)
        return Remedy((case.alter(lock, "ALTER COLUMN {} " + text + " {}", case.name, value),))

    return way


def storage_parameters(case: Case) -> Remedy:
    """Set and reset storage parameters until they are the declared ones."""
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
    return Remedy(tuple(statements))


def options(case: Case) -> Remedy:
    """Take away a column's options, which none is declared to have."""
    if case.difference.expected is not None or not isinstance(case.difference.found, list):
        return Remedy(reason="set the column's options by hand")
    names = ", ".join(str(option).split("=", 1)[0] for option in case.difference.found)
    return Remedy((case.alter(UNNOTICED, "ALTER COLUMN {} RESET ({})", case.name, printed(names)),))


def row_security(on: str, off: str) -> Callable[[Case], Remedy]:
    """Return what switches a table's row security; the words for on and off."""

    def way(case: Case) -> Remedy:
        word = on if case.difference.expected else off
        return Remedy((case.alter(BRIEFLY, word + " ROW LEVEL SECURITY"),))

    return way


def replica_identity(case: Case) -> Remedy:
    """Set a table's replica identity."""
    kind, _, index = str(case.difference.expected).partition(" ")
    if kind == "index":
        return Remedy(
            (case.alter(BRIEFLY, "REPLICA IDENTITY USING INDEX {}", sql.Identifier(index)),)
        )
    return Remedy((case.alter(BRIEFLY, "REPLICA IDENTITY " + kind.upper()),))


def labels(case: Case) -> Remedy:
    """Add the labels that an enum lacks, each before the next one that it has."""
    expected, found = case.difference.expected, case.difference.found
    if not isinstance(expected, list) or not isinstance(found, list):
        return Remedy(reason="it is no enum any more")
    if [label for label in expected if label in found] != found:
        return Remedy(reason="labels can't be taken out of an enum, nor moved in it")
    statements = []
    for position, label in enumerate(expected):
        if label in found:
            continue
        later = next((other for other in expected[position:] if other in found), None)
        place = sql.SQL(" BEFORE {}").format(literal(later)) if later is not None else sql.SQL("")
        statements.append(
            statement("ALTER TYPE {} ADD VALUE {}{}", NO_TABLE, case.name, literal(label), place)
        )
    return Remedy(tuple(statements))


def enabled(case: Case) -> Remedy:
    """Enable or disable a trigger as declared."""
    word = {
        "yes": "ENABLE",
        "no": "DISABLE",
        "always": "ENABLE ALWAYS",
        "on a replica": "ENABLE REPLICA",
    }[str(case.difference.expected)]
    return Remedy((case.alter(WRITES_WAIT, f"{word} TRIGGER {{}}", case.name),))
