"""The whole schema as one script makes what `upgrade` makes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from lmsschema.database import catalog, connection
from lmsschema.database.connection import Database
from lmsschema.drift import compare
from lmsschema.migration import revisions, schema_script
from lmsschema.migration.downgrade import downgrade
from lmsschema.migration.upgrade import upgrade

Open = Callable[..., Database]

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize("schema", [None, "Campus North"])
def test_the_script_makes_what_upgrade_makes(
    new_url: Callable[[], str],
    opened: Open,
    psql: Callable[..., None],
    dump: Callable[[str], str],
    schema: str | None,
) -> None:
    upgraded_url, made_url = new_url(), new_url()
    upgraded, made = opened(upgraded_url, schema), opened(made_url, schema)
    with upgraded.transaction(read_only=True) as conn:
        now = connection.now(conn)
    upgrade(upgraded)
    psql(made_url, schema_script.render(schema, now), "-1")
    expected = catalog.read(upgraded.conn, upgraded.schema)
    assert catalog.read(made.conn, made.schema) == expected
    assert dump(made_url) == dump(upgraded_url)


def test_upgrade_goes_on_from_the_script(
    database_url: str, opened: Open, psql: Callable[..., None]
) -> None:
    psql(database_url, schema_script.render(None, datetime.now(UTC)), "-1")
    database = opened(database_url)
    before = catalog.read(database.conn, database.schema)
    done = upgrade(database)
    assert (done.before, done.after, done.applied) == (revisions.head(), revisions.head(), ())
    assert compare.compare(before, catalog.read(database.conn, database.schema)) == []
    downgrade(database, revisions.BASE)
    assert catalog.read(database.conn, database.schema).relations() == {"lmsschema_version"}


def test_the_sessions_search_path_is_given_back(
    database_url: str, psql: Callable[..., None]
) -> None:
    script = schema_script.render("Campus North", NOON)
    probe = "SELECT 1 / (current_setting('search_path') = '\"$user\", public')::int;\n"
    psql(database_url, script + probe, "-1")
    with pytest.raises(AssertionError, match="division by zero"):
        psql(database_url, f'SET search_path TO "Campus North";\n{probe}')


def test_the_same_is_written_in_a_month_whatever_the_time_zone() -> None:
    script = schema_script.render(None, NOON)
    assert schema_script.render(None, NOON + timedelta(days=8)) == script
    assert schema_script.render(None, NOON.astimezone()) == script
    assert schema_script.render(None, NOON + timedelta(days=9)) != script


def test_the_months_are_the_current_one_and_three_ahead() -> None:
    made = [
        line.split()[2]
        for line in schema_script.render(None, NOON).splitlines()
        if line.startswith("CREATE TABLE learning_events_")
    ]
    assert made == [
        "learning_events_2026_11",
        "learning_events_2026_12",
        "learning_events_2027_01",
        "learning_events_2027_02",
        "learning_events_default",
    ]


@pytest.mark.parametrize("schema", [None, "Campus North"])
def test_no_tabs_and_no_blanks_at_the_ends(schema: str | None) -> None:
    script = schema_script.render(schema, NOON)
    assert "\t" not in script
    assert [line for line in script.splitlines() if line != line.rstrip()] == []
    assert "\n\n\n" not in script
    assert script.endswith(";\n")
    assert not script.endswith("\n\n")
