"""The revisions that this program knows, read from their files without importing Alembic.

They form one line: a file is named after its revision, and the names' order is the line's.
"""

import ast
import contextlib
import dataclasses
import functools
import re
from collections.abc import Iterator
from pathlib import Path

from lmsschema.errors import UsageError

_PACKAGE = Path(__file__).parents[1]

#: Where :func:`read_from` has them read.
_elsewhere: list[Path] = []

#: The names by which the ends of the line go.
BASE, HEAD = "base", "head"

#: The version table's column takes no more characters.
_ID_LENGTH = 32


@dataclasses.dataclass(frozen=True)
class Revision:
    """A revision: its id, and the first line of what its file says of itself."""

    id: str
    title: str


def folder() -> Path:
    """Return where the migrations lie: inside the installed package, or beside it in a checkout."""
    if _elsewhere:
        return _elsewhere[-1]
    installed = _PACKAGE / "migrations"
    return installed if installed.is_dir() else _PACKAGE.parent / "migrations"


@contextlib.contextmanager
def read_from(folder: Path) -> Iterator[None]:
    """Read them from another folder meanwhile: to try further ones in a copy of the migrations."""
    _elsewhere.append(folder)
    reread()
    try:
        yield
    finally:
        _elsewhere.pop()
        reread()


def checkout() -> Path:
    """Return the checkout's folder.

    Raises:
        UsageError: lmsschema runs from an installed package, which is no place to write revisions.
    """
    root = folder().parent
    if not (root / "pyproject.toml").is_file():
        raise UsageError(
            "revisions are written in a checkout of lmsschema, and this one is installed",
            hint="Clone the repository and run it there: python cli.py COMMAND",
        )
    return root


def reread() -> None:
    """Look for the revisions' files again: one was written."""
    _files.cache_clear()


def line() -> tuple[Revision, ...]:
    """Return all revisions, oldest first."""
    return tuple(Revision(file.stem, _title(file)) for file in _files())


def ids() -> list[str]:
    """Return the ids of all revisions, oldest first."""
    return [file.stem for file in _files()]


def head() -> str:
    """Return the id of the newest revision."""
    return ids()[-1]


def next_id(message: str) -> str:
    """Return the id of a revision after the newest: its number, and words of ``message``."""
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")
    number = int(head().partition("_")[0]) + 1
    return f"{number:04d}_{slug}"[:_ID_LENGTH].rstrip("_")


def source(revision: str) -> str:
    """Return the text of a revision's file."""
    return (folder() / "versions" / f"{revision}.py").read_text("utf-8")


def position(revision: str | None) -> int:
    """Return how many revisions a database at ``revision`` has: 0 for None."""
    return 0 if revision is None else ids().index(revision) + 1


def parent(revision: str) -> str | None:
    """Return the revision before this one; None for the first."""
    before = position(revision) - 1
    return ids()[before - 1] if before else None


def find(name: str, current: str | None) -> int:
    """Return the position that ``name`` means.

    Args:
        name: A revision's id or the beginning of one, ``head``, ``base``, or ``+N`` and ``-N``
            counted from the database's own revision.
        current: The revision that the database is at.

    Raises:
        UsageError: There is no such revision, or more than one.
    """
    known = ids()
    if name in {HEAD, "heads"}:
        return len(known)
    if name == BASE:
        return 0
    if name[:1] in {"+", "-"} and name[1:].isdecimal():
        there = position(current) + int(name)
        if 0 <= there <= len(known):
            return there
    elif name:
        exact = [index for index, one in enumerate(known) if one == name]
        found = exact or [index for index, one in enumerate(known) if one.startswith(name)]
        if len(found) == 1:
            return found[0] + 1
    raise UsageError(
        f"no revision {name!r}",
        hint=f"Known: {', '.join([BASE, *known, HEAD])}; or +N, -N from the database's own.",
    )


@functools.cache
def _files() -> list[Path]:
    """Return the revisions' files, oldest first."""
    return sorted((folder() / "versions").glob("[0-9]*.py"))


def _title(file: Path) -> str:
    """Return the first line of a revision file's docstring."""
    text = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return text.partition("\n")[0].rstrip(".")
