"""What an interrupted move leaves, and what removes it."""

import time
from dataclasses import replace

import psycopg
import pytest

from lmsschema.database.connection import Database
from lmsschema.doctor import examine
from lmsschema.drift import check
from lmsschema.drift import text as drift_text
from lmsschema.errors import LockTimeoutError
from lmsschema.locks.context import Context, Patience
from lmsschema.partition_manager import ensure, heal, state
from lmsschema.partition_manager import health as partition_health
from lmsschema.partition_manager import listing as partition_listing
from lmsschema.partitions import LEARNING_EVENTS
from tests.support import events, healing
from tests.support.moving import DEFAULT, OTHERS, Opened, left_behind


@pytest.fixture
def interrupted(unmoved: psycopg.Connection, upgraded_url: str, opened: Opened) -> Database:
    """A database whose move was killed while it copied."""
    assert healing.killed(upgraded_url, "INSERT INTO", 3, "sent")
    while unmoved.execute(OTHERS, [[unmoved.info.backend_pid]]).fetchone() != (0,):
        time.sleep(0.01)
    return opened(upgraded_url)


def test_what_is_left_of_a_move_is_reported_with_what_ends_it(
    interrupted: Database, unmoved: psycopg.Connection
) -> None:
    drift = check.run(interrupted).drift
    said = [drift_text.describe(one) for one in drift if one.attribute == "move of rows"]
    assert said == [
        (
            "table learning_events: move of rows: expected none, "
            "found an unfinished one (lmsschema partitions heal ends it)"
        )
    ]
    assert not [one for one in drift if one.identity.kind in {"trigger", "function"}]
    assert check.run(interrupted).unmanaged == ()
    [finding] = [
        one for one in examine.examine(interrupted).findings if "interrupted" in one.message
    ]
    assert finding.remedy == ("lmsschema partitions heal --schema public",)
    odd = {
        one.name: one.oddities[0]
        for one in partition_listing.listing(interrupted, LEARNING_EVENTS).partitions
        if one.oddities
    }
    copies = {events.name(0), events.name(-7), f"{DEFAULT}_new", f"{DEFAULT}_heal_log"}
    assert set(odd) == {DEFAULT} | copies
    assert all("partitions heal ends it" in oddity for oddity in odd.values())
    health = partition_listing.health(interrupted, LEARNING_EVENTS)
    assert "lmsschema_partitions_move_cut_short" in partition_health.as_prometheus([health])
    with state.claimed(interrupted, LEARNING_EVENTS):  # as the move itself does
        assert not partition_listing.health(interrupted, LEARNING_EVENTS).move_interrupted
    assert unmoved.info.dbname == interrupted.conn.info.dbname


@pytest.mark.parametrize("left", [0, 100])
def test_what_is_left_of_a_move_goes_although_there_is_nothing_to_move_any_more(
    interrupted: Database, unmoved: psycopg.Connection, left: int
) -> None:
    """Else the trigger would note each change for ever, in what was promoted too."""
    unmoved.execute("DELETE FROM learning_events WHERE event_timestamp < %s", (events.month(-1),))
    if not left:
        unmoved.execute("DELETE FROM learning_events")
    healed = heal.heal(Context(interrupted), LEARNING_EVENTS)
    assert healed.plan.method == ("promote" if left else "nothing")
    assert events.count(unmoved) == left
    assert left_behind(unmoved) == []


def test_ensure_removes_what_is_left_of_a_move(
    interrupted: Database, unmoved: psycopg.Connection
) -> None:
    """A copy that has a month's name must not keep the month from being made."""
    unmoved.execute("DELETE FROM learning_events")
    outcome = ensure.ensure(Context(interrupted), LEARNING_EVENTS)
    assert [action.name for action in outcome.done] == [events.name(0)]
    assert left_behind(unmoved) == []
    assert not ensure.ensure(Context(interrupted), LEARNING_EVENTS).done


def test_ensure_makes_months_while_what_is_left_of_a_move_can_t_be_removed(
    interrupted: Database, unmoved: psycopg.Connection, upgraded_url: str
) -> None:
    policy = replace(LEARNING_EVENTS, ahead=5, default=False)
    unmoved.execute("ALTER TABLE learning_events DETACH PARTITION learning_events_default")
    with psycopg.connect(upgraded_url) as reader:
        reader.execute("SELECT FROM learning_events_default")
        with pytest.raises(LockTimeoutError, match=f"pid {reader.info.backend_pid}"):
            ensure.ensure(Context(interrupted, Patience(total=0.3)), policy)
    assert {events.name(4), events.name(5)} <= set(events.partitions(unmoved))
