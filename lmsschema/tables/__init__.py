"""The schema of the guide as SQLAlchemy Core tables: the single source of what a database holds.

One module a part of the guide. An application can import the tables to read and write rows.
"""

from lmsschema.tables import analytics, foundation, progress
from lmsschema.tables._metadata import metadata

__all__ = ["analytics", "foundation", "metadata", "progress"]
