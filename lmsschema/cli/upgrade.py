"""``lmsschema upgrade``."""

from typing import TYPE_CHECKING, Any

import click

from lmsschema.cli import _common

if TYPE_CHECKING:
    from datetime import datetime

    from lmsschema.migrate import Upgrade
    from lmsschema.partition_ensure import Outcome
    from lmsschema.runner import Applied


@click.command(
    epilog="Example: lmsschema upgrade --url postgresql://ann@db.example/lms --schema campus_north"
)
@click.argument("revision", default="head")
@_common.wait_option
@_common.database_options
def command(
    revision: str, wait: float, url: str | None, schema: str | None, *, as_json: bool
) -> None:
    """Bring the database to the newest revision, or to REVISION.

    Each revision runs in a transaction of its own. Afterwards learning_events has partitions for
    the current month and the next three, and a default partition. A second run changes nothing.
    """
    from lmsschema import migrate

    seconds: dict[str, float] = {}

    def on_applied(step: "Applied") -> None:
        seconds[step.revision] = step.seconds
        _common.say(f"applied {step.revision} in {step.seconds:.2f} s")

    with _common.open_database(url, schema) as database:
        done = migrate.upgrade(
            database, revision, wait=wait, notify=_common.say, on_applied=on_applied
        )
    for table in done.partitions:
        if table.in_the_way:
            months = ", ".join(partition.name for partition in table.in_the_way)
            _common.say(f"warning: rows in {table.default} stand in the way of {months}")
            _common.say("hint: lmsschema partitions heal")
    data = {
        "schema": database.schema,
        "from": done.before,
        "to": done.after,
        "applied": [{"revision": one, "seconds": seconds[one]} for one in done.applied],
        "partitions": [_partitions(table) for table in done.partitions],
    }
    _common.result(_summary(done), data, as_json=as_json)


def _summary(done: "Upgrade") -> str:
    """Return the one line that ends an upgrade."""
    after = done.after or "base"
    made = sum(len(table.done) for table in done.partitions)
    if done.applied:
        begin = f"{done.before or 'base'} -> {after}"
    else:
        begin = f"at {after} already" + ("" if made else ": nothing to do")
    return "; ".join([begin, *(f"{t.table} takes rows {_until(t.until)}" for t in done.partitions)])


def _until(until: "datetime | None") -> str:
    """Say until when a table has partitions for its rows."""
    return "without end" if until is None else f"until {until:%Y-%m-%d %H:%M} UTC"


def _partitions(table: "Outcome") -> dict[str, Any]:
    """Return how a partitioned table stands, as data."""
    return {
        "table": table.table,
        "made": [action.name for action in table.done],
        "in_the_way": [partition.name for partition in table.in_the_way],
        "takes_rows_until": table.until,
        "default": table.default,
    }
