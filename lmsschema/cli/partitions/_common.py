"""What the commands of ``lmsschema partitions`` share."""

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lmsschema.cli import _common

if TYPE_CHECKING:
    from lmsschema.database.connection import Database
    from lmsschema.locks.context import Context
    from lmsschema.partition_manager.ensure import Outcome
    from lmsschema.partitions import Policy

F = TypeVar("F", bound=Callable[..., Any])

HEAL_HINT = "hint: lmsschema partitions heal"


def wait_option(function: F) -> F:
    """Add ``--wait``: how long a step tries to get its locks."""
    return click.option(
        "--wait",
        type=click.FloatRange(min=0),
        default=60.0,
        metavar="SECONDS",
        help="How long a step tries for its locks [60].",
    )(function)


def table_option(function: F) -> F:
    """Add ``--table``: which of the partitioned tables is meant."""
    return click.option(
        "--table", metavar="TABLE", help="The partitioned table [learning_events]."
    )(function)


def policy(table: str | None) -> "Policy":
    """Return a table's policy, by default the first one's.

    Raises:
        click.UsageError: There is none for it.
    """
    from lmsschema.partitions import POLICIES

    for found in POLICIES:
        if table is None or table == found.table:
            return found
    known = ", ".join(found.table for found in POLICIES)
    raise click.UsageError(f"--table {table}: the partitioned tables are {known}")


def quiet_option(function: F) -> F:
    """Add ``-q``: no word unless something needs attention."""
    return click.option("-q", "--quiet", is_flag=True, help="Say nothing if all is well.")(function)


def context(database: "Database", wait: float, *, quiet: bool) -> "Context":
    """Return what the commands hand down."""
    from lmsschema.locks.context import Context, Patience, silent

    return Context(database, Patience(total=wait), silent if quiet else _common.Teller())


def utc(instant: dt.datetime | None) -> str:
    """Return an instant as people read it; None is no end."""
    return "without end" if instant is None else f"{instant.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def outcome_data(outcome: "Outcome") -> dict[str, Any]:
    """Return what a run did as data."""
    return {
        "table": outcome.table,
        "done": [type(action).__name__.lower() + " " + action.name for action in outcome.done],
        "in_the_way": [partition.name for partition in outcome.in_the_way],
        "busy": outcome.busy,
        "takes_rows_until": outcome.until,
        "default": outcome.default,
    }


def tell_in_the_way(outcome: "Outcome") -> None:
    """Say which partitions could not be made, why, and what to do."""
    months = ", ".join(partition.name for partition in outcome.in_the_way)
    why = f" ({outcome.healed.why})" if outcome.healed is not None else ""
    _common.say(f"rows in {outcome.default} stand in the way of {months}{why}")
    _common.say(HEAL_HINT)
