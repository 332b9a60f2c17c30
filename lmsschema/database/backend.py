"""Which process of the server runs a connection's transaction, whatever sits in between."""

import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass
class Backend:
    """The server's process that ran the connection's last transaction.

    Behind a pooler in transaction mode each transaction may have another, and what libpq says of it
    is the pooler's invention: so every transaction is asked as it begins.

    Attributes:
        pid: The process; 0 before the first transaction.
        since: When the transaction began, in microseconds: pg_stat_activity tells by it whether
            the process still runs that transaction, or somebody else's.
    """

    pid: int = 0
    since: int = 0

    def note(self, settings_row: Sequence[object] | None) -> None:
        """Take both from the row of :func:`lmsschema.database.connection.settings`."""
        if settings_row is not None:
            self.pid, self.since = int(str(settings_row[-2])), int(str(settings_row[-1]))
