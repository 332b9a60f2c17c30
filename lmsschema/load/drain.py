"""Computes sessions from their events.

Batches only mark sessions: each would be blind to what another one has not committed. Since all is
computed anew, neither order nor repetition matters.
"""

from lmsschema.database.queries import query
from lmsschema.load import claim
from lmsschema.locks.context import Context

_MARKS = 5_000


def drain(context: Context) -> int:
    """Compute the sessions that are marked, some in each transaction; return how many marks."""
    total = 0
    while done := claim.patiently(context, "to compute sessions", lambda: _some(context)):
        total += done
    return total


def _some(context: Context) -> int:
    with claim.transaction(context, " load sessions") as conn:
        row = conn.execute(query("load/drain"), {"limit": _MARKS}).fetchone()
        return 0 if row is None else int(row[0])
