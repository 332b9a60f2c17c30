"""Which schema is meant where ``--schema`` does not say."""

import psycopg
from psycopg import conninfo

from tests.support.program import Program


def on_path(url: str, path: str) -> str:
    return conninfo.make_conninfo(url, options=f"-c search_path={path}")


def versions(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as conn:
        return conn.execute(
            "SELECT relnamespace::regnamespace::text FROM pg_class"
            " WHERE relname = 'lmsschema_version' ORDER BY 1"
        ).fetchall()


def test_an_lms_is_found_behind_a_schema_that_stands_earlier(
    lmsschema: Program, upgraded_url: str
) -> None:
    with psycopg.connect(upgraded_url) as conn:
        conn.execute("CREATE SCHEMA app")
    url = on_path(upgraded_url, "app,public")
    current = lmsschema("current", "--url", url, "--json")
    assert current.json["schema"] == "public"
    assert current.json["pending"] == []
    assert lmsschema("upgrade", "--url", url).code == 0
    assert lmsschema("check", "--url", url).code == 0
    assert lmsschema("partitions", "ensure", "--url", url).code == 0
    assert versions(upgraded_url) == [("public",)]
    assert lmsschema("downgrade", "0003", "--url", url).code == 0
    script = lmsschema("plan", "--url", url).out
    assert script.index("SET search_path TO") < script.index("0004_integrity")


def test_where_several_hold_one_the_user_says_which(lmsschema: Program, upgraded_url: str) -> None:
    assert lmsschema("upgrade", "0001", "--url", upgraded_url, "--schema", "app").code == 0
    url = on_path(upgraded_url, "app,public")
    for command in (["upgrade"], ["current"], ["check"], ["partitions", "list"]):
        refused = lmsschema(*command, "--url", url)
        assert refused.code == 2
        assert "have a version table: app, public" in refused.err
        assert "--schema" in refused.err
    assert lmsschema("current", "--url", url, "--schema", "public").code == 0


def test_where_none_holds_one_the_first_is_meant(lmsschema: Program, database_url: str) -> None:
    with psycopg.connect(database_url) as conn:
        conn.execute("CREATE SCHEMA app")
    assert lmsschema("upgrade", "--url", on_path(database_url, "app,public")).code == 0
    assert versions(database_url) == [("app",)]


def test_the_word_of_a_search_path_is_no_schema(lmsschema: Program, database_url: str) -> None:
    refused = lmsschema("upgrade", "--url", database_url, "--schema", "$user")
    assert refused.code == 2
    assert "--schema '$user' is not a schema's name" in refused.err
