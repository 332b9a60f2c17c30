"""Shared by ``check`` and ``adopt``, which compare a database with the declared schema."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def drift_options(function: F) -> F:
    """Add ``--ignore``, ``--sql`` and ``--shadow-url``; the function gets ``as_sql``."""
    function = click.option(
        "--shadow-url",
        metavar="URL",
        help="Server to build the declared schema on [the database's own, else embedded].",
    )(function)
    function = click.option(
        "--sql", "as_sql", is_flag=True, help="Print SQL that fixes what is safe to fix."
    )(function)
    return click.option(
        "--ignore",
        multiple=True,
        metavar="PATTERN",
        help="Leave out: 'backup_*', 'users.idx_*', 'users.email:comment'.",
    )(function)


def number(count: int, noun: str) -> str:
    """Return a number with its noun, such as ``2 differences``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
