"""A database is given another index profile, and comes back."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from lmsschema import names
from lmsschema.database import catalog
from lmsschema.database.connection import Database
from lmsschema.ddl import steps
from lmsschema.locks.context import Context
from lmsschema.migration import profile_steps
from lmsschema.migration.upgrade import upgrade
from tests.support import events, upgrading
from tests.support.checking import checked, execute, what
from tests.support.program import Program

Open = Callable[..., Database]

PARTS = """
    SELECT count(*) FILTER (WHERE h.inhparent IS NOT NULL), count(*)
    FROM pg_index AS x LEFT JOIN pg_inherits AS h ON x.indexrelid = h.inhrelid
    WHERE x.indrelid = %s::regclass
"""


@pytest.fixture
def filled_url(upgraded_url: str) -> str:
    """A database at head with rows in every table."""
    execute(upgraded_url, upgrading.FILL)
    return upgraded_url


def objects(database: Database) -> Any:  # noqa: ANN401  what two databases are compared by
    """Return the schema's objects, without the names that PostgreSQL gives to parts of indexes."""
    return {
        identity: {name: value for name, value in attributes.items() if name != "own name"}
        for identity, attributes in catalog.read(database.conn, database.schema).objects.items()
    }


def test_there_and_back(filled_url: str, opened: Open, lmsschema: Program) -> None:
    on = ("--url", filled_url)
    database = opened(filled_url)
    before = objects(database)
    assert lmsschema("indexes", "set", "lean", "--dry-run", *on).code == 0
    assert objects(database) == before
    done = lmsschema("indexes", "set", "lean", "--json", *on)
    assert done.code == 0, done.err
    assert (done.json["from"], done.json["to"]) == ("faithful", "lean")
    assert done.json["steps"] == [str(step) for step in profile_steps.make(names.LEAN)]
    report = lmsschema("check", "--strict", "--json", *on)
    assert (report.code, report.json["profile"]) == (0, "lean"), report.out
    assert report.json["drift"] == report.json["profile_pending"] == []
    assert lmsschema("indexes", "show", *on).code == 0
    again = lmsschema("indexes", "set", "lean", *on)
    assert again.out == "index profile lean already: nothing to do\n"
    # a partition takes its indexes from the table
    month = ("--from", "2020-01", "--to", "2020-01")
    assert lmsschema("partitions", "create", *month, *on).code == 0
    with psycopg.connect(filled_url) as conn:
        [(attached, every)] = conn.execute(PARTS, ["learning_events_2020_01"]).fetchall()
        [(_, wanted)] = conn.execute(PARTS, ["learning_events"]).fetchall()
        assert attached == every == wanted
    assert lmsschema("check", "--strict", "--ignore", "learning_events_*", *on).code == 0
    execute(filled_url, "DROP TABLE learning_events_2020_01")
    done = lmsschema("indexes", "set", "faithful", *on)
    assert done.code == 0, done.err
    assert objects(database) == before
    assert lmsschema("check", "--strict", *on).code == 0


def test_the_script_that_plan_prints_does_the_same(
    filled_url: str,
    lmsschema: Program,
    psql: Callable[..., str],
) -> None:
    on = ("--url", filled_url)
    made = lmsschema("indexes", "plan", "lean", "--json", "--shadow-url", filled_url, *on)
    assert made.code == 0, made.err
    [section] = made.json["steps"]
    locks = {
        (lock["table"], lock["mode"])
        for statement in section["statements"]
        for lock in statement["locks"]
        if lock["blocks"] != "nothing"
    }
    assert ("learning_events", "SHARE") in locks
    assert ("learning_events", "ACCESS EXCLUSIVE") in locks
    assert {table for table, _ in locks} <= {"learning_events", names.SETTINGS}
    assert section["hazards"] == []
    script = lmsschema("indexes", "plan", "lean", "--shadow-url", filled_url, *on).out
    psql(filled_url, script)
    assert lmsschema("indexes", "plan", "lean", *on).err.endswith("nothing to do\n")
    assert lmsschema("check", "--strict", *on).code == 0


def test_a_change_that_was_interrupted_is_pending_and_no_drift(
    filled_url: str, opened: Open, lmsschema: Program
) -> None:
    on = ("--url", filled_url)
    database = opened(filled_url)
    made = profile_steps.make(names.LEAN)
    record = [isinstance(step, profile_steps.RecordProfile) for step in made].index(True)
    left = [1, record, record + 1, len(made) - 1]
    for done in left:
        steps.run(Context(database), made[:done])
        report = lmsschema("check", "--json", *on)
        assert report.code == 3
        assert report.json["drift"] == [], done
        assert report.json["profile_pending"], done
        assert report.json["profile"] == ("faithful" if done <= record else "lean")
        assert lmsschema("indexes", "show", *on).code == (3 if done < len(made) - 1 else 0)
    text = lmsschema("check", *on).out
    assert "pending: a change of the index profile is not complete" in text
    assert lmsschema("indexes", "set", "lean", *on).code == 0
    assert lmsschema("check", "--strict", *on).code == 0


