"""``lmsschema lint``."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmsschema.cli import _common
from lmsschema.errors import FindingsError

if TYPE_CHECKING:
    from lmsschema.lint.scripts import Violation


@click.command(epilog="Example: lmsschema lint migrations/versions")
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@_common.output_options
def command(files: tuple[Path, ...], *, as_json: bool) -> int:
    """Lint the SQL of revisions: an application's, or the project's.

    FILE is the file of a revision, a folder of them, or an SQL script; without it, every revision
    of the checkout is linted. squawk checks locks, and lmsschema's own rules check what it does not
    see; sqlfluff checks the formatting of the project's revisions. Connects to no database. Exit
    code 0: no findings; 3: findings. Needs: pip install "lmsschema[lint]"
    """
    from lmsschema.lint import scripts as lint

    read, found = lint.run(files, _common.policies())
    text = "\n".join([*map(as_text, found), _summary(read, found)])
    data = {"read": read, "findings": [dataclasses.asdict(one) for one in found]}
    _common.result(text, data, as_json=as_json)
    return FindingsError.exit_code if found else 0


def as_text(finding: "Violation") -> str:
    """Return a finding for a person: its place, its rule and what to do."""
    place = finding.file if finding.line is None else f"{finding.file}:{finding.line}"
    where = place if finding.line is not None else f"{place}, line {finding.sql_line} of its SQL"
    return (
        f"{where}: {finding.linter}: {finding.rule}: {finding.message}\n"
        f"    {finding.text}\n"
        f"    {finding.help}"
    )


def _summary(read: list[str], found: "list[Violation]") -> str:
    scripts = f"{len(read)} script{'' if len(read) == 1 else 's'}"
    if not found:
        return f"{scripts}: no findings"
    return f"{scripts}: {len(found)} finding{'' if len(found) == 1 else 's'}"
