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
    from lmsschema.partition_manager.refusals import Refusals
    from lmsschema.partitions import Policy

F = TypeVar("F", bound=Callable[..., Any])


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
    for found in _common.policies():
        if table is None or table == found.table:
            return found
    known = ", ".join(found.table for found in _common.policies())
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
        "blocked": [partition.name for partition in outcome.blocked],
        "in_the_way": [partition.name for partition in outcome.blocked],  # its old name
        "busy": outcome.busy,
        "takes_rows_until": outcome.until,
        "default": outcome.default,
    }


def tell_busy(table: str) -> None:
    """Say that another run was at work, which ``-q`` does not keep back."""
    from lmsschema.partition_manager import state

    _common.say(state.busy(policy(table)))


def raise_any(refusals: "Refusals", *, busy: bool) -> None:
    """Raise what was refused; its JSON object says at the top whether another run was at work."""
    if refusals.errors:
        _common.about(busy=busy)
    refusals.raise_any()


def tell_blocked(outcome: "Outcome") -> None:
    """Say which partitions could not be made, why, and what to do."""
    months = ", ".join(partition.name for partition in outcome.blocked)
    why = f" ({outcome.healed.why})" if outcome.healed is not None else ""
    _common.say(f"rows in {outcome.default} block {months}{why}")
    _common.say(f"hint: {_heal_command(outcome)}")


def _heal_command(outcome: "Outcome") -> str:
    """Return the command that moves the rows which block partitions, however far off they are."""
    from lmsschema.partition_manager.default_rows import ahead_of
    from lmsschema.partition_manager.heal_plan import REACH

    declared = policy(outcome.table)
    starts = [one.range.lower for one in outcome.blocked if one.range and one.range.lower]
    text = "lmsschema partitions heal"
    if not starts:
        return text
    ahead = ahead_of(declared, outcome.now, max(starts))
    if ahead > declared.ahead:
        text += f" --ahead {ahead}"
    if min(starts) < outcome.now - REACH:
        text += f" --reach {outcome.now.year - min(starts).year + 1}y"
    return text
