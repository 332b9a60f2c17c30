"""What test_moves and test_moves_left share."""

from collections.abc import Callable

import psycopg

from lmsschema.database.connection import Database
from lmsschema.locks.context import Progress, Tell

Opened = Callable[..., Database]


DEFAULT = "learning_events_default"


OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> ALL (%s)
"""


def rows(conn: psycopg.Connection) -> list[tuple[object, ...]]:
    """Return the events: identity, time, and what was last done to them."""
    return conn.execute(
        "SELECT id, event_timestamp, event_action FROM learning_events ORDER BY 1, 2"
    ).fetchall()


def left_behind(conn: psycopg.Connection) -> list[str]:
    """Return the names of what a move makes for itself alone."""
    found = conn.execute(
        "SELECT relname FROM pg_class WHERE relname ~ 'heal|_new$' UNION ALL"
        " SELECT proname FROM pg_proc WHERE proname ~ 'heal_log' UNION ALL"
        " SELECT tgname FROM pg_trigger WHERE tgname ~ 'heal_log' UNION ALL"
        " SELECT conname FROM pg_constraint WHERE conname = 'lmsschema_bounds' UNION ALL"
        " SELECT relname FROM pg_class WHERE obj_description(oid, 'pg_class') ~ 'not over'"
    ).fetchall()
    return [name for (name,) in found]


def once_copied(act: Callable[[], object]) -> Tell:
    """Return a listener that acts when all rows are copied, before changes are brought over."""

    def tell(progress: Progress) -> None:
        if progress.what.startswith("copying ") and progress.done == progress.total:
            act()

    return tell
