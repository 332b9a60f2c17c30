"""What keeps ``updated_at``: a trigger of each table that has the column, and its function.

They are of the metadata as indexes are: ``create_all`` makes them, and so does the script.
"""

from typing import Any, cast

from sqlalchemy import DDL, Table

#: A row that is written as it was has not been changed.
TRIGGER = """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON {table}
FOR EACH ROW
WHEN ({old} IS DISTINCT FROM {new})
EXECUTE FUNCTION set_updated_at()"""

FUNCTION = """\
CREATE FUNCTION set_updated_at() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    new.updated_at := pg_catalog.now();
    RETURN new;
END
$$"""


def functions() -> list[DDL]:
    """Return the statements that make the functions which triggers call."""
    return [ddl(FUNCTION)]


def triggers(table: Table) -> list[DDL]:
    """Return the statements that make the triggers of a table."""
    if "updated_at" not in table.columns:
        return []
    old, new = (_row(table, name) for name in ("old", "new"))
    return [ddl(TRIGGER.format(table=table.name, old=old, new=new))]


def _row(table: Table, name: str) -> str:
    """Return the old or the new row; generated columns may not be compared beforehand."""
    written = [column.name for column in table.columns if column.computed is None]
    if len(written) == len(table.columns):
        return f"{name}.*"
    return f"({', '.join(f'{name}.{column}' for column in written)})"


def ddl(text: str) -> DDL:
    """Return a statement; SQLAlchemy has no type for its constructor."""
    return cast("Any", DDL)(text)  # type: ignore[no-any-return]  # see above
