"""What keeps ``updated_at``: a trigger of each table that has the column, and its function."""

from typing import Any, cast

from sqlalchemy import DDL, Table

#: A row that is written as it was has not been changed.
TRIGGER = """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON {table}
FOR EACH ROW
WHEN ({changed})
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
    if "updated_at" not in table.columns:
        return []
    return [ddl(TRIGGER.format(table=table.name, changed=_changed(table)))]


def _changed(table: Table) -> str:
    """Return the condition that a row is changed; generated columns may not be asked beforehand."""
    written = [column.name for column in table.columns if column.computed is None]
    if len(written) == len(table.columns):
        return "old.* IS DISTINCT FROM new.*"
    # as PostgreSQL prints it: a comparison of two lists comes back otherwise from a dump
    listed = "\n    OR ".join(f"old.{name} IS DISTINCT FROM new.{name}" for name in written)
    return f"\n    {listed}\n"


def ddl(text: str) -> DDL:
    """Return a statement; SQLAlchemy has no type for its constructor."""
    return cast("Any", DDL)(text)  # type: ignore[no-any-return]  # see above
