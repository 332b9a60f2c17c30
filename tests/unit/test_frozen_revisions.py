import ast
from pathlib import Path

import pytest

VERSIONS = sorted((Path(__file__).parents[2] / "migrations" / "versions").glob("*.py"))


def test_there_are_revisions() -> None:
    assert len(VERSIONS) >= 3


@pytest.mark.parametrize("file", VERSIONS, ids=lambda file: file.stem)
def test_a_revision_is_history_and_imports_no_code_that_may_change(file: Path) -> None:
    nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in modules} <= {"alembic", "collections", "typing"}
