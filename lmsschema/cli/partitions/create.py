"""``lmsschema partitions create``."""

import contextlib
import datetime as dt
import re

import click

from lmsschema.cli import _common
from lmsschema.cli.partitions import _common as _partitions
from lmsschema.errors import LockTimeoutError

_MONTH = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?")


@click.command(epilog="Example: lmsschema partitions create --from 2025-01 --to 2025-12")
@click.option("--from", "first", required=True, metavar="MONTH", help="First month: 2025-01.")
@click.option("--to", "last", required=True, metavar="MONTH", help="Last month: 2025-12.")
@click.option("--dry-run", is_flag=True, help="Print the SQL; change nothing.")
@_partitions.table_option
@_common.lock_wait_option
@_partitions.quiet_option
@_common.database_options
def command(
    first: str,
    last: str,
    wait: float,
    url: str | None,
    schema: str | None,
    *,
    table: str | None,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Make the partitions of the months --from to --to, for a load of old data.

    Months that are there already stay as they are. Exits 3 if rows of the default block a
    month, 5 if another run is at work.
    """
    from lmsschema.partition_manager import ensure, statements
    from lmsschema.partition_manager import state as partition_state
    from lmsschema.partition_manager.state import State
    from lmsschema.partitions import Create, Range, plan_range

    policy = _partitions.policy(table)
    begin, end = _instant(first, "--from"), _instant(last, "--to")
    if end < begin:
        raise click.UsageError(f"--to {last} is before --from {first}")
    wanted = Range(begin, policy.step(policy.start(end), 1))

    def planner(state: State) -> list[Create]:
        return plan_range(policy, state.partitions, wanted)

    with _common.open_database(url, schema, quiet=quiet) as database:
        if dry_run:
            with database.transaction(read_only=True):
                state = partition_state.read(database, policy)
            text = statements.script(policy, planner(state), state.comment)
            _common.result(text.removesuffix("\n"), {"sql": text}, as_json=as_json)
            return 0
        outcome = ensure.make(_partitions.context(database, wait, quiet=quiet), policy, planner)
    if outcome.busy and quiet:
        _partitions.tell_busy(outcome.table)
    if outcome.blocked:
        _partitions.tell_blocked(outcome)
    if as_json or not quiet:
        text = f"{outcome.table}: {len(outcome.done)} partitions made"
        _common.result(text, _partitions.outcome_data(outcome), as_json=as_json)
    if outcome.busy:
        return LockTimeoutError.exit_code
    return 3 if outcome.blocked else 0


def _instant(text: str, option: str) -> dt.datetime:
    """Return the first instant of a month (or day), in UTC."""
    match = _MONTH.fullmatch(text)
    with contextlib.suppress(ValueError):
        if match is not None and int(match[1]) < dt.MAXYEAR:  # the month after it is a bound
            return dt.datetime(int(match[1]), int(match[2]), int(match[3] or 1), tzinfo=dt.UTC)
    raise click.UsageError(f"{option} {text!r} is no month such as 2025-01")
