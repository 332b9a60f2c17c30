"""Lints the SQL of revisions, as psql would run it: the project's, or an application's."""

import dataclasses
from collections.abc import Collection
from pathlib import Path

from lmsschema.errors import UsageError
from lmsschema.lint import rules, tools
from lmsschema.lint.rules import LexedStatement
from lmsschema.lint.tools import Remark
from lmsschema.migration import line, revisions
from lmsschema.partitions import POLICIES, Policy

#: squawk's rule that can't hold for a partitioned table: its index is created ONLY on it.
_CONCURRENT_INDEX = "require-concurrent-index-creation"


@dataclasses.dataclass(frozen=True)
class Script:
    """A script to lint.

    Attributes:
        name: A revision's id, or the file's path.
        file: The file that it comes from.
        sql: Its SQL.
        config: The file with sqlfluff's configuration; None: the SQL's layout is not checked.
    """

    name: str
    file: Path
    sql: str
    config: Path | None = None


@dataclasses.dataclass(frozen=True)
class Violation:
    """Something that a linter found.

    Attributes:
        script: The revision's id, or the file's path.
        file: The file to change.
        line: The line in it, from 1; None if the SQL's line does not occur there exactly once.
        sql_line: The line in the script, from 1.
        text: That line.
        linter: ``squawk``, ``sqlfluff`` or ``lmsschema``.
        rule: The rule's name.
        message: What is wrong.
        help: What to do.
    """

    script: str
    file: str
    line: int | None
    sql_line: int
    text: str
    linter: str
    rule: str
    message: str
    help: str


def run(
    files: Collection[Path] = (), policies: Collection[Policy] = POLICIES
) -> tuple[list[str], list[Violation]]:
    """Lint revisions or files of SQL; return the names of what was read, and the violations.

    Args:
        files: Revisions' files, folders of them, or files of SQL; none of them means all revisions
            of the checkout.
        policies: The policies of all partitioned tables.

    Raises:
        UsageError: A file is neither; or none is named, and this is not a checkout.
        LmsschemaError: A linter is not installed, or failed.
    """
    config = _config()
    if not files or (config and any(map(_is_ours, files))):
        revisions.checkout()
        if broken := line.order():  # Alembic can't render revisions that are not in one line
            return [problem.file.stem for problem in broken], list(map(_of_file, broken))
    scripts = [_from_file(one, config) for file in files for one in _within(file)] or [
        _revision(one, config) for one in revisions.ids()
    ]
    found = [one for script in scripts for one in _lint(script, policies)]
    return [one.name for one in scripts], found


def _config() -> Path | None:
    """Return the file with sqlfluff's configuration; None outside a checkout."""
    file = revisions.folder().parent / "pyproject.toml"
    return file if file.is_file() else None


def _within(file: Path) -> list[Path]:
    """Return the file, or the revisions of a folder."""
    if not file.is_dir():
        return [file]
    if not (found := sorted(file.glob("[!_]*.py"))):
        raise UsageError(f"{file} has no revision", hint="Name the folder that its files lie in.")
    return found


def _is_ours(file: Path) -> bool:
    """Whether it is one of lmsschema's revisions, or their folder."""
    ours = (revisions.folder() / "versions").resolve()
    return ours in {file.resolve(), file.resolve().parent}


def _of_file(problem: line.LineFault) -> Violation:
    """Return a fault of a revision's file as a violation."""
    text = problem.file.read_text("utf-8").splitlines()[problem.line - 1].strip()
    return Violation(
        problem.file.stem,
        str(problem.file),
        problem.line,
        problem.line,
        text,
        "lmsschema",
        problem.rule,
        problem.message,
        problem.help + ".",
    )


def _from_file(file: Path, config: Path | None) -> Script:
    """Return the script of a file."""
    if file.suffix == ".py":
        if file.stem in revisions.ids() and _is_ours(file):
            return _revision(file.stem, config)
        from lmsschema.migration import rendering

        return Script(file.stem, file, rendering.render(file))
    try:
        return Script(str(file), file, file.read_text("utf-8"), config)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} can't be read: {error}") from error


def _revision(revision: str, config: Path | None) -> Script:
    """Return the script that upgrades a database from the revision before to this one."""
    from lmsschema.migration import runner

    before = [revisions.BASE, *revisions.ids()][revisions.position(revision) - 1]
    file = revisions.folder() / "versions" / f"{revision}.py"
    return Script(revision, file, runner.offline(before, revision), config)


def _lint(script: Script, policies: Collection[Policy]) -> list[Violation]:
    """Return the violations in a script, ordered by line."""
    form, statements = tools.sqlfluff(script.sql, script.config)
    locks = tools.squawk(script.sql)
    own = [Remark(one.line, one.rule, one.message, one.help) for one in rules.check(statements)]
    source = script.file.read_text("utf-8").splitlines()
    found = [
        _finding(script, source, linter, remark)
        for linter, remarks in (
            ("lmsschema", own),
            ("squawk", [one for one in locks if not _on_parent_alone(one, statements, policies)]),
            ("sqlfluff", form),
        )
        for remark in remarks
    ]
    of_file = map(_of_file, line.content(script.file)) if script.file.suffix == ".py" else ()
    return [*of_file, *sorted(found, key=lambda one: one.sql_line)]


def _on_parent_alone(
    remark: Remark, statements: list[LexedStatement], policies: Collection[Policy]
) -> bool:
    """Whether squawk asks for CONCURRENTLY for an index ONLY on a partitioned table."""
    return remark.rule == _CONCURRENT_INDEX and any(
        statement.line == remark.line and statement.has("ON", "ONLY", policy.table.upper())
        for statement in statements
        for policy in policies
    )


def _finding(script: Script, source: list[str], linter: str, remark: Remark) -> Violation:
    text = script.sql.splitlines()[remark.line - 1].strip()
    return Violation(
        script.name,
        str(script.file),
        _line_of(text, source),
        remark.line,
        text,
        linter,
        remark.rule,
        remark.message,
        remark.help,
    )


def _line_of(text: str, source: list[str]) -> int | None:
    """Return the one line of a revision's file that a line of its SQL comes from."""
    wanted = text.removesuffix(";")
    found = [number for number, line in enumerate(source, start=1) if wanted and wanted in line]
    return found[0] if len(found) == 1 else None
