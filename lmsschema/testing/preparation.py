"""What an application puts into the template besides: its migrations and its rows."""

import contextlib
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import conninfo, sql

from lmsschema.database.target import Target
from lmsschema.errors import UsageError
from lmsschema.testing import databases

_HINT = "Name functions as MODULE:FUNCTION, and files of SQL as paths that end in .sql."


@dataclass(frozen=True)
class Preparation:
    """What is done to the template, in its order.

    Args:
        steps: Each ``module:function``, called with the template's URL, or a file of SQL.
        files: Patterns of further files that decide what the functions do.
        root: The folder that paths and patterns are relative to.
    """

    steps: tuple[str, ...]
    files: tuple[str, ...]
    root: Path

    @property
    def kind(self) -> list[str]:
        """What the templates have in common of which a newer one replaces the older."""
        return [str(self.root), *self.steps]

    def content(self) -> str:
        """Return a digest of all that decides what it does.

        Of a function that is its module, with all files of the package that the module is in.

        Raises:
            UsageError: A step or a pattern names nothing.
        """
        digest = hashlib.sha256()
        for step in self.steps:
            for file in [self.root / step] if step.endswith(".sql") else self._sources(step):
                _add(digest, file)
        for pattern in self.files:
            found = sorted(file for file in self.root.glob(pattern) if file.is_file())
            if not found:
                raise UsageError(f"lms_prepare_files: no file is {pattern} in {self.root}")
            for file in found:
                _add(digest, file)
        return digest.hexdigest()

    def apply(self, target: Target) -> None:
        """Do it to a database.

        Raises:
            UsageError: There is no such function.
        """
        url = _url(target)
        for step in self.steps:
            if step.endswith(".sql"):
                script = (self.root / step).read_bytes()
                with psycopg.connect(url, autocommit=True) as conn:
                    conn.execute(script)
            else:
                with self._importing():
                    self._function(step)(url)

    def _function(self, step: str) -> Callable[[str], object]:
        module, _, name = step.partition(":")
        try:
            function: Callable[[str], object] = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise UsageError(f"lms_prepare: there is no {step}: {error}", hint=_HINT) from error
        return function

    def _sources(self, step: str) -> Sequence[Path]:
        """Return the files of a function's module, and of the package that it is in."""
        module, _, name = step.partition(":")
        with self._importing():
            try:
                spec = importlib.util.find_spec(module) if name else None
            except ImportError:
                spec = None
        if spec is None or spec.origin is None:
            raise UsageError(f"lms_prepare: there is no {step}", hint=_HINT)
        file = Path(spec.origin)
        if not (spec.parent or ""):
            return [file]
        return sorted(
            one
            for one in file.parent.rglob("*")
            if one.is_file() and "__pycache__" not in one.parts
        )

    @contextlib.contextmanager
    def _importing(self) -> Iterator[None]:
        """Have modules found in the root folder, too."""
        sys.path.insert(0, str(self.root))
        try:
            yield
        finally:
            sys.path.remove(str(self.root))


def _url(target: Target) -> str:
    """Return the URL of a database, in whose schema names resolve."""
    given = conninfo.conninfo_to_dict(target.conninfo)
    server = target.conninfo
    if target.schema is not None:
        path = sql.Identifier(target.schema).as_string()
        path = path.replace("\\", "\\\\").replace(" ", "\\ ")  # as libpq reads options
        options = f"{given.get('options') or ''} -c search_path={path}".strip()
        server = conninfo.make_conninfo(server, options=options)
    return databases.url(server, str(given["dbname"]))


def _add(digest: "hashlib._Hash", file: Path) -> None:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"lms_prepare: {file} can't be read: {error}", hint=_HINT) from error
    digest.update(f"{file.name} {len(content)}\n".encode() + content)
