"""``lmsschema tenants check``."""

import bisect
import collections
import functools

import click

from lmsschema.cli import _common
from lmsschema.cli.tenants import _common as _tenants
from lmsschema.errors import FindingsError

#: Names of tenants in a line.
_SHOWN = 5


@click.command(epilog="Example: lmsschema tenants check --strict --json")
@click.option("--strict", is_flag=True, help="Count objects that are not declared as drift.")
@click.option("--ignore", multiple=True, metavar="PATTERN", help="Leave out, as for check.")
@_tenants.jobs_option
@_tenants.selection_options
def command(
    ignore: tuple[str, ...],
    jobs: int,
    only: tuple[str, ...],
    but: tuple[str, ...],
    url: str | None,
    *,
    strict: bool,
    as_json: bool,
) -> int:
    """Compare all tenants with the declared schema of their revisions.

    Tenants with the same differences are reported together. Exits 3 if there is drift, or if
    revisions are pending.
    """
    from lmsschema.cli.tenants import _jobs

    with _common.open_database(url, None) as database:
        every = _tenants.tenants(database, only, but)
        target = database.target
    troubled = [one for one in every if one.trouble]
    job = functools.partial(
        _jobs.check, ignore=ignore, declare=_common.extensions(), policies=_common.policies()
    )
    names = [one.schema for one in every if not one.trouble]
    run = _tenants.work(target, job, names, jobs=jobs)
    _tenants.tell_failures("check", run, troubled)
    shapes: dict[tuple[str, ...], list[str]] = collections.defaultdict(list)
    for one in run.results:
        if not one.code:
            extra = one.data["unmanaged"] if strict else []
            pending = [f"pending: {name}" for name in one.data["pending"]]
            bisect.insort(shapes[*one.data["drift"], *extra, *pending], one.tenant)
    lines = []
    for differences, alike in sorted(shapes.items(), key=lambda shape: (-len(shape[1]), shape)):
        what = "as declared" if not differences else f"{len(differences)} differences"
        lines.append(f"{len(alike)} tenants {what}" + (f": {_some(alike)}" if differences else ""))
        lines += [f"  {one}" for one in differences]
    if run.left:
        lines.append(f"{len(run.left)} not looked at")
    _common.result("\n".join(lines) or "no tenants", _tenants.data(run, troubled), as_json=as_json)
    dirty = any(shapes)
    return _tenants.code(run, troubled) or (FindingsError.exit_code if dirty else 0)


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
