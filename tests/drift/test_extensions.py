"""Extensions of a site, in the schema itself or in another: listed once, and seen where needed."""

import psycopg
import pytest

from tests.support.checking import checked, what

EXTENSIONS = ["btree_gist", "citext", "hstore", "intarray", "ltree", "pg_trgm", "unaccent"]


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_an_extension_is_listed_without_its_objects(upgraded_url: str, extension: str) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute(f"CREATE EXTENSION {extension}".encode())
    report = checked(upgraded_url)
    assert report.drift == ()
    assert [what(one) for one in report.unmanaged] == [["", "extension", extension, "unmanaged"]]
