"""Asking before data is lost: on a terminal; elsewhere only ``--yes`` will do."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from lmsschema.errors import UnsafeError

F = TypeVar("F", bound=Callable[..., Any])


def yes_option(function: F) -> F:
    """Add ``--yes`` to a command."""
    return click.option(
        "--yes", is_flag=True, help="Do it without asking; needed where no one can be asked."
    )(function)


def asking(*, yes: bool) -> Callable[[str], None]:
    """Return what asks a question, and raises UnsafeError unless the answer is yes."""

    def ask(question: str) -> None:
        if yes:
            return
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise UnsafeError(
                f"{question} There is no terminal to ask on",
                hint="If that is meant, give --yes.",
            )
        if not click.confirm(question, err=True):
            raise UnsafeError("nothing was changed")

    return ask
