"""What commands share: the options that name a database, and how results are printed."""

import contextlib
import datetime as dt
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from lmsschema.database.connection import Database
    from lmsschema.database.target import Target
    from lmsschema.locks.context import Progress

#: Characters of a bar.
_BAR = 30

F = TypeVar("F", bound=Callable[..., Any])


def output_options(function: F) -> F:
    """Add ``--json`` and ``--debug`` to a command; the function gets ``as_json``."""
    function = click.option(
        "--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."
    )(function)
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(function)


def wait_option(function: F) -> F:
    """Add ``--wait`` to a command that takes the run lock."""
    from lmsschema.locks import run_lock

    return click.option(
        "--wait",
        type=click.FloatRange(min=0),
        default=run_lock.WAIT,
        metavar="SECONDS",
        help=f"Wait for another run [{run_lock.WAIT:g}].",
    )(function)


def retry_options(function: F) -> F:
    """Add ``--lock-timeout`` and ``--lock-retries`` to a command that locks tables."""
    function = click.option(
        "--lock-retries",
        type=click.IntRange(min=0),
        default=10,
        metavar="N",
        help="Further attempts without one [10].",
    )(function)
    return click.option(
        "--lock-timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=2.0,
        metavar="SECONDS",
        help="Wait for a lock, each attempt [2].",
    )(function)


def shadow_option(function: F) -> F:
    """Add ``--shadow-url`` to a command that needs a scratch place on another server."""
    return click.option(
        "--shadow-url", metavar="URL", help="Server for the scratch copy [the embedded one]."
    )(function)


def database_options(function: F) -> F:
    """Add ``--url``, ``--schema`` and the output options to a command."""
    function = output_options(function)
    function = click.option(
        "--schema", metavar="NAME", help="Schema to work in [the connection's own]."
    )(function)
    return click.option("--url", metavar="URL", help="Database to work on [see lmsschema --help].")(
        function
    )


def target(url: str | None, schema: str | None) -> "Target":
    """Return the database that the options or the environment name, else the embedded server's."""
    from lmsschema.database.target import resolve

    if (named := resolve(url, schema, os.environ)) is not None:
        return named
    from lmsschema.migration import shadow

    return shadow.embedded(os.environ, schema)


@contextlib.contextmanager
def open_database(
    url: str | None, schema: str | None, *, quiet: bool = False
) -> Iterator["Database"]:
    """Open the database that the options and the environment name, and say which it is.

    Args:
        url: What ``--url`` said.
        schema: What ``--schema`` said.
        quiet: Say nothing but warnings.
    """
    from lmsschema.database import sqlstate
    from lmsschema.database.connection import connect

    chosen = target(url, schema)
    if not quiet:
        origin = f"from {chosen.source}"
        if chosen.source == "embedded":
            origin = "embedded; open it with: lmsschema local psql"
        say(f"database: {chosen} ({origin})" + (f", schema {schema}" if schema else ""))
    database = connect(chosen)
    with contextlib.closing(database.conn):
        for warning in database.warnings:
            say(f"warning: {warning}")
        with sqlstate.translated(chosen):
            yield database


def say(message: str) -> None:
    """Tell the person at the terminal something; results go through :func:`result`."""
    click.echo(message, err=True)


class Teller:
    """Tells the person what goes on: a bar on a terminal where there are figures, else lines."""

    def __init__(self) -> None:
        self._open = False  # whether the last line is a bar that is not full

    def __call__(self, progress: "Progress") -> None:
        """Tell it; where it has a total, a terminal gets a bar."""
        if not progress.total or not sys.stderr.isatty():
            say(f"\n{progress}" if self._open else str(progress))
            self._open = False
            return
        share = min(1.0, progress.done / progress.total)
        full = round(share * _BAR)
        bar = "#" * full + "." * (_BAR - full)
        self._open = share < 1
        line = f"\r[{bar}] {share:4.0%} {progress.what}\x1b[K"
        click.echo(line, err=True, nl=not self._open)


def result(text: str, data: dict[str, Any], *, as_json: bool) -> None:
    """Print a command's result on stdout: the text, or the data as one JSON object."""
    click.echo(as_line(data) if as_json else text)


def as_line(data: dict[str, Any]) -> str:
    """Return the data as one line of JSON, times in ISO form."""
    import json

    return json.dumps(data, default=_plain)


def _plain(value: object) -> str:
    """Return a value that JSON has no form for as text: times in ISO form, all else as Python's."""
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)
