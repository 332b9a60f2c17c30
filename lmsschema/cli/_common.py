"""Shared by all commands: the options that name a database, and the printing of results."""

import contextlib
import contextvars
import datetime as dt
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import click

import lmsschema
from lmsschema import names
from lmsschema.database.configuration import Configuration

if TYPE_CHECKING:
    from lmsschema.database.configuration import SchemaExtension
    from lmsschema.database.connection import Database
    from lmsschema.database.target import Target
    from lmsschema.locks.context import Progress
    from lmsschema.partitions import Policy

#: Width of a progress bar, in characters.
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
    """Add ``--lock-wait``: for how long a step tries to obtain its locks (old name: ``--wait``)."""

    def under_the_old_name(context: click.Context, _: click.Parameter, value: float | None) -> None:
        if value is not None:
            say("warning: --wait is deprecated here and will be removed: use --lock-wait")
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
        help="How long to try to obtain locks [60].",
    )(function)


def retry_options(function: F) -> F:
    """Add ``--lock-timeout`` and ``--lock-retries`` to a command that locks tables."""
    function = click.option(
        "--lock-retries",
        type=click.IntRange(min=0),
        default=10,
        metavar="N",
        help="How often to retry after a lock timeout [10].",
    )(function)
    return click.option(
        "--lock-timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=2.0,
        metavar="SECONDS",
        help="How long each attempt waits for a lock [2].",
    )(function)


def profile_option(*, default: str | None) -> Callable[[F], F]:
    """Return what adds ``--profile``, the index profile, to a command.

    Args:
        default: The profile without the option; None: whichever the database has.
    """
    return click.option(
        "--profile",
        type=click.Choice(names.PROFILES),
        default=default,
        metavar="NAME",
        help=f"Index profile: faithful, lean [{default or 'as it is'}].",
    )


def shadow_option(function: F) -> F:
    """Add ``--shadow-url`` to a command that needs a scratch database on another server."""
    return click.option(
        "--shadow-url", metavar="URL", help="Server for the scratch copy [the embedded server]."
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
    """Return the database that the options, the environment or the configuration file name.

    If none of them names one, return the embedded server's, and start that server if necessary.
    """
    from lmsschema.database.target import resolve, unknown_variables

    for warning in unknown_variables(os.environ):
        say(f"warning: {warning}")
    if (named := resolve(url, schema, os.environ, configured())) is not None:
        return named
    from lmsschema.migration import shadow

    return shadow.embedded(os.environ, schema)


def configured() -> "Configuration | None":
    """Return the content of the configuration file; None if there is no such file."""
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
    """Open the database that the options or the environment name, and print which one it is.

    Args:
        url: The value of ``--url``.
        schema: The value of ``--schema``.
        quiet: Print nothing but warnings.
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
    """Print a message for a person, on stderr. Results go through :func:`result`."""
    end_bar()
    click.echo(message, err=True)


def end_bar() -> None:
    """End the line of a bar that is not full, so that what follows has a line of its own."""
    if Teller.is_open:
        click.echo(err=True)
        Teller.is_open = False


class Teller:
    """Prints progress: a bar on a terminal if the total is known, else one line per message."""

    #: Whether the last line is a bar that is not full.
    is_open: ClassVar[bool] = False

    def __call__(self, progress: "Progress") -> None:
        """Print the progress: as a bar if it has a total and stderr is a terminal."""
        if not progress.total or not sys.stderr.isatty():
            say(str(progress))
            return
        share = min(1.0, progress.done / progress.total)
        full = round(share * _BAR)
        bar = "#" * full + "." * (_BAR - full)
        Teller.is_open = share < 1
        line = f"\r[{bar}] {share:4.0%} {progress.what}\x1b[K"
        click.echo(line, err=True, nl=not Teller.is_open)


def about(**facts: object) -> dict[str, Any]:
    """Return the keys of every JSON object: the program's version, the database and the schema.

    Args:
        facts: Values that are known from now on, by key; a failure's object has them, too.
    """
    unknown = {"version": lmsschema.__version__, "database": None, "schema": None}
    known = (_about.get() or unknown) | facts
    _about.set(known)
    return known


def result(text: str, data: dict[str, Any], *, as_json: bool) -> None:
    """Print a command's result on stdout: the text, or the data as one JSON object."""
    end_bar()
    colour = False if os.environ.get("NO_COLOR") else None  # None: only on a terminal
    click.echo(as_line(about() | data) if as_json else text, color=colour)


def as_line(data: dict[str, Any]) -> str:
    """Return the data as one line of JSON, times in ISO 8601."""
    import json

    return json.dumps(data, default=_plain)


def _plain(value: object) -> str:
    """Return a value that JSON can't represent as text: times in ISO 8601, others by ``str``."""
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)
