"""``lmsschema adopt``."""

from typing import TYPE_CHECKING, Any

import click

from lmsschema.cli import _common
from lmsschema.errors import FindingsError

if TYPE_CHECKING:
    from lmsschema.drift.adopt import Adoption, Comparison
    from lmsschema.drift.compare import Difference


@click.command(epilog="Example: lmsschema adopt --dry-run --url service=lms --schema campus_north")
@click.option("--dry-run", is_flag=True, help="Record nothing.")
@click.option(
    "--ignore",
    multiple=True,
    metavar="PATTERN",
    help="What is meant to be: 'backup_*', 'users.idx_*', 'users.email:comment'.",
)
@click.option("--sql", "as_sql", is_flag=True, help="Print SQL that undoes what it safely can.")
@click.option(
    "--shadow-url",
    metavar="URL",
    help="Server to build the revisions on [the database's own, else embedded].",
)
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

    Its catalogs are compared with each revision's, as check does it; the one that they equal is
    recorded. Where they equal none, nothing is changed: exit code 3, with what differs from the
    nearest, and what of that is only a name.
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
        _common.say("hint: --sql prints what makes it equal, as far as that is safe")
    if done.nearest.equal and done.nearest.partitions:
        _common.say(
            f"no partition yet: {', '.join(done.nearest.partitions)}; lmsschema upgrade makes "
            "those from this month on, lmsschema partitions create others"
        )
    return 0 if done.nearest.equal else FindingsError.exit_code


def _text(done: "Adoption", *, dry_run: bool) -> str:
    """Return what came of it, for a person."""
    from lmsschema.drift import adopt

    found = done.nearest
    beside = f"; {found.unmanaged} more of the site's own" if found.unmanaged else ""
    beside += (
        f"; {_number(len(found.extensions), 'declared extension')}" if found.extensions else ""
    )
    beside += f"; {found.ignored} ignored" if found.ignored else ""
    if done.before is not None and found.equal:
        return f"at {done.before} already, and equal to it{beside}"
    if found.equal:
        did = "would be recorded as" if dry_run else "recorded:"
        return f"equal to {found.revision}: {did} base -> {found.revision}{beside}"
    lines = _differences([one for one in found.differences if not adopt.is_comment(one)])
    if found.renames:
        lines.append(click.style("only another name", bold=True))
        lines += [f"  {one.statement};" for one in found.renames]
    comments = sum(map(adopt.is_comment, found.differences))
    counts = [
        _number(len(found.differences) - comments, "difference"),
        _number(len(found.renames), "other name"),
        _number(comments, "other comment"),
    ]
    place = f"at {done.before}, but not equal to it" if done.before else found.revision
    lines.append(
        f"{'' if done.before else 'nearest revision '}{place}: {', '.join(counts)}{beside}; "
        "nothing was changed"
    )
    return "\n".join(lines)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _differences(differences: "list[Difference]") -> list[str]:
    """Return the differences by table, one line each."""
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
    """Return the statements that make the database equal, as far as that is safe."""
    from lmsschema.drift import script

    every = [*found.only_names, *found.differences]
    return script.render(every, found.expected, found.found, schema)


def _data(done: "Adoption", schema: str, *, with_sql: bool) -> dict[str, Any]:
    """Return what came of it, for a program."""
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
