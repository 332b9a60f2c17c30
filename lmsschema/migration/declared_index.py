"""The step that builds an index which the tables declare."""

import sqlalchemy
from sqlalchemy.dialects import postgresql

from lmsschema.ddl.index import Index
from lmsschema.ddl.partitioned_index import PartitionedIndex
from lmsschema.errors import LmsschemaError


def step(index: sqlalchemy.Index) -> Index | PartitionedIndex:
    """Return the step that builds an index of SQLAlchemy's.

    Raises:
        LmsschemaError: No step can make it, or it is an index of no table.
    """
    if index.table is None:
        raise LmsschemaError(f"index {index.name} is declared without a table")
    partitioned = index.table.dialect_options["postgresql"]["partition_by"]
    dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
    made = sqlalchemy.schema.CreateIndex(index).compile(dialect=dialect)
    return (PartitionedIndex if partitioned else Index).parse(str(made))
