"""Which backend process runs a connection's transaction, also behind a pooler."""

import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass
class Backend:
    """The backend that ran the connection's last transaction.

    Behind a pooler in transaction mode each transaction may run in another backend, and the process
    id that libpq reports is not the backend's. So each transaction asks for it at its beginning.

    Attributes:
        pid: The process id; 0 before the first transaction.
        since: When the transaction began, in microseconds since 1970. Comparing it with
            pg_stat_activity tells whether the backend still runs that transaction.
    """

    pid: int = 0
    since: int = 0

    def note(self, settings_row: Sequence[object] | None) -> None:
        """Store the last two columns of :func:`lmsschema.database.settings.of_transaction`."""
        if settings_row is not None:
            self.pid, self.since = int(str(settings_row[-2])), int(str(settings_row[-1]))
