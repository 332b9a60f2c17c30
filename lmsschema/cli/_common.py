"""What commands share: the options that name a database, and how results are printed."""

import contextlib
import contextvars
import datetime as dt
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

import lmsschema
from lmsschema.database.configuration import Configuration

if TYPE_CHECKING:
    from lmsschema.database.configuration import SchemaExtension
    from lmsschema.database.connection import Database
    from lmsschema.database.target import Target
    from lmsschema.locks.context import Progress
    from lmsschema.partitions import Policy

#: Characters of a bar.
_BAR = 30

F = TypeVar("F", bound=Callable[..., Any])

_about: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar(
    "about", default=None
)


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


def lock_wait_option(function: F) -> F:
    """Add ``--lock-wait``, how long a step tries to get its locks; ``--wait`` is its old name."""

    def under_the_old_name(context: click.Context, _: click.Parameter, value: float | None) -> None:
        if value is not None:
            say("warning: --wait is called --lock-wait here; the old name will go")
            context.default_map = {**(context.default_map or {}), "wait": value}

    seconds = click.FloatRange(min=0)
    function = click.option(
        "--wait",
        "old_wait",
        type=seconds,
        hidden=True,
        is_eager=True,
        expose_value=False,
        callback=under_the_old_name,
    )(function)
    return click.option(
        "--lock-wait",
        "wait",
        type=seconds,
        default=60.0,
        metavar="SECONDS",
        help="How long a step tries for its locks [60].",
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
    """Return the database that is named: by the options, the environment or the configuration.

    Where nothing names one, it is the embedded server's, which is started if need be.
    """
    from lmsschema.database.target import resolve, unknown_variables

    for warning in unknown_variables(os.environ):
        say(f"warning: {warning}")
    if (named := resolve(url, schema, os.environ, configured())) is not None:
        return named
    from lmsschema.migration import shadow

    return shadow.embedded(os.environ, schema)


def configured() -> "Configuration | None":
    """Return what the configuration file says; None where there is none."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.find_object(Configuration)


def policies() -> "tuple[Policy, ...]":
    """Return the policies of the declared tables, and of those that the configuration names.

    Raises:
        UsageError: The configuration's policy of a table can't be.
    """
    from lmsschema.partitions import POLICIES

    configuration = configured()
    return POLICIES if configuration is None else POLICIES + configuration.policies()


def extensions() -> "tuple[SchemaExtension, ...]":
    """Return what the configuration file declares on the schema's tables."""
    configuration = configured()
    return () if configuration is None else configuration.extensions


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
        about(database=database.conn.info.dbname, schema=database.schema)
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


def about(**facts: str | None) -> dict[str, Any]:
    """Return what every JSON object says: the program's version, the database and the schema.

    Args:
        facts: What is known from now on.
    """
    unknown = {"version": lmsschema.__version__, "database": None, "schema": None}
    known = (_about.get() or unknown) | facts
    _about.set(known)
    return known


def result(text: str, data: dict[str, Any], *, as_json: bool) -> None:
    """Print a command's result on stdout: the text, or the data as one JSON object."""
    colour = False if os.environ.get("NO_COLOR") else None  # None: where there is a terminal
    click.echo(as_line(about() | data) if as_json else text, color=colour)


def as_line(data: dict[str, Any]) -> str:
    """Return the data as one line of JSON, times in ISO form."""
    import json

    return json.dumps(data, default=_plain)


def _plain(value: object) -> str:
    """Return a value that JSON has no form for as text: times in ISO form, all else as Python's."""
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)
