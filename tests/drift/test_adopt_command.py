"""``lmsschema adopt`` as the owner of a database runs it who built that from the guide by hand."""

import re

import psycopg

from lmsschema.migration import revisions
from tests.support.databases import Psql
from tests.support.program import Program


def by_hand(lmsschema: Program, psql: Psql, url: str) -> None:
    """Build the schema as the guide prints it: no comment, no version, names of one's own."""
    script = lmsschema("ddl").out
    script = re.sub(r"^COMMENT ON .*?';$", "", script, flags=re.MULTILINE | re.DOTALL)
    script = script.replace("lmsschema_version", "gone")
    script = re.sub(r"\buser_role\b", "roles", script)
    script = re.sub(r"\bidx_users_last_active\b", "users_by_activity", script)
    script = re.sub(r"\bmastery_level AS\b", "mastery AS", script)
    script = re.sub(r"\bmastery_level mastery_level\b", "mastery_level mastery", script)
    psql(url, script, "-1")
    psql(url, script="DROP TABLE gone;")


def test_a_database_built_by_hand_is_mended_and_taken_over(
    lmsschema: Program, psql: Psql, database_url: str, connection: psycopg.Connection
) -> None:
    by_hand(lmsschema, psql, database_url)
    refused = lmsschema("upgrade", "--url", database_url)
    assert refused.code == 6
    assert "lmsschema adopt" in refused.err

    outcome = lmsschema("adopt", "--url", database_url)
    assert outcome.code == 3
    assert 'ALTER TYPE "public"."roles" RENAME TO user_role;' in outcome.out
    assert 'ALTER TYPE "public"."mastery" RENAME TO mastery_level;' in outcome.out
    assert 'ALTER INDEX "public".users_by_activity RENAME TO idx_users_last_active;' in outcome.out
    last = outcome.out.splitlines()[-1]
    head = revisions.head()
    assert last.startswith(f"nearest revision {head}: 0 differences, 3 different names, ")
    assert last.endswith(" different comments; nothing was changed")
    assert connection.execute("SELECT to_regclass('lmsschema_version')").fetchone() == (None,)

    psql(database_url, script=lmsschema("adopt", "--sql", "--url", database_url).out)
    tried = lmsschema("adopt", "--dry-run", "--url", database_url)
    assert (tried.code, tried.out) == (
        0,
        f"equal to {head}: would be recorded as base -> {head}\n",
    )
    assert connection.execute("SELECT to_regclass('lmsschema_version')").fetchone() == (None,)

    done = lmsschema("adopt", "--url", database_url, "--json")
    assert done.code == 0
    assert (done.json["revision"], done.json["stamped"], done.json["renames"]) == (head, True, [])
    assert lmsschema("adopt", "--url", database_url).out == f"already at {head}, and equal to it\n"
    assert lmsschema("upgrade", "--url", database_url).code == 0
    assert lmsschema("check", "--strict", "--url", database_url).code == 0


def test_differences_are_shown_by_table_and_as_data(lmsschema: Program, upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute("DROP TABLE lmsschema_version; ALTER TABLE users ADD COLUMN nick text")
        outcome = lmsschema("adopt", "--url", upgraded_url)
        assert outcome.code == 3
        assert outcome.out.splitlines()[:2] == ["users", "  + column nick is not declared"]
        data = lmsschema("adopt", "--url", upgraded_url, "--json").json
        assert (data["equal"], data["stamped"], data["from"]) == (False, False, None)
        [difference] = data["differences"]
        assert (difference["relation"], difference["name"]) == ("users", "nick")


def test_an_empty_database(lmsschema: Program, database_url: str) -> None:
    outcome = lmsschema("adopt", "--url", database_url)
    assert (outcome.code, outcome.out) == (3, "")
    assert "nothing to adopt" in outcome.err
