"""What test_ensure and test_ensure_roles share."""

from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest
from psycopg import errors, sql

from lmsschema.database.connection import Database
from lmsschema.partitions import LEARNING_EVENTS

Opened = Callable[..., Database]


#: Twelve months more than there are.
TWELVE = replace(LEARNING_EVENTS, ahead=15)


def cut_detach_short(conn: psycopg.Connection, name: str) -> None:
    """Leave a partition's detach pending; somebody has to hold a snapshot."""
    conn.execute("SET statement_timeout TO '200ms'")
    with pytest.raises(errors.QueryCanceled):
        conn.execute(
            sql.SQL("ALTER TABLE learning_events DETACH PARTITION {} CONCURRENTLY").format(
                sql.Identifier(name)
            )
        )
    conn.execute("RESET statement_timeout")
