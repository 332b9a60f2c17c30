"""Extensions of a site, in the schema itself or in another: listed once, and seen where needed."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from lmsschema.drift import check
from lmsschema.migration import revisions
from lmsschema.migration import upgrade as migration_upgrade
from tests.support.checking import checked, execute, opened, what

EXTENSIONS = ["btree_gist", "citext", "hstore", "intarray", "ltree", "pg_trgm", "unaccent"]


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_an_extension_is_listed_without_its_objects(upgraded_url: str, extension: str) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute(f"CREATE EXTENSION {extension}".encode())
    report = checked(upgraded_url)
    assert report.drift == ()
    assert [what(one) for one in report.unmanaged] == [["", "extension", extension, "unmanaged"]]


REVISION = """\
\"\"\"A site's.

Revision ID: {name}
Revises: {before}
\"\"\"
from alembic import op

revision = "{name}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("{sql}")


def downgrade() -> None:
    pass
"""


WORDS = (
    "CREATE TABLE words (word citext PRIMARY KEY, n int DEFAULT 1);"
    " CREATE INDEX words_trgm ON words USING gin ((word::text) gin_trgm_ops);"
    " CREATE INDEX words_n ON words USING gist (n)"
)


def install(url: str, schema: str) -> None:
    """Install what the words need, in a schema."""
    for name in ("citext", "pg_trgm", "btree_gist"):
        execute(url, f"CREATE EXTENSION {name} SCHEMA {schema}")


@pytest.fixture
def further(tmp_path: Path) -> Iterator[None]:
    """Two further revisions: one with what extensions have, and one that stays pending."""
    folder = shutil.copytree(revisions.folder(), tmp_path / "migrations")
    head = revisions.head()
    texts = {
        "9001_words": (head, WORDS),
        "9002_later": ("9001_words", "CREATE TABLE later (n int)"),
    }
    for name, (before, sql) in texts.items():
        text = REVISION.format(name=name, before=before, sql=sql)
        (folder / "versions" / f"{name}.py").write_text(text)
    with revisions.read_from(folder):
        yield


@pytest.mark.usefixtures("further")
@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_declared_schema_may_use_them(
    upgraded_url: str, new_url: Callable[[], str], *, elsewhere: bool
) -> None:
    install(upgraded_url, "public")
    with opened(upgraded_url) as database:
        migration_upgrade.upgrade(database, "9001_words")
        report = check.run(database, shadow_url=new_url() if elsewhere else None)
    assert report.pending == ("9002_later",)
    assert report.drift == ()
    assert {one.identity.kind for one in report.unmanaged} == {"extension"}


@pytest.mark.usefixtures("further")
def test_one_of_the_site_s_own_in_another_schema_is_the_same(upgraded_url: str) -> None:
    execute(upgraded_url, "CREATE SCHEMA extensions")
    install(upgraded_url, "extensions")
    execute(upgraded_url, f"SET search_path TO public, extensions; {WORDS}")
    execute(upgraded_url, "UPDATE lmsschema_version SET version_num = '9001_words'")
    with opened(upgraded_url) as database:
        assert check.run(database).drift == ()
