"""Which tenants lack partitions, of the catalogs alone."""

from collections.abc import Iterable, Sequence

from lmsschema.database.connection import Database
from lmsschema.partition_manager import state
from lmsschema.partition_manager.state import State
from lmsschema.partitions import Policy, plan


def due(database: Database, policies: Iterable[Policy], schemas: Sequence[str]) -> list[str]:
    """Return the schemas, by name, in which a partitioned table wants something done.

    A schema without the table wants nothing: its revision has none.
    """
    found: set[str] = set()
    for policy in policies:
        with database.transaction(read_only=True):
            every = state.read_all(database, policy, schemas)
        found |= {
            schema
            for schema, one in every.items()
            if not isinstance(one, State) or one.unfinished or plan(policy, one.partitions, one.now)
        }
    return sorted(found)
