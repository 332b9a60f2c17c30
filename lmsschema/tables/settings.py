"""The table in which a database says which index profile it has; without a row it is the guide's.

It is lmsschema's own, as the version table is, and so in a metadata of its own: an application that
migrates with this package's metadata does not meet it. A dump, a restore and a copy of a database
keep what it says.
"""

from sqlalchemy import Boolean, CheckConstraint, Column, MetaData, Table, Text, text

from lmsschema import names
from lmsschema.tables._metadata import NAMING_CONVENTION, NOW, Timestamp

settings = Table(
    names.SETTINGS,
    MetaData(naming_convention=NAMING_CONVENTION),
    Column(
        "one_row",
        Boolean,
        primary_key=True,
        server_default=text("true"),
        comment="Always true: the table has one row at most",
    ),
    Column("profile", Text, nullable=False, comment="Index profile: faithful or lean"),
    Column("changed_at", Timestamp, nullable=False, server_default=NOW),
    CheckConstraint("one_row", name="one_row"),
    comment="Settings of lmsschema; without a row the index profile is faithful",
)
