"""The linter on an application's own revisions, with no checkout of lmsschema's around it."""

from pathlib import Path

import pytest

from lmsschema.errors import UsageError
from lmsschema.lint import scripts
from lmsschema.migration import revisions
from lmsschema.partitions import POLICIES, Policy

EXAMPLE = Path(__file__).parents[2] / "examples" / "alembic" / "migrations" / "versions"

REVISION = """
import sqlalchemy as sa
from alembic import op
from lmsschema.ddl import steps
from lmsschema.ddl.column import AddColumn

revision, down_revision = "mine_2", "mine_1"

def upgrade() -> None:
    {body}

def downgrade() -> None:
    op.get_context().autocommit_block()
"""


def rules(folder: Path, *body: str, policies: tuple[Policy, ...] = POLICIES) -> list[str]:
    file = folder / "mine_2.py"
    file.write_text(REVISION.format(body="\n    ".join(body)))
    read, found = scripts.run([file], policies)
    assert read == ["mine_2"]
    assert {one.file for one in found} <= {str(file)}
    return [f"{one.linter}:{one.rule}" for one in found]


def test_the_example_is_clean_and_read_by_its_folder() -> None:
    with revisions.read_from(Path("/nowhere/migrations")):
        assert scripts.run([EXAMPLE]) == (["bookmarks_0001", "bookmarks_0002"], [])


def test_what_squawk_and_the_rules_find(tmp_path: Path) -> None:
    index = 'op.create_index("idx_mine", "users", ["phone"])'
    assert rules(tmp_path, index) == ["squawk:require-concurrent-index-creation"]
    update = "op.execute(\"UPDATE users SET role = 'ta' WHERE id IS NULL\")"
    assert rules(tmp_path, update) == ["lmsschema:unbatched-write"]
    step = 'steps.apply(op, [AddColumn("users", "phone", "TEXT")])'
    assert rules(tmp_path, step) == []
    assert rules(tmp_path, step, 'op.execute("SELECT 1")') == ["lmsschema:steps-mixed"]
    made = 'op.create_table("mine", sa.Column("at", sa.Date), postgresql_partition_by="RANGE (at)")'
    assert rules(tmp_path, made) == []


def test_an_index_on_a_partitioned_table_of_the_configuration_alone(tmp_path: Path) -> None:
    body = 'op.execute("CREATE INDEX idx_mine ON ONLY mine (id)")'
    assert rules(tmp_path, body) == ["squawk:require-concurrent-index-creation"]
    assert rules(tmp_path, body, policies=(*POLICIES, Policy("mine", "at"))) == []


def test_what_needs_a_database_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"mine_2.py can't be written as SQL: \w+") as refused:
        rules(tmp_path, 'op.get_bind().execute(sa.text("SELECT 1")).scalar_one()')
    assert "alembic upgrade --sql" in refused.value.hint
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="has no revision"):
        scripts.run([tmp_path / "empty"])
