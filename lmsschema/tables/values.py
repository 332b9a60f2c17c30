"""What the values of every table have to be, by the types of its columns.

JSON is of the type that its comment says. No number is NaN, which passes every ``>= 0``, and no
time is infinite.
"""

from collections.abc import Iterable, Iterator

from sqlalchemy import CheckConstraint, Date, DateTime, Numeric, Table

from lmsschema.tables._metadata import JSON_TYPE


def rules(table: Table) -> Iterator[CheckConstraint]:
    """Yield the rules of a table, one for all its JSON and one for all its numbers and times."""
    kept = {
        "json_types": [
            f"'{kind}' = all(ARRAY[{', '.join(types)}])"
            for kind in ("object", "array")
            if (
                types := [
                    f"jsonb_typeof({column.name})"
                    for column in table.columns
                    if column.info.get(JSON_TYPE) == kind
                ]
            )
        ],
        "finite_values": [
            condition.format(column.name)
            for kinds, condition in (((Date, DateTime), "isfinite({})"), (Numeric, "{} <> 'NaN'"))
            for column in table.columns
            if isinstance(column.type, kinds) and "checked" not in column.info
        ],
    }
    for name, conditions in kept.items():
        if conditions:
            yield CheckConstraint(" AND ".join(conditions), name=name)


def add_rules(tables: Iterable[Table]) -> None:
    """Give each table its rules."""
    for table in tables:
        for rule in rules(table):
            table.append_constraint(rule)
