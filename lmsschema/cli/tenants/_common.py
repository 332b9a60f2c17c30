"""What the commands of ``lmsschema tenants`` share."""

import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lmsschema.cli import INTERRUPTED, _common
from lmsschema.errors import UnsafeError

if TYPE_CHECKING:
    from lmsschema.database.connection import Database
    from lmsschema.database.target import Target
    from lmsschema.tenants.found import Tenant
    from lmsschema.tenants.runs import Job, TenantRun

F = TypeVar("F", bound=Callable[..., Any])

#: Failures of one run that are printed.
_SHOWN = 20


def selection_options(function: F) -> F:
    """Add ``--url``, the output options, and those that say which tenants are meant."""
    function = _common.output_options(function)
    function = click.option("--url", metavar="URL", help="The tenants' database.")(function)
    function = click.option(
        "--except", "but", multiple=True, metavar="GLOB", help="All but these tenants."
    )(function)
    return click.option("--only", multiple=True, metavar="GLOB", help="These tenants only.")(
        function
    )


def jobs_option(function: F) -> F:
    """Add ``--jobs``: how many tenants are worked on at once."""
    return click.option(
        "--jobs",
        type=click.IntRange(1, 64),
        default=2,
        metavar="N",
        help="Processes that work at once [2].",
    )(function)


def tenants(database: "Database", only: Sequence[str], but: Sequence[str]) -> "list[Tenant]":
    """Return the tenants that are meant."""
    from lmsschema.tenants import found

    return found.chosen(found.find(database), only, but)


def work(
    target: "Target",
    job: "Job",
    names: Sequence[str],
    *,
    jobs: int,
    max_failures: int | None = None,
    first: Sequence[str] = (),
    quiet: bool = False,
) -> "TenantRun":
    """Run a job for tenants, and tell how far it is."""
    from lmsschema.locks.context import Progress, paced
    from lmsschema.tenants import runs

    tell = paced(_common.Teller(), 1.0)

    def told(run: "TenantRun") -> None:
        what = f"{len(run.results)} of {len(names)} tenants"
        if run.failed:
            what += f", {len(run.failed)} failed"
        if run.waiting:
            what += f", {run.waiting} waiting for locks"
        tell(Progress(what, len(run.results), len(names)))

    return runs.run(
        target,
        job,
        names,
        jobs=jobs,
        first=first,
        max_failures=max_failures,
        tell=(lambda _: None) if quiet else told,
    )


def of_schema(command: str, schema: str) -> str:
    """Return a command with the option that names a schema, as a shell takes it."""
    return f"lmsschema {command} --schema {shlex.quote(schema)}"


def tell_failures(command: str, run: "TenantRun", others: "Sequence[Tenant]" = ()) -> None:
    """Say of each tenant that failed why, and how it is tried alone."""
    for one in run.failed[:_SHOWN]:
        _common.say(f"{one.tenant}: {one.message}")
        if one.hint:
            _common.say(f"hint: {one.hint}")
        _common.say(f"alone: {of_schema(command, one.tenant)}")
    if len(run.failed) > _SHOWN:
        _common.say(f"… and {len(run.failed) - _SHOWN} more: --json names all")
    for tenant in others[:_SHOWN]:
        _common.say(f"{tenant.schema}: {tenant.trouble}")


def code(run: "TenantRun", others: "Sequence[Tenant]" = ()) -> int:
    """Return the exit code: of what failed if all failed in one way, else 1."""
    codes = {one.code for one in run.failed} | ({UnsafeError.exit_code} if others else set())
    if run.interrupted is not None:
        return INTERRUPTED + run.interrupted
    if len(codes) == 1:
        return codes.pop()
    return 1 if codes else 0


def data(run: "TenantRun", others: "Sequence[Tenant]" = ()) -> dict[str, Any]:
    """Return what became of each tenant, as data."""
    return {
        "tenants": [
            {
                "name": one.tenant,
                "exit_code": one.code,
                "seconds": round(one.seconds, 3),
                "error": one.message or None,
                "hint": one.hint or None,
                **one.data,
            }
            for one in run.results
        ]
        + [
            {"name": one.schema, "exit_code": UnsafeError.exit_code, "error": one.trouble}
            for one in others
        ],
        "not_begun": run.left,
        "interrupted": run.interrupted is not None,
    }
