"""``lmsschema demo``."""

import datetime as dt
import os
import time
from typing import TYPE_CHECKING

import click

from lmsschema.cli import _common
from lmsschema.demo import shape as demo_shape

if TYPE_CHECKING:
    from lmsschema.demo.fill import Filled
    from lmsschema.demo.shape import Shape


@click.command(epilog="Example: lmsschema demo --events 2000000 --seed 1 --url service=lms_demo")
@click.option(
    "--events",
    required=True,
    type=click.IntRange(1, demo_shape.MOST_EVENTS),
    metavar="N",
    help="How many events.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, demo_shape.LATEST_SEED),
    default=1,
    metavar="S",
    help="What the rows are drawn from [1].",
)
@click.option("--until", metavar="DATE", help="The data ends before this day, UTC [today].")
@click.option(
    "--institutions",
    type=click.IntRange(1, demo_shape.MOST_INSTITUTIONS),
    default=3,
    metavar="K",
    help="How many institutions [3].",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=min(4, os.cpu_count() or 1),
    metavar="W",
    help="Connections that work at once [processors, at most 4].",
)
@click.option("--allow-users", is_flag=True, help="Add to a database that has users.")
@_common.wait_option
@_common.database_options
def command(  # noqa: PLR0917  click passes them by name
    events: int,
    seed: int,
    until: str | None,
    institutions: int,
    workers: int,
    wait: float,
    url: str | None,
    schema: str | None,
    *,
    allow_users: bool,
    as_json: bool,
) -> None:
    """Fill a database at head with synthetic data, for measurements and trials.

    The same options give the same rows, on every server and by any number of workers. Sessions,
    progress and summaries agree with the events. Interrupted, the same command does what is left.
    """
    from lmsschema.demo.fill import fill, today
    from lmsschema.locks.context import Context

    end = _day(until)
    begun = time.monotonic()
    with _common.open_database(url, schema) as database:
        shape = demo_shape.Shape(
            events, seed, end or today(database).astimezone(dt.UTC).date(), institutions
        )
        outcome = fill(
            Context(database, tell=_common.Teller()),
            shape,
            workers=workers,
            allow_users=allow_users,
            wait=wait,
        )
    seconds = time.monotonic() - begun
    data = {
        "schema": database.schema,
        **shape.data(),
        "complete": outcome.complete,
        "continued": outcome.begun and not outcome.complete,
        "rows": outcome.rows,
        "partitions": list(outcome.partitions),
        "seconds": seconds,
    }
    del data["form"]
    _common.result(_text(outcome, shape, seconds), data, as_json=as_json)


def _text(outcome: "Filled", shape: "Shape", seconds: float) -> str:
    """Return what was done, for a person."""
    what = f"seed {shape.seed}, until {shape.until}"
    if outcome.complete:
        return f"the data is there already: {shape.events} events, {what}"
    counts = ", ".join(f"{count} {name}" for name, count in outcome.rows.items())
    return f"{counts} ({what}) in {seconds:.1f} s, {shape.events / seconds:.0f} events/s"


def _day(text: str | None) -> dt.date | None:
    """Return the day of ``--until``."""
    if text is None:
        return None
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"--until {text!r} is no date such as 2026-11-26") from None
    if not demo_shape.EARLIEST <= day <= demo_shape.LATEST:
        raise click.UsageError(
            f"--until {text} is not between {demo_shape.EARLIEST} and {demo_shape.LATEST}"
        )
    return day
