"""The type of an enumeration's columns: a StrEnum's members in Python, labels in PostgreSQL."""

import functools
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy.dialects.postgresql import ENUM

from lmsschema.tables._metadata import metadata

if TYPE_CHECKING:
    from sqlalchemy import Dialect
    from sqlalchemy.types import TypeEngine

E = TypeVar("E", bound=StrEnum)


class LabelType(ENUM):
    """An enumeration that reads a label which its StrEnum does not have as its text.

    A newer schema may have more labels than a process that still runs knows; an ENUM of SQLAlchemy
    would raise LookupError for each row that has one. What is written must be a member, or the text
    of one.
    """

    def result_processor(self, dialect: "Dialect", coltype: object) -> Callable[[Any], Any]:
        """Return what makes a member of a label that is read; the driver gives its text."""
        del dialect, coltype
        known = {member.value: member for member in self.enum_class or ()}
        return lambda label: known.get(label, label)

    def adapt(self, cls: Any, **options: Any) -> Any:  # noqa: ANN401  as SQLAlchemy has it
        """Return this type as a driver's dialect has it; it reads labels in the same way."""
        return super().adapt(_reading(cls), **options)  # type: ignore[no-untyped-call]  # as above


@functools.cache
def _reading(cls: type) -> type:
    """Return a dialect's ENUM as one that reads labels as LabelType does."""
    if not issubclass(cls, ENUM) or issubclass(cls, LabelType):
        return cls
    return type(cls.__name__, (LabelType, cls), {})


def label_type(name: str, members: type[E]) -> "TypeEngine[E]":
    """Return the type of columns that hold the members of a StrEnum.

    It belongs to the metadata, so that two tables could share it.

    Args:
        name: What PostgreSQL calls it.
        members: The labels, in PostgreSQL's order.
    """
    made = LabelType(
        members,
        name=name,
        metadata=metadata,
        values_callable=lambda members: [member.value for member in members],
        validate_strings=True,
    )
    return cast("TypeEngine[E]", made)
