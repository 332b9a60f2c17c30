"""What the commands of ``lmsschema rollup`` share."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lmsschema.cli import _common

if TYPE_CHECKING:
    from lmsschema.database.connection import Database
    from lmsschema.locks.context import Context
    from lmsschema.rollup.run import Done

F = TypeVar("F", bound=Callable[..., Any])


def step_options(function: F) -> F:
    """Add ``--lag`` and ``--span``: which events are taken up, and in which steps."""
    function = click.option(
        "--span",
        type=click.FloatRange(min=0, min_open=True, max=31_536_000),
        default=3600.0,
        metavar="SECONDS",
        help="Take up what came in so much time in one step [3600].",
    )(function)
    return click.option(
        "--lag",
        type=click.FloatRange(min=0, max=31_536_000),
        default=60.0,
        metavar="SECONDS",
        help="Leave what came within so much time to the next run [60].",
    )(function)


def quiet_option(function: F) -> F:
    """Add ``-q``: no word unless something needs attention."""
    return click.option("-q", "--quiet", is_flag=True, help="Say nothing if all is well.")(function)


def context(database: "Database", wait: float, *, quiet: bool) -> "Context":
    """Return what the commands hand down."""
    from lmsschema.locks.context import Context, Patience, silent

    return Context(database, Patience(total=wait), silent if quiet else _common.Teller())


def report(done: "Done", *, quiet: bool, as_json: bool) -> int:
    """Print what was done; return the exit code."""
    counts = ", ".join(f"{name} {number}" for name, number in done.counts.items() if number)
    lines = [counts or "nothing was due"] if not done.busy or counts else []
    if done.reached is not None:
        lines.append(f"events until {done.reached:%Y-%m-%d %H:%M:%S} UTC are taken up")
    if done.busy and not quiet:
        _common.say("another run is at work: it does the rest")
    data = {"done": done.counts, "watermark": done.reached, "busy": done.busy}
    if as_json or (lines and not quiet):
        _common.result("\n".join(lines), data, as_json=as_json)
    return 0
