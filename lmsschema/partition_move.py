"""Moves many rows of the default partition home."""

from lmsschema.db import Database
from lmsschema.ddl.locks import Patience, Progress
from lmsschema.errors import UnsafeError
from lmsschema.partition_homes import Heal
from lmsschema.partitions import Policy


def move(
    database: Database, policy: Policy, plan: Heal, patience: Patience, progress: Progress
) -> None:
    """Refuse: only promotion is there so far."""
    del database, patience, progress
    raise UnsafeError(f"rows of {policy.default_name} would have to be moved: {plan.why}")
