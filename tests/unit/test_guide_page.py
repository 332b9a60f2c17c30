"""docs/guide.md names the schema's types, columns and indexes as they are."""

import re

from sqlalchemy.dialects.postgresql import ENUM

from lmsschema import revisions
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
    assert len(indexes) == 12
    assert indexes <= {
        str(index.name) for table in metadata.tables.values() for index in table.indexes
    }
