"""A downgrade that an application's own objects depend on is refused before anything is dropped."""

import psycopg
import pytest

from lmsschema.migration import revisions
from tests.support.program import Program

DEPENDENTS = {
    "CREATE TABLE notes (user_id uuid REFERENCES users, text text)": (
        "0001_foundation",
        "constraint notes_user_id_fkey on table notes depends on table users",
    ),
    "CREATE VIEW active AS SELECT user_id FROM enrollments": (
        "0002_progress",
        "view active depends on table enrollments",
    ),
}


@pytest.mark.parametrize("options", [[], ["--lose-rows"]])
@pytest.mark.parametrize("statement", DEPENDENTS)
def test_it_is_refused_naming_the_revision_and_the_dependents(
    lmsschema: Program, upgraded_url: str, statement: str, options: list[str]
) -> None:
    revision, dependent = DEPENDENTS[statement]
    with psycopg.connect(upgraded_url) as conn:
        conn.execute(statement.encode())
    refused = lmsschema("downgrade", "base", "--url", upgraded_url, "--json", *options)
    assert refused.code == 6, refused
    error = refused.json["error"]
    assert error["revision"] == revision
    assert f"revision {revision} failed" in error["message"]
    assert dependent in error["message"]
    assert dependent in error["detail"]
    stands = lmsschema("current", "--url", upgraded_url, "--json").json
    assert stands["revision"] == revisions.head()
    assert lmsschema("check", "--url", upgraded_url).code == 0


def test_without_rows_of_ours_it_asks_for_nothing(lmsschema: Program, upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url) as conn:
        conn.execute("CREATE TABLE notes AS SELECT 'kept' AS text")
    done = lmsschema("downgrade", "base", "--url", upgraded_url)
    assert done.code == 0, done
    assert done.err.count("took back") == len(revisions.ids())
    with psycopg.connect(upgraded_url) as conn:
        assert conn.execute("SELECT text FROM notes").fetchone() == ("kept",)
