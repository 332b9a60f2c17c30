"""``lmsschema partitions ensure``."""

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

import click

from lmsschema.cli import _common
from lmsschema.cli.partitions import _common as _partitions

if TYPE_CHECKING:
    from lmsschema.database.connection import Database
    from lmsschema.locks.context import Context
    from lmsschema.partition_manager.ensure import Outcome
    from lmsschema.partition_manager.refusals import Refusals
    from lmsschema.partitions import Policy


@click.command(epilog="Example, as a cron job: lmsschema partitions ensure -q")
@click.option("--ahead", type=click.IntRange(0, 1200), metavar="N", help="Months ahead [3].")
@click.option("--repair", is_flag=True, help="Repair owner, grants and so on of partitions.")
@click.option("--dry-run", is_flag=True, help="Print the SQL; change nothing.")
@click.option("--as-of", metavar="TIME", help="With --dry-run: as if it were that time.")
@_common.lock_wait_option
@_partitions.quiet_option
@_common.database_options
def command(
    ahead: int | None,
    as_of: str | None,
    wait: float,
    url: str | None,
    schema: str | None,
    *,
    repair: bool,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Make the partitions from the current month to the months ahead, and the default.

    The database's clock decides. Exits 3 if rows of the default block a month, 5 if
    a lock was not obtained in time; run again, it goes on from there.
    """
    found = _common.policies()
    moment = _moment(as_of, dry_run=dry_run)
    if moment is not None and moment.year + (ahead or 0) // 12 >= dt.MAXYEAR - 1:
        raise click.UsageError(f"--as-of {as_of} is too late for bounds of months ahead of it")
    policies = [p if ahead is None else dataclasses.replace(p, ahead=ahead) for p in found]
    from lmsschema.partition_manager import state

    with _common.open_database(url, schema, quiet=quiet) as database:
        policies = state.present(database, policies)
        if dry_run:
            return _print_script(database, policies, moment, repair=repair, as_json=as_json)
        context = _partitions.context(database, wait, quiet=quiet)
        outcomes, repaired, refusals = _ensured(context, policies, repair=repair)
    for outcome in outcomes:
        if outcome.busy and quiet:
            _partitions.tell_busy(outcome.table)
        if outcome.blocked:
            _partitions.tell_blocked(outcome)
    _partitions.raise_any(refusals, busy=any(outcome.busy for outcome in outcomes))
    data: dict[str, Any] = {
        "schema": database.schema,
        "tables": [_partitions.outcome_data(outcome) for outcome in outcomes],
    }
    if repair:
        data["repaired"] = repaired
    if as_json or not quiet:
        lines = [f"{o.table}: partitions until {_partitions.utc(o.until)}" for o in outcomes]
        _common.result("\n".join(lines), data, as_json=as_json)
    return 3 if any(outcome.blocked for outcome in outcomes) else 0


def _ensured(
    context: "Context", policies: "list[Policy]", *, repair: bool
) -> "tuple[list[Outcome], list[str], Refusals]":
    """Make the partitions of each table, whatever is refused of another one."""
    from lmsschema.partition_manager import ensure
    from lmsschema.partition_manager.refusals import Refusals

    outcomes: list[Outcome] = []
    repaired: list[str] = []
    refusals = Refusals()
    for policy in policies:
        with refusals.kept():
            outcomes.append(ensure.ensure(context, policy))
        if repair:
            from lmsschema.partition_manager import repair as partition_repair

            with refusals.kept():
                repaired += partition_repair.repair(context, policy)
    return outcomes, repaired, refusals


def _moment(as_of: str | None, *, dry_run: bool) -> dt.datetime | None:
    """Return the time of ``--as-of``, in UTC unless it says otherwise."""
    if as_of is None:
        return None
    if not dry_run:
        raise click.UsageError(
            "--as-of needs --dry-run: only the database's clock makes partitions"
        )
    try:
        moment = dt.datetime.fromisoformat(as_of)
    except ValueError:
        raise click.UsageError(
            f"--as-of {as_of!r} is no time such as 2026-02-28T23:59:59+00:00"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _print_script(
    database: "Database",
    policies: "list[Policy]",
    moment: dt.datetime | None,
    *,
    repair: bool,
    as_json: bool,
) -> int:
    """Print the SQL that would be run."""
    from lmsschema.partition_manager import repair as partition_repair
    from lmsschema.partition_manager import state as partition_state
    from lmsschema.partition_manager import statements
    from lmsschema.partitions import plan

    scripts = []
    for policy in policies:
        with database.transaction(read_only=True):
            state = partition_state.read(database, policy)
        actions = plan(policy, state.partitions, moment or state.now)
        scripts.append(statements.script(policy, actions, state.comment))
        if repair:
            planned = partition_repair.plan(database, policy)
            scripts.append("".join(f"{statement};\n" for statement in planned))
    text = "\n".join(filter(None, scripts))
    if not text and not as_json:
        _common.say("nothing to do")
        return 0
    data = {"schema": database.schema, "sql": text}
    _common.result(text.removesuffix("\n"), data, as_json=as_json)
    return 0
