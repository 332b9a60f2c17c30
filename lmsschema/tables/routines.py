"""The functions of the schema, and the triggers of each table.

They are of the metadata as indexes are: ``create_all`` makes them, and so does the script.
"""

# ruff: noqa: PLR0402  "from lmsschema.tables import" would build the tables, which ask this module
from sqlalchemy import DDL, Table

import lmsschema.tables.search as search
import lmsschema.tables.updated_at as updated_at


def functions() -> dict[str, DDL]:
    """Return the statements that make the functions, by their signatures."""
    return updated_at.functions() | search.functions()


def triggers(table: Table) -> list[DDL]:
    """Return the statements that make the triggers of a table."""
    return [*search.triggers(table), *updated_at.triggers(table)]
