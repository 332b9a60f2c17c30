"""The tables that were detached from a partitioned table, by what lmsschema wrote on them."""

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.partition_manager.retention import Mark, parse_mark
from lmsschema.partitions import Policy


def tables(database: Database, policy: Policy) -> list[tuple[str, Mark]]:
    """Return the tables that lmsschema detached from a table, with what it noted then."""
    rows = database.conn.execute(
        query("partition_manager/detached"), {"schema": database.schema}
    ).fetchall()
    marks = [(name, parse_mark(note)[0]) for name, note in rows]
    return [(name, mark) for name, mark in marks if mark is not None and mark.table == policy.table]
