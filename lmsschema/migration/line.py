"""Whether the revisions' files form one line, and can be run: read before anything is.

Alembic would run two revisions that have the same parent in an order of its own, and a file under
another revision's name as that one.
"""

import ast
import dataclasses
import functools
from collections.abc import Collection, Iterator
from pathlib import Path

from lmsschema.errors import UnsafeError
from lmsschema.migration import revisions


@dataclasses.dataclass(frozen=True)
class LineFault:
    """What is wrong with a revision's file.

    Attributes:
        file: The file.
        line: The line in it, from 1.
        rule: The rule that it breaks.
        message: What is wrong.
        help: What to do.
    """

    file: Path
    line: int
    rule: str
    message: str
    help: str

    def __str__(self) -> str:
        return f"{self.file.name}:{self.line}: {self.message}. {self.help}"


def require(pending: Collection[str]) -> None:
    """Raise UnsafeError unless the files form one line, and those that are pending can be run.

    Args:
        pending: The revisions that are to be run.
    """
    found = order() or [
        problem
        for revision in pending
        for problem in content(revisions.folder() / "versions" / f"{revision}.py")
    ]
    if found:
        raise UnsafeError(
            "; ".join(map(str, found)),
            hint="Nothing was changed. lmsschema lint reads all revisions.",
            details={"files": [str(problem.file) for problem in found]},
        )


def order() -> list[LineFault]:
    """Return what keeps the files from being one line, oldest first by their names."""
    return list(_order())


def content(file: Path) -> list[LineFault]:
    """Return what a revision must not do outside of its downgrade()."""
    tree = _parse(file)
    calls = [
        call
        for part in tree.body
        if not (isinstance(part, ast.FunctionDef) and part.name == "downgrade")
        for call in ast.walk(part)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
    ]
    found = [
        LineFault(
            file,
            call.lineno,
            "autocommit-block",
            "autocommit_block() commits what came before and waits for locks without a limit",
            "Use a step: lmsschema.ddl.index.Index builds an index CONCURRENTLY",
        )
        for call in calls
        if _called(call) == "autocommit_block"
    ]
    if any(_called(call) == "apply" and _owner(call) == "steps" for call in calls):
        found += [
            LineFault(
                file,
                call.lineno,
                "steps-mixed",
                f"op.{_called(call)}() beside steps.apply(), which commits what came before: where "
                "a step is refused, that stays",
                "Put it into a revision of its own",
            )
            for call in calls
            if _owner(call) == "op" and _called(call) != "get_context"
        ]
    return found


def _order() -> Iterator[LineFault]:
    parents: dict[object, Path] = {}
    before: object = None
    for file in sorted((revisions.folder() / "versions").glob("*.py")):
        names = _assigned(file)
        revision, line = names.get("revision", (None, 1))
        parent, parent_line = names.get("down_revision", (None, 1))
        if revision != file.stem or not file.stem[:1].isdecimal():
            yield LineFault(
                file,
                line,
                "revision-name",
                f"the file is named {file.name}, its revision {revision}",
                "Name the file after its revision, and begin both with its number",
            )
        elif parent in parents:
            yield LineFault(
                file,
                parent_line,
                "revision-order",
                f"{revision} and {parents[parent].stem} both follow {parent or 'nothing'}",
                f"Have {revision} follow the newest of the others, and give it the next number",
            )
        elif parent != before:
            yield LineFault(
                file,
                parent_line,
                "revision-order",
                f"{revision} follows {parent or 'nothing'}, and its file {before or 'nothing'}",
                "Number the files in the order in which their revisions follow each other",
            )
        parents.setdefault(parent, file)
        before = file.stem


def _assigned(file: Path) -> dict[str, tuple[object, int]]:
    """Return the constants that a file assigns to names, each with its line."""
    return {
        target.id: (statement.value.value, statement.lineno)
        for statement in _parse(file).body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def _parse(file: Path) -> ast.Module:
    """Return a file's syntax tree."""
    tree: ast.Module = _tree(file.read_text("utf-8"))
    return tree


#: Both questions are asked of a file.
_tree = functools.lru_cache(maxsize=64)(ast.parse)


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _owner(call: ast.Call) -> str:
    """Return the name whose attribute is called, if it is one."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    return owner.id if isinstance(owner, ast.Name) else ""
