"""A revision of constraints as plain Alembic applies it, naively: the peer of integrity.py."""

import contextlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lmsschema.ddl.checks import Checks
from lmsschema.ddl.foreign_key import ForeignKey
from lmsschema.ddl.index import Index
from lmsschema.ddl.not_null import NotNull
from lmsschema.ddl.partitioned_index import PartitionedIndex
from lmsschema.ddl.steps import Step
from lmsschema.ddl.trigger import Function, Trigger
from lmsschema.ddl.unique import Unique
from lmsschema.migration import revisions

#: Plain Alembic, as ``alembic init`` sets it up.
ENVIRONMENT = """\
import os

import sqlalchemy
from alembic import context

with sqlalchemy.create_engine(os.environ["NAIVE_URL"]).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
REVISION = """\
import sqlalchemy
from alembic import op

revision = "naive"
down_revision = None


def upgrade():
{body}
"""
ATTEMPTS = 5


@contextlib.contextmanager
def folder_for(revision: str, url: str) -> Iterator[Callable[[], str]]:
    """Write the folder of a plain Alembic; yields what runs it and returns the error.

    Args:
        revision: Whose steps are written as Alembic's operations.
        url: The database.
    """
    with tempfile.TemporaryDirectory(prefix="lmsschema-naive-") as name:
        folder = Path(name)
        (folder / "versions").mkdir()
        (folder / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s\n")
        (folder / "env.py").write_text(ENVIRONMENT)
        body = "\n".join(f"    {line}" for step in steps_of(revision) for line in operations(step))
        (folder / "versions" / "naive.py").write_text(REVISION.format(body=body))

        def run() -> str:
            done = subprocess.run(
                [
                    str(Path(sys.executable).with_name("alembic")),
                    "-c",
                    str(folder / "alembic.ini"),
                    "upgrade",
                    "head",
                ],
                env={**os.environ, "NAIVE_URL": url.replace("postgresql:", "postgresql+psycopg:")},
                capture_output=True,
                text=True,
                check=False,
            )
            told = [one for one in done.stderr.splitlines() if one.startswith("psycopg.errors.")]
            return "".join(told[:1]) or done.stderr if done.returncode else ""

        yield run


def again_and_again(run: Callable[[], str]) -> None:
    """Run plain Alembic; again, where it was a deadlock's victim, as somebody at work would."""
    for attempt in range(1, ATTEMPTS + 1):
        error = run()
        print(f"\nalembic upgrade, attempt {attempt}: {error or 'done'}", end="")
        if not error:
            break


def steps_of(revision: str) -> Sequence[Step]:
    """Return the steps that a revision is made of."""
    file = revisions.folder() / "versions" / f"{revision}.py"
    spec = importlib.util.spec_from_file_location("revision", file)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Sequence[Step] = module.STEPS
    return found


def operations(step: Step) -> list[str]:
    """Return a step as Alembic's operations, written without a thought for others."""
    match step:
        case NotNull():
            return [f"op.alter_column({step.table!r}, {c!r}, nullable=False)" for c in step.columns]
        case Checks():
            return [
                f"op.create_check_constraint({name!r}, {step.table!r}, {condition!r})"
                for name, condition in step.checks.items()
            ]
        case ForeignKey():
            columns = f"{step.columns.split(', ')!r}, {step.referred.split(', ')!r}"
            places = f"{step.name!r}, {step.table!r}, {step.references!r}, {columns}"
            then = f"ondelete={step.on_delete!r}, onupdate={step.on_update!r}"
            made = f"op.create_foreign_key({places}, {then})"
            dropped = f"op.drop_constraint({step.replaces!r}, {step.table!r})"
            return [made, dropped] if step.replaces else [made]
        case Index() | PartitionedIndex():
            unique = isinstance(step, Index) and step.unique
            columns = f"[sqlalchemy.text({step.columns!r})]"
            return [f"op.create_index({step.name!r}, {step.table!r}, {columns}, unique={unique})"]
        case Unique():
            columns = f"{step.columns.split(', ')!r}"
            return [f"op.create_unique_constraint({step.name!r}, {step.table!r}, {columns})"]
        case Function() | Trigger():
            return [f"op.execute({statement!r})" for statement in step.statements()]
    raise NotImplementedError(step)