@pytest.mark.parametrize("profile", names.PROFILES)
def test_what_was_built_on_one_partition_alone_is_pending_too(
    profile: str, filled_url: str, lmsschema: Program
) -> None:
    """Invalid, and not attached, as a kill leaves it; the next run does the rest."""
    execute(
        filled_url,
        "CREATE INDEX idx_learning_events_course_cover ON ONLY learning_events"
        " (course_id, event_timestamp DESC) INCLUDE (user_id, event_type);"
        "CREATE INDEX learning_events_default_idx_learning_events_course_cover"
        " ON learning_events_default"
        " (course_id, event_timestamp DESC) INCLUDE (user_id, event_type)",
    )
    report = checked(filled_url)
    assert report.drift == ()
    assert [one[0] for one in map(what, report.changing)] == [
        "learning_events",
        "learning_events_default",
    ]
    assert lmsschema("indexes", "set", profile, "--url", filled_url).code == 0
    assert lmsschema("check", "--strict", "--url", filled_url).code == 0


def test_partitions_have_the_indexes_of_the_profile_however_they_are_made(
    new_url: Callable[[], str], lmsschema: Program
) -> None:
    url = new_url()
    on = ("--url", url)
    assert lmsschema("upgrade", "--profile", "lean", *on).code == 0
    with psycopg.connect(url) as conn:
        events.people(conn)
        events.drop(conn, *(events.name(offset) for offset in range(4)))
        events.insert(conn, events.month(0), 10)
    healed = lmsschema("partitions", "heal", "--json", *on)
    assert healed.json["tables"][0]["method"] == "promote", healed.err
    months = ("--from", "2020-01", "--to", "2020-02")
    assert lmsschema("partitions", "create", *months, *on).code == 0
    with psycopg.connect(url) as conn:
        tables = conn.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = 'learning_events'::regclass"
        ).fetchall()
        counts = {conn.execute(PARTS, table).fetchone() for table in tables}
        [(_, wanted)] = conn.execute(PARTS, ["learning_events"]).fetchall()
    assert len(tables) == 4
    assert counts == {(wanted, wanted)}
    # a month that was detached before the change keeps what it had: pending, until the next change
    assert lmsschema("indexes", "set", "faithful", *on).code == 0
    assert lmsschema("partitions", "prune", "--keep", "24m", *on).code == 0
    assert lmsschema("indexes", "set", "lean", *on).code == 0
    assert lmsschema("partitions", "restore", "learning_events_2020_01", *on).code == 0
    report = checked(url)
    assert {one.identity.relation for one in report.changing} == {"learning_events_2020_01"}
    assert "index" not in {one.identity.kind for one in report.drift}
    assert lmsschema("indexes", "set", "lean", *on).code == 0
    assert checked(url).changing == ()


def test_what_differs_from_both_profiles_is_drift(upgraded_url: str) -> None:
    execute(
        upgraded_url,
        "CREATE INDEX idx_learning_sessions_user_start ON learning_sessions (user_id);"
        "CREATE INDEX own ON learning_sessions (user_id, session_start DESC);"
        "ALTER TABLE users SET (fillfactor = 80)",
    )
    report = checked(upgraded_url)
    assert report.changing == ()
    assert sorted(map(what, report.drift)) == [
        ["learning_sessions", "index", "idx_learning_sessions_user_start", "unexpected"],
        ["learning_sessions", "index", "own", "unexpected"],
        ["users", "table", "users", "storage parameters"],
    ]


def test_an_empty_database_is_given_it_at_once(new_url: Callable[[], str], opened: Open) -> None:
    """One transaction, as no row is read; upgrade, the script and set end in equal catalogs."""
    one = opened(new_url())
    done = upgrade(one, profile=names.LEAN)
    assert done.profile is not None
    assert done.profile.steps == tuple(map(str, profile_steps.make(names.LEAN)))
    assert checked(one.target.conninfo).clean(strict=True)
    assert upgrade(one).profile is None  # it keeps its own
    again = upgrade(one, profile=names.LEAN)
    assert again.profile is not None
    assert again.profile.steps == ()


def test_the_script_of_a_profile_makes_what_upgrade_makes(
    new_url: Callable[[], str], opened: Open, lmsschema: Program, psql: Callable[..., str]
) -> None:
    upgraded, scripted = new_url(), new_url()
    assert lmsschema("upgrade", "--profile", "lean", "--url", upgraded).code == 0
    written = lmsschema("ddl", "--profile", "lean", "--json").json
    assert written["profile"] == "lean"
    psql(scripted, written["sql"], "-1")
    assert objects(opened(upgraded)) == objects(opened(scripted))
    assert lmsschema("check", "--strict", "--url", scripted).code == 0
    assert lmsschema("upgrade", "--url", scripted).out.startswith("at ")
