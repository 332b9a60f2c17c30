"""The metadata of all tables, the names of their constraints, and the columns that they share."""

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    FetchedValue,
    ForeignKey,
    ForeignKeyConstraint,
    MetaData,
    Numeric,
    UnaryExpression,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from lmsschema import names

#: The names that PostgreSQL itself would choose, so that a schema made by hand has the same ones.
NAMING_CONVENTION = {
    "pk": "%(table_name)s_pkey",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
}

metadata = MetaData(naming_convention=NAMING_CONVENTION)

#: ``TIMESTAMP WITH TIME ZONE``, the only type of an instant here.
Timestamp = DateTime(timezone=True)

#: What of a column's ``info`` says which type of JSON it holds.
JSON_TYPE = "json_type"

#: The ``info`` of a column that has a rule of its own for what its type takes: it came later than
#: its table's rule (lmsschema.tables.values).
CHECKED = {"checked": True}

#: The ``info`` of an index that only one profile has (lmsschema.tables.profiles).
FAITHFUL = {"profiles": {names.FAITHFUL}}
LEAN = {"profiles": {names.LEAN}}

#: The ``info`` of a table whose rows are updated all the time: where no index holds what changes, a
#: tenth of each page kept free lets PostgreSQL change a row within its page.
LEAN_90 = {"fillfactor": {names.LEAN: 90}}

NOW = text("now()")
ZERO = text("0")
ONE = text("1")
FALSE = text("false")
TRUE = text("true")

#: Points of assessments and their parts; exact, as all numbers that a grade is made of.
Points = Numeric(10, 4)

#: A weight, of which only the ratio to others counts.
Weight = Numeric(9, 4)

#: A percentage of a rule.
Percentage = Numeric(7, 4)


def identifier(comment: str | None = None) -> Column[Any]:
    """Return the key that every table has: a random UUID, made by the database."""
    return Column(
        "id", Uuid, primary_key=True, server_default=text("gen_random_uuid()"), comment=comment
    )


def reference(
    name: str, table: str, ondelete: str, comment: str | None = None, *, nullable: bool = True
) -> Column[Any]:
    """Return a column that refers to the ``id`` of a table.

    Args:
        name: The column's name.
        table: The table that it refers to.
        ondelete: What happens when the row referred to is deleted: CASCADE or SET NULL.
        comment: The column's comment.
        nullable: Whether a row may refer to none.
    """
    key = ForeignKey(f"{table}.id", ondelete=ondelete)
    return Column(name, Uuid, key, nullable=nullable, comment=comment)


def belongs(
    table: str,
    *columns: str,
    ondelete: str | None = "CASCADE",
    onupdate: str | None = None,
    name: str | None = None,
    deferred: bool = False,
) -> ForeignKeyConstraint:
    """Return a key that carries more than an ``id`` along: the course, the institution.

    What both tables have has to be the same, so that all is of one course or one institution.

    Args:
        table: The table that it refers to.
        columns: The column with its ``id``, then columns that both tables have.
        ondelete: What happens when the row referred to is deleted; None: it can't be.
        onupdate: What happens when its columns are changed.
        name: Its name, if the usual one would be too long.
        deferred: Whether it is checked at the end of the transaction: where the cascade of an
            institution gets to both tables, to the one referred to sooner.
    """
    return ForeignKeyConstraint(
        list(columns),
        [f"{table}.{'id' if n == 0 else column}" for n, column in enumerate(columns)],
        ondelete=ondelete,
        onupdate=onupdate,
        name=name,
        deferrable=deferred or None,
        initially="DEFERRED" if deferred else None,
    )


def json_object(name: str, holds: str, *, nullable: bool = True) -> Column[Any]:
    """Return a JSONB column that is an empty object by default."""
    return Column(
        name,
        JSONB(none_as_null=True),
        nullable=nullable,
        server_default=text("'{}'"),
        comment=f"JSON object: {holds}",
        info={JSON_TYPE: "object"},
    )


def json_array(name: str, holds: str, *, nullable: bool = True) -> Column[Any]:
    """Return a JSONB column that is an empty array by default."""
    return Column(
        name,
        JSONB(none_as_null=True),
        nullable=nullable,
        server_default=text("'[]'"),
        comment=f"JSON array: {holds}",
        info={JSON_TYPE: "array"},
    )


def created_at() -> Column[Any]:
    """Return the column of the time at which the row was inserted."""
    return Column("created_at", Timestamp, nullable=False, server_default=NOW)


def updated_at() -> Column[Any]:
    """Return the column of the time at which the row was last changed; a trigger keeps it.

    Since it does, SQLAlchemy's ORM reads the column anew after an UPDATE.
    """
    return Column(
        "updated_at",
        Timestamp,
        nullable=False,
        server_default=NOW,
        server_onupdate=FetchedValue(),
    )


def of_the_enrollments_user() -> ForeignKeyConstraint:
    """Return the key by which progress belongs to an enrollment, and to that enrollment's user.

    It is the only one between the two tables: with a second one, of ``enrollment_id`` alone,
    SQLAlchemy could not tell by which to join them.
    """
    return ForeignKeyConstraint(
        ["enrollment_id", "user_id"],
        ["enrollments.id", "enrollments.user_id"],
        ondelete="CASCADE",
        onupdate="CASCADE",
    )


def latest_first(column: Column[Any]) -> UnaryExpression[Any]:
    """Return the order of an index by time, with what has not happened yet at the end."""
    return column.desc().nulls_last()


def not_negative(column: str, name: str | None = None) -> CheckConstraint:
    """Return the rule that a count, a number of minutes and the like is 0 or more.

    Args:
        column: The column.
        name: What it is called in the rule's name, if its own name is too long.
    """
    return CheckConstraint(f"{column} >= 0", name=f"{name or column}_not_negative")


def positive(column: str) -> CheckConstraint:
    """Return the rule that a number is more than 0."""
    return CheckConstraint(f"{column} > 0", name=f"{column}_positive")


def from_0_to(end: int, column: str) -> CheckConstraint:
    """Return the rule that a value lies on a scale that begins at 0."""
    return CheckConstraint(f"{column} BETWEEN 0 AND {end}", name=f"{column}_from_0_to_{end}")


def within_total(part: str, total: str) -> CheckConstraint:
    """Return the rule that a part is not larger than its total."""
    return CheckConstraint(f"{part} <= {total}", name=f"{part}_within_total")


def not_before(end: str, start: str) -> CheckConstraint:
    """Return the rule that something does not end before it starts."""
    return CheckConstraint(f"{end} >= {start}", name=f"{end}_not_before_{start}")


def not_blank(column: str) -> CheckConstraint:
    """Return the rule that a name is more than white space."""
    return CheckConstraint(rf"{column} ~ '\S'", name=f"{column}_not_blank")
