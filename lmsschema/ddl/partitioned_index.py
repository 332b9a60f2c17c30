"""An index on a partitioned table, built CONCURRENTLY partition by partition.

Locks:
  - SHARE on the partitioned table, for the moment of making its index, which is empty and invalid
    at first: writers wait, readers do not;
  - SHARE UPDATE EXCLUSIVE on each partition while its index is built: readers and writers go on;
  - ACCESS EXCLUSIVE on that index alone, for the moment of attaching it: whoever plans a query on
    the partition just then waits. The last makes the whole valid.

A partition that is made meanwhile gets its index when it is made, as the table has one already.
"""

import dataclasses
from collections.abc import Sequence

import psycopg
from psycopg import errors, sql

from lmsschema.database.queries import query
from lmsschema.ddl import constraints, drop_index
from lmsschema.ddl.index import Index, creation
from lmsschema.ddl.index_definition import IndexDefinition
from lmsschema.ddl.rules import Rule
from lmsschema.ddl.statement import qualified
from lmsschema.errors import LmsschemaError, UnsafeError
from lmsschema.locks import ladder
from lmsschema.locks.context import Context, Progress
from lmsschema.locks.ladder import Lock, Work

#: How often the partitions are looked over again for new ones.
_ROUNDS = 10


@dataclasses.dataclass(frozen=True)
class PartitionedIndex(IndexDefinition):
    """An index on a partitioned table."""

    @property
    def index(self) -> Index:
        """The index of the partitioned table itself."""
        return Index(**vars(self))

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether it is there and valid, and so on every partition.

        Raises:
            UnsafeError: Another index has its name.
        """
        return self.index.done(conn)

    def rules(self, conn: psycopg.Connection) -> Sequence[Rule]:
        """Return the rule that a unique index brings, unless it is done."""
        return self.index.rules(conn)

    def apply(self, context: Context) -> None:
        """Build what is missing.

        Raises:
            UnsafeError: The table has no partitions, or partitions of partitions; or another index
                has the name.
            LockTimeoutError: Old transactions or locks blocked it for too long.
        """
        with context.database.transaction(read_only=True) as conn:
            if self.done(conn):
                return
            self._refuse_other_kinds(conn)
            there = self.index.valid(conn) is not None
        if not there:
            ladder.step(
                context, lambda _: self._empty(context.database.schema), what=f"make {self}"
            )
        for _ in range(_ROUNDS):
            with context.database.transaction(read_only=True) as conn:
                missing = self._missing(conn)
                if not missing:
                    break
            for number, partition in enumerate(missing, start=1):
                what = f"building {self}: {partition} ({number} of {len(missing)})"
                context.tell(Progress(what))
                self._build(context, partition)
        with context.database.transaction(read_only=True) as conn:
            if not self.done(conn):
                raise LmsschemaError(
                    f"{self} is invalid although every partition has its own",
                    hint=f"Drop {self.name}, which concerns no other index, and run this again.",
                )

    def statements(self) -> list[str]:
        """Return the SQL for a table that has no partitions yet.

        A script can't know them. On a table with partitions it would stop all writers, which
        :meth:`apply` does not.
        """
        return [
            "-- upgrade builds it CONCURRENTLY, partition by partition\n"
            "-- squawk-ignore require-concurrent-index-creation\n"
            + creation(self.name, self.table, self.body, concurrently=False).as_string()
        ]

    def _refuse_other_kinds(self, conn: psycopg.Connection) -> None:
        found = constraints.read(conn, self.table, [""])
        [own] = constraints.on_table(found)
        nested = [one.table for one in found if one.is_partition and one.is_partitioned]
        if not own.is_partitioned or nested:
            what = f"{nested[0]} has partitions itself" if nested else "it has no partitions"
            raise UnsafeError(
                f"{self} can't be built partition by partition on {self.table}: {what}",
                hint="Build the index of each of its tables, then attach them, by hand.",
            )

    def _on_only(self) -> sql.Composed:
        return creation(self.name, self.table, self.body, concurrently=False, only=True)

    def _empty(self, schema: str) -> Work[object]:
        """Return what makes the index of the table, empty and invalid."""
        return Work(
            [Lock(schema, self.table, "SHARE")], finish=lambda conn: conn.execute(self._on_only())
        )

    def _missing(self, conn: psycopg.Connection) -> list[str]:
        """Return the partitions that have no valid index attached to this one."""
        values = {"index": self.name, "table": self.table}
        rows = conn.execute(query("ddl/partition_indexes"), values).fetchall()
        return [partition for partition, _, _, valid in rows if not valid]

    def _build(self, context: Context, partition: str) -> None:
        """Build the index of a partition and attach it; nothing if it is none any more."""
        with context.database.transaction(read_only=True) as conn:
            index = self._part(conn, partition)
        statement = attachment(self.name, index.name)
        try:
            index.apply(context)
            ladder.step(
                context,
                lambda _: Work(finish=lambda conn: conn.execute(statement)),
                what=f"attach {index}",
            )
        except (
            errors.UndefinedTable,
            errors.UndefinedObject,
            errors.ObjectNotInPrerequisiteState,  # "not an index on any partition": detached
        ):
            return

    def _part(self, conn: psycopg.Connection, partition: str) -> Index:
        """Return the index of a partition, by a name that no other index has.

        One that is there and was not attached, whoever was interrupted, is gone on with.
        """
        usual, own = (
            dataclasses.replace(self.index, name=name, table=partition)
            for name in self.part_names(partition)
        )
        for index in (usual, own):
            found = drop_index.read(conn, index.name)
            if found is not None and found.part_of is None and found.is_one(conn, index):
                return index
        return usual if drop_index.read(conn, usual.name) is None else own


def attachment(index: str, part: str, schema: str | None = None) -> sql.Composed:
    """Return the statement that makes a partition's index a part of its table's."""
    return sql.SQL("ALTER INDEX {} ATTACH PARTITION {}").format(
        qualified(schema, index), qualified(schema, part)
    )
