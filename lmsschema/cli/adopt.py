"""``lmsschema adopt``."""

from typing import TYPE_CHECKING, Any

import click

from lmsschema.cli import _common, _drift
from lmsschema.errors import FindingsError

if TYPE_CHECKING:
    from lmsschema.drift.adopt import Adoption, Comparison
    from lmsschema.drift.compare import Difference


@click.command(epilog="Example: lmsschema adopt --dry-run --url service=lms --schema campus_north")
@click.option("--dry-run", is_flag=True, help="Record nothing.")
@_drift.drift_options
@_common.wait_option
@_common.database_options
def command(
    wait: float,
    url: str | None,
    schema: str | None,
    shadow_url: str | None,
    ignore: tuple[str, ...],
    *,
    dry_run: bool,
    as_sql: bool,
    as_json: bool,
) -> int:
    """Take over a database that was built by hand from the guide.

    Compares the database with every revision, as check does, and records the revision that it
    equals. If it equals none, nothing is changed and the exit code is 3; the differences from the
    nearest revision are printed, separately those that are only names.
    """
    from lmsschema.drift import adopt

    with _common.open_database(url, schema) as database:
        done = adopt.run(
            database,
            dry_run=dry_run,
            ignore=ignore,
            declare=_common.extensions(),
            shadow_url=shadow_url,
            wait=wait,
            notify=_common.say,
        )
    text = _script(done.nearest, database.schema) if as_sql else _text(done, dry_run=dry_run)
    data = _data(done, database.schema, with_sql=as_sql)
    _common.result(text, data, as_json=as_json)
    if not done.nearest.equal and not as_sql:
        _common.say("hint: --sql prints the statements that make it equal, as far as is safe")
    if done.nearest.equal and done.nearest.partitions:
        _common.say(
            f"missing partitions: {', '.join(done.nearest.partitions)}; lmsschema upgrade creates "
            "those from this month on, lmsschema partitions create the earlier ones"
        )
    return 0 if done.nearest.equal else FindingsError.exit_code


def _text(done: "Adoption", *, dry_run: bool) -> str:
    """Return the result for a person."""
    from lmsschema.drift import adopt

    found = done.nearest
    beside = f"; {found.unmanaged} objects not declared" if found.unmanaged else ""
    if found.extensions:
        beside += f"; {_drift.number(len(found.extensions), 'declared extension')}"
    beside += f"; {found.ignored} ignored" if found.ignored else ""
    if done.before is not None and found.equal:
        return f"already at {done.before}, and equal to it{beside}"
    if found.equal:
        did = "would be recorded as" if dry_run else "recorded:"
        return f"equal to {found.revision}: {did} base -> {found.revision}{beside}"
    lines = _differences([one for one in found.differences if not adopt.is_comment(one)])
    if found.renames:
        lines.append(click.style("only the name differs", bold=True))
        lines += [f"  {one.statement};" for one in found.renames]
    comments = sum(map(adopt.is_comment, found.differences))
    counts = [
        _drift.number(len(found.differences) - comments, "difference"),
        _drift.number(len(found.renames), "different name"),
        _drift.number(comments, "different comment"),
    ]
    place = f"at {done.before}, but not equal to it" if done.before else found.revision
    lines.append(
        f"{'' if done.before else 'nearest revision '}{place}: {', '.join(counts)}{beside}; "
        "nothing was changed"
    )
    return "\n".join(lines)


def _differences(differences: "list[Difference]") -> list[str]:
    """Return the differences as lines, grouped by table."""
    from lmsschema.drift import text as drift_text

    lines: list[str] = []
    relation = None
    for one in differences:
        if one.identity.relation != relation:
            relation = one.identity.relation
            lines.append(click.style(drift_text.printable(relation or "schema"), bold=True))
        lines.append(f"  {drift_text.MARKS[one.problem]} {drift_text.describe(one)}")
    return lines


def _script(found: "Comparison", schema: str) -> str:
    """Return the statements that make the database equal, as far as is safe."""
    from lmsschema.drift import script

    every = [*found.only_names, *found.differences]
    return script.render(every, found.expected, found.found, schema)


def _data(done: "Adoption", schema: str, *, with_sql: bool) -> dict[str, Any]:
    """Return the result for a program."""
    from lmsschema.drift import data

    found = done.nearest
    sides = found.expected, found.found
    return {
        "schema": schema,
        "from": done.before,
        "revision": found.revision,
        "equal": found.equal,
        "stamped": done.stamped,
        "differences": list(
            data.with_fixes(found.differences, *sides, schema)
            if with_sql
            else data.differences(found.differences)
        ),
        "renames": [
            {
                "relation": one.relation or None,
                "kind": one.kind,
                "found": one.found,
                "expected": one.expected,
                **one.locked.data(),
            }
            for one in found.renames
        ],
        "partitions_to_make": list(found.partitions),
        "unmanaged": found.unmanaged,
        "extensions": list(data.extensions(found.extensions)),
        "ignored": found.ignored,
    }
