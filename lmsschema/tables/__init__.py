"""The schema of the guide as SQLAlchemy Core tables: the single source of what a database holds.

One module a part of the guide, two for the third. An application can import the tables to read and
write rows.
"""

from lmsschema.tables._metadata import metadata

from lmsschema.tables import foundation, progress, events, analytics  # isort: skip  # the guide's order
from lmsschema.tables import updated_at, values  # isort: skip  # they look at all of them

__all__ = ["analytics", "events", "foundation", "metadata", "progress", "updated_at", "values"]
