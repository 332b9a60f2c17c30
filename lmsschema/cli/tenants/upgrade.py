"""``lmsschema tenants upgrade``."""

import fnmatch
import functools
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from lmsschema.cli import _common
from lmsschema.cli.tenants import _common as _tenants
from lmsschema.cli.upgrade import allow_hazard_option
from lmsschema.errors import UsageError

if TYPE_CHECKING:
    from lmsschema.database.connection import Database
    from lmsschema.tenants.found import Tenant


@click.command(epilog="Example: lmsschema tenants upgrade --jobs 4 --canary campus_test")
@click.argument("revision", default="head")
@click.option("--canary", multiple=True, metavar="GLOB", help="Begin with these, one by one.")
@click.option(
    "--max-failures",
    type=click.IntRange(1),
    default=1,
    metavar="N",
    help="Begin no tenant after N failures [1].",
)
@allow_hazard_option
@_common.shadow_option
@_common.retry_options
@_common.wait_option
@_tenants.jobs_option
@_tenants.selection_options
def command(  # noqa: PLR0917  click passes them by name
    revision: str,
    canary: tuple[str, ...],
    max_failures: int,
    allow: tuple[str, ...],
    shadow_url: str | None,
    lock_timeout: float,
    lock_retries: int,
    wait: float,
    jobs: int,
    only: tuple[str, ...],
    but: tuple[str, ...],
    url: str | None,
    *,
    as_json: bool,
) -> int:
    """Bring all tenants to the newest revision, or to REVISION.

    Canaries first, with a check after each. Run again, it does what is left.
    """
    from lmsschema.cli.tenants import _jobs
    from lmsschema.migration.retry import Retry

    with _common.open_database(url, None) as database:
        every = _tenants.tenants(database, only, but)
        troubled = [one for one in every if one.trouble]
        able = [one for one in every if not one.trouble]
        first = _canaries(able, canary)
        behind = _behind(database, able, revision, first)
        target = database.target
        schema_of = {one.schema: one for one in able}
    job = functools.partial(
        _jobs.upgrade,
        revision=revision,
        allow=allow,
        retry=Retry(lock_timeout, lock_retries),
        wait=wait,
        shadow_url=shadow_url,
        canaries=first,
        ignore=_ignored(),
        declare=_common.extensions(),
        policies=_common.policies(),
    )
    run = _tenants.work(target, job, behind, jobs=jobs, max_failures=max_failures, first=first)
    where = [] if revision == "head" else [shlex.quote(revision)]
    alone = " ".join(["upgrade", *where, *(f"--allow-hazard {kind}" for kind in allow)])
    _tenants.tell_failures(alone, run, troubled)
    done = len(run.results) - len(run.failed)
    parts = [
        f"{len(every)} tenants: {done} upgraded",
        f"{len(schema_of) - len(behind)} there already",
        *([f"{len(run.failed) + len(troubled)} failed"] if run.failed or troubled else []),
        *([f"{len(run.left)} not begun"] if run.left else []),
    ]
    _common.result(", ".join(parts), _tenants.data(run, troubled), as_json=as_json)
    return _tenants.code(run, troubled)


def _ignored() -> Sequence[str]:
    configured = _common.configured()
    return configured.ignore if configured else ()


def _canaries(tenants: "list[Tenant]", patterns: Sequence[str]) -> list[str]:
    """Return the tenants that are done first."""
    found = [
        one.schema
        for pattern in patterns
        for one in tenants
        if fnmatch.fnmatchcase(one.schema, pattern)
    ]
    if patterns and not found:
        raise UsageError(
            f"no tenant is called {' or '.join(patterns)}",
            hint="List them: lmsschema tenants list",
        )
    return list(dict.fromkeys(found))


def _behind(
    database: "Database", tenants: "list[Tenant]", revision: str, first: Sequence[str]
) -> list[str]:
    """Return the tenants with something to do: canaries, then the small before the large.

    A canary that is there already is one of them while others are not: it is checked again, so that
    one that has failed the check goes on keeping the others back.

    Raises:
        UsageError: No such revision.
    """
    from lmsschema.migration import revisions
    from lmsschema.partitions import POLICIES
    from lmsschema.tenants import found, states

    late = [
        one.schema
        for one in tenants
        if revisions.position(one.revision) < revisions.find(revision, one.revision)
    ]
    there = [one.schema for one in tenants if one.schema not in set(late)]
    late += states.due(database, POLICIES, there)
    if not set(late) <= set(first):
        late += [name for name in first if name not in set(late)]
    sizes = found.sizes(database, late) if late else {}
    rank = {name: place for place, name in enumerate(first)}
    return sorted(
        late,
        key=lambda name: (rank.get(name, len(rank)), sizes.get(name, found.Size()).bytes, name),
    )
