"""What keeps ``updated_at``: a trigger of each table that has the column, and its function."""

from typing import Any, cast

from sqlalchemy import DDL, Table

#: A row that is written as it was has not been changed.
TRIGGER = """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON {table}
FOR EACH ROW
WHEN (old.* IS DISTINCT FROM new.*)
EXECUTE FUNCTION set_updated_at()"""

FUNCTION = """\
CREATE FUNCTION set_updated_at() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    new.updated_at := pg_catalog.now();
    RETURN new;
END
$$"""


def functions() -> dict[str, DDL]:
    """Return the statement that makes the function which triggers call, by its signature."""
    return {"set_updated_at()": ddl(FUNCTION)}


def triggers(table: Table) -> list[DDL]:
    """Return the statements that make the triggers of a table."""
    return [ddl(TRIGGER.format(table=table.name))] if "updated_at" in table.columns else []


def ddl(text: str) -> DDL:
    """Return a statement; SQLAlchemy has no type for its constructor."""
    return cast("Any", DDL)(text)  # type: ignore[no-any-return]  # see above
