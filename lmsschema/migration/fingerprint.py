"""What a plan was made for, in a few characters: the same again, or the plan is out of date."""

import hashlib
import json
from collections.abc import Sequence

from lmsschema.database import catalog
from lmsschema.database.connection import Database
from lmsschema.errors import UnsafeError
from lmsschema.migration import revisions
from lmsschema.partition_manager import state
from lmsschema.partitions import POLICIES

#: Part of a fingerprint → what has changed if it has.
_CHANGED = {
    "server": "it is another server",
    "database": "it is another database",
    "schema": "it is another schema",
    "revision": "it is at another revision",
    "pending": "other revisions are pending",
    "code": "the revisions' files have changed",
    "catalog": "its tables, indexes or other objects have changed",
}


def take(database: Database, before: str | None, pending: Sequence[str]) -> dict[str, str]:
    """Return what must not change between a plan and its upgrade, each part as a hash or a name.

    Partitions are left out: the cron job makes some in between, and no plan is the worse for it.

    Args:
        database: The database that the plan is for.
        before: The revision that it is at.
        pending: The revisions that the plan applies.
    """
    with database.transaction(read_only=True) as conn:
        row = conn.execute(
            "SELECT system_identifier::text FROM pg_catalog.pg_control_system()"
        ).fetchone()
        partitions = set()
        for policy in POLICIES:
            if state.exists(conn, database.schema, policy.table):
                partitions |= {p.name for p in state.read(database, policy).partitions}
        objects = catalog.read(conn, database.schema).objects if database.schema_exists else {}
    kept = [
        [list(identity), attributes]
        for identity, attributes in objects.items()
        if identity.relation not in partitions
    ]
    return {
        "server": row[0] if row else "",
        "database": database.conn.info.dbname,
        "schema": database.schema,
        "revision": before or "",
        "pending": " ".join(pending),
        "code": _hash("".join(map(revisions.source, pending))),
        "catalog": _hash(json.dumps(sorted(kept, key=str), sort_keys=True)),
    }


def require(planned: dict[str, str], now: dict[str, str]) -> None:
    """Raise UnsafeError if the database is not what the plan was made for.

    Args:
        planned: The plan's fingerprint.
        now: The database's.
    """
    changed = [text for part, text in _CHANGED.items() if planned.get(part) != now.get(part)]
    if changed:
        raise UnsafeError(
            f"the database is not what the plan was made for: {'; '.join(changed)}",
            hint="Nothing was changed. Make the plan again: lmsschema plan --json > FILE",
            details={"planned": planned, "found": now},
        )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
