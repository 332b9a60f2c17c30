"""Confirmation before data is deleted: asked on a terminal; elsewhere ``--yes`` is required."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from lmsschema.errors import UnsafeError

F = TypeVar("F", bound=Callable[..., Any])


def yes_option(function: F) -> F:
    """Add ``--yes`` to a command."""
    return click.option("--yes", is_flag=True, help="Don't ask; required if there is no terminal.")(
        function
    )


def asking(*, yes: bool) -> Callable[[str], None]:
    """Return a function that asks a question and raises UnsafeError unless the answer is yes."""

    def ask(question: str) -> None:
        if yes:
            return
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise UnsafeError(
                f"{question} There is no terminal to ask on",
                hint="To confirm, add --yes.",
            )
        if not click.confirm(question, err=True):
            raise UnsafeError("nothing was changed")

    return ask
