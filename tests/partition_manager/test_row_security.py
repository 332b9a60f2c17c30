"""Row-level security never makes a table look emptier than it is."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.errors import LmsschemaError
from lmsschema.locks.context import Context
from lmsschema.migration.downgrade import downgrade
from lmsschema.migration.position import current
from lmsschema.partition_manager import ensure
from lmsschema.partitions import LEARNING_EVENTS

EVENT = (
    "INSERT INTO learning_events"
    " (event_type, event_category, event_action, session_id, event_timestamp)"
    " VALUES ('view', 'navigation', 'open', gen_random_uuid(), %s)"
)


@pytest.fixture
def owner(upgraded_url: str) -> Iterator[str]:
    """The connection string of a role that owns the tables and is bound by their policies."""
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        name = f"owner_{conn.info.dbname}"
        role = sql.Identifier(name)
        conn.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(role))
        conn.execute(EVENT, ["2031-05-05"])
        conn.execute(
            sql.SQL("ALTER TABLE learning_events OWNER TO {}").format(role),
        )
        for table in ("learning_events", "learning_events_default"):
            identifier = sql.Identifier(table)
            conn.execute(sql.SQL("ALTER TABLE {} OWNER TO {}").format(identifier, role))
            for option in ("ENABLE", "FORCE"):
                conn.execute(
                    sql.SQL("ALTER TABLE {} {} ROW LEVEL SECURITY").format(
                        identifier, sql.SQL(option)
                    )
                )
        conn.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(role))
        conn.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(role))
    yield psycopg.conninfo.make_conninfo(upgraded_url, user=name, password="x")
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(role))
        conn.execute(sql.SQL("DROP ROLE {}").format(role))


def test_rows_behind_a_policy_are_an_error_not_nothing(owner: str) -> None:
    with psycopg.connect(owner) as conn:
        seen = conn.execute("SELECT count(*) FROM learning_events_default").fetchone()
        assert seen == (0,)  # what a session without our settings sees
    database = connect(Target(owner, "the test"))
    with database.conn:
        with pytest.raises(psycopg.errors.InsufficientPrivilege), database.transaction() as conn:
            conn.execute("SELECT count(*) FROM learning_events_default")
        with pytest.raises((LmsschemaError, psycopg.errors.InsufficientPrivilege)):
            downgrade(database, "base")
        assert current(database) is not None


def test_making_partitions_does_not_pass_over_hidden_rows(owner: str) -> None:
    database = connect(Target(owner, "the test"))
    with database.conn, pytest.raises((LmsschemaError, psycopg.errors.InsufficientPrivilege)):
        ensure.ensure(
            Context(database), type(LEARNING_EVENTS)("learning_events", "event_timestamp", ahead=60)
        )
