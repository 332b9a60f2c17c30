"""Statements that SQLAlchemy has no construct for."""

from typing import Any, cast

from sqlalchemy import DDL


def ddl(text: str) -> DDL:
    """Return a statement; SQLAlchemy has no type for its constructor."""
    return cast("Any", DDL)(text)  # type: ignore[no-any-return]  # see above
