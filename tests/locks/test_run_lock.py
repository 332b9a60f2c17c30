"""The run lock, whatever a DBA has set for the role or the database."""

import time
from collections.abc import Callable

import pytest

from lmsschema.database.connection import Database
from lmsschema.errors import LockTimeoutError
from lmsschema.locks import run_lock
from lmsschema.locks.context import Context

Open = Callable[..., Database]


def test_it_outlives_the_timeouts_of_transactions(database_url: str, opened: Open) -> None:
    with opened(database_url).conn as conn:
        known = conn.execute(
            "SELECT name FROM pg_settings"
            " WHERE name IN ('transaction_timeout', 'idle_in_transaction_session_timeout')"
        ).fetchall()
        assert known
        for (name,) in known:
            conn.execute(
                f"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET {name} = 200',"
                " current_database()); END $$".encode()
            )
    database = opened(database_url)
    with run_lock.hold(Context(database)):
        time.sleep(0.5)
        with pytest.raises(LockTimeoutError), run_lock.hold(Context(opened(database_url)), wait=0):
            pass
    with database.transaction() as conn:
        conn.execute("SELECT pg_sleep(0.3)")  # as a revision may take its time
