"""Where another run is at work, no command is silent about it."""

from collections.abc import Callable

import psycopg
import pytest

from lmsschema.database.connection import Database
from lmsschema.partition_manager import state
from lmsschema.partitions import LEARNING_EVENTS
from tests.support import events
from tests.support.program import Program


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("create --from 2023-01 --to 2023-01", 5),
        ("prune --keep 24m", 5),
        ("heal", 5),
        ("ensure --ahead 6", 0),
    ],
)
def test_it_is_said_with_q_too(
    command: str,
    code: int,
    lmsschema: Program,
    upgraded_url: str,
    opened: Callable[..., Database],
) -> None:
    partitions = ("partitions", *command.split(), "--url", upgraded_url)
    months = ("--from", "2023-03", "--to", "2023-03", "--url", upgraded_url)
    assert lmsschema("partitions", "create", *months).code == 0
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        events.people(conn)
        events.drop(conn, events.name(1))
        events.insert(conn, events.month(1))
        if command != "heal":
            assert lmsschema("partitions", "heal", "--url", upgraded_url).code == 0
    with state.claimed(opened(upgraded_url), LEARNING_EVENTS):
        done = lmsschema(*partitions, "-q")
        assert (done.code, done.out) == (code, "")
        assert done.err.count("another run is at work") == 1
        told = lmsschema(*partitions)
        assert (told.code, told.err.count("another run is at work")) == (code, 1)
        data = lmsschema(*partitions, "--json").json
        assert data.get("tables", [data])[0]["busy"] is True
    assert lmsschema(*partitions, "-q").code == 0
