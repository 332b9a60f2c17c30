"""Shared by the commands of the embedded server."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from lmsschema.cli import _common
from lmsschema.local_server import embedded

F = TypeVar("F", bound=Callable[..., Any])


def timeout_option(function: F) -> F:
    """Add ``--timeout`` to a command that starts or stops the server."""
    return click.option(
        "--timeout",
        type=click.FloatRange(min=0),
        default=embedded.TIMEOUT,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for the server.",
    )(function)


def say_if_started(server: embedded.LocalServer) -> None:
    """Print the server's folder and how to open it, if this command has started it."""
    if server.started:
        _common.say(f"started the embedded server in {server.home}")
        _common.say("open it with: lmsschema local psql")
