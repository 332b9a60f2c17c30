"""Shared by the commands about index profiles."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lmsschema import names

if TYPE_CHECKING:
    from lmsschema.doctor.advice import Advice, IndexAdvice

F = TypeVar("F", bound=Callable[..., Any])

profile_argument = click.argument("profile", type=click.Choice(names.PROFILES))


def head(advice: "Advice") -> str:
    """Return the line that says which profile a database has, and since when."""
    since = f" since {advice.changed_at:%Y-%m-%d %H:%M} UTC" if advice.changed_at else ""
    return f"index profile {advice.profile}{since}"


def row(one: "IndexAdvice") -> tuple[str, str, str]:
    """Return what every list of indexes says of one: its name, its profiles, its state."""
    of = "all" if one.profiles == names.PROFILES else ", ".join(one.profiles) or "not declared"
    return one.name, of, "" if one.state == "there" else one.state


def data(advice: "Advice") -> dict[str, Any]:
    """Return the indexes for a program."""
    return {
        "profile": advice.profile,
        "changed_at": advice.changed_at,
        "complete": advice.complete,
        "indexes": [
            {
                "table": one.table,
                "name": one.name,
                "profiles": list(one.profiles),
                "state": one.state,
                "scans": one.scans,
                "bytes": one.bytes,
                "hot_columns": list(one.hot),
            }
            for one in advice.indexes
        ],
    }
