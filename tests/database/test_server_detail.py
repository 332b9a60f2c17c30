"""What the server says beside its message, in DETAIL, is told: which object depends, which key."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from lmsschema.database import sqlstate
from lmsschema.database.connection import Database
from lmsschema.errors import LmsschemaError
from lmsschema.migration import hazards
from tests.support import events

Open = Callable[..., Database]

STATEMENTS = {
    "DROP TABLE users": "constraint enrollments_user_id_fkey on table enrollments depends on",
    "INSERT INTO users (institution_id, email, username, role)"
    " VALUES (gen_random_uuid(), 'a', 'a', 'ta')": "is not present in table",
}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_detail_is_in_the_message_and_in_the_data(
    statement: str, upgraded_url: str, opened: Open
) -> None:
    database = opened(upgraded_url)
    with pytest.raises(LmsschemaError) as told, sqlstate.translated(database.target):
        database.conn.execute(statement.encode())
    assert STATEMENTS[statement] in str(told.value.details["detail"])
    assert str(told.value.details["detail"]) in told.value.message


def test_rows_of_a_partitioned_table_are_counted_once(upgraded_url: str, opened: Open) -> None:
    database = opened(upgraded_url)
    events.people(database.conn)
    events.insert(database.conn, datetime.now(UTC), rows=50)
    database.conn.execute("ANALYZE learning_events")
    assert hazards.activity(database)["learning_events"].rows == 50
