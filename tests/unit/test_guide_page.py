"""docs/guide.md names the schema's types, columns and indexes as they are."""

import re
import tomllib
from pathlib import Path

from sqlalchemy import CheckConstraint
from sqlalchemy.dialects.postgresql import ENUM

from lmsschema.migration import revisions
from lmsschema.tables import metadata

PAGE = (revisions.folder().parent / "docs" / "guide.md").read_text("utf-8")

COLUMNS = [column for table in metadata.tables.values() for column in table.columns]


def test_the_table_of_types_is_the_tables() -> None:
    rows = re.findall(r"^\| `(\w+\.\w+)` \| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)
    documented = [(column, name, re.findall(r"\w+", labels)) for column, name, labels in rows]
    assert documented == [
        (str(column), column.type.name, list(column.type.enums))
        for column in COLUMNS
        if isinstance(column.type, ENUM)
    ]


def test_the_columns_and_indexes_that_it_names_exist() -> None:
    names = set(re.findall(r"`(\w+\.\w+)`", PAGE)) - {"learning_sessions.id"}
    assert len(names) > 20
    assert names <= {str(column) for column in COLUMNS}
    indexes = set(re.findall(r"`(idx_\w+)`", PAGE))
    assert indexes == {
        str(index.name) for table in metadata.tables.values() for index in table.indexes
    }


def test_every_rule_of_the_tables_is_in_it_and_no_other() -> None:
    checks = {
        str(constraint.name): str(constraint.sqltext)
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert dict(re.findall(r"^\| `(\w+_check)` \| `(.+?)` \| ", PAGE, re.MULTILINE)) == checks


def test_every_column_that_became_not_null_is_in_it() -> None:
    section = PAGE.partition("### NOT NULL")[2].partition("Nullable on purpose")[0]
    named = set(re.findall(r"`(\w+\.\w+)`", section))
    guide = {
        f"{table}.{name}": null
        for case in sorted((Path(__file__).parents[1] / "tables" / "guide_cases").glob("*.toml"))
        for table, part in tomllib.loads(case.read_text("utf-8")).items()
        for name, _, null, *_ in part["columns"]
    }
    assert named == {
        str(column)
        for column in COLUMNS
        if not column.nullable and guide.get(str(column)) == "null"
    }
