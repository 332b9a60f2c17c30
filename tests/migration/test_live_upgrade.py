"""Upgrades of a database that is in use: plans, hazards, locks, several runs at once."""

from collections.abc import Callable

import pytest

from tests.support.live_upgrades import Checkout

#: tests/migration/test_hazards.py has every kind; these go the whole way
HAZARDS = {
    "an index built under a lock": (
        "CREATE INDEX ix_users_profile ON users (profile)",
        "blocking-lock",
        {"table": "users", "mode": "SHARE", "blocks": "writes"},
    ),
    "a table dropped": (
        "DROP TABLE users CASCADE",
        "data-loss",
        {"table": "users", "mode": "ACCESS EXCLUSIVE", "blocks": "reads and writes"},
    ),
}


@pytest.mark.parametrize("case", HAZARDS)
def test_a_hazard_is_planned_refused_and_allowed(
    checkout: Callable[..., Checkout], populated_url: str, case: str
) -> None:
    statement, kind, lock = HAZARDS[case]
    program = checkout(f"    op.execute({statement!r})")
    step = program("plan", "--url", populated_url, "--json").json["steps"][0]
    assert {hazard["kind"] for hazard in step["hazards"]} >= {kind}
    locks = [lock for planned in step["statements"] for lock in planned["locks"]]
    assert any(lock.items() <= found.items() for found in locks), locks
    planned = program("plan", "--url", populated_url)
    assert f"-- HAZARD {kind}: " in planned.out
    assert "users (1 rows, " in planned.out or "users (0 rows, " in planned.out

    refused = program("upgrade", "--url", populated_url, "--json")
    assert refused.code == 6
    assert f"--allow-hazard {kind}" in refused.err
    assert program("current", "--url", populated_url, "--json").json["pending"]
    kinds = {hazard["kind"] for hazard in refused.json["error"]["hazards"]}
    allowed = [word for one in sorted(kinds) for word in ("--allow-hazard", one)]
    assert program("upgrade", "--url", populated_url, *allowed).code == 0


def test_what_takes_an_instant_is_no_hazard(
    checkout: Callable[..., Checkout], populated_url: str
) -> None:
    program = checkout(
        "    op.execute(\"ALTER TABLE users ADD CONSTRAINT c CHECK (email <> '') NOT VALID\")\n"
        '    op.execute("ALTER TABLE courses ADD COLUMN archived boolean DEFAULT false")'
    )
    step = program("plan", "--url", populated_url, "--json").json["steps"][0]
    assert step["hazards"] == []
    assert len(step["statements"]) == 3
    assert program("upgrade", "--url", populated_url).code == 0


def test_validation_after_the_lock_is_let_go_is_no_hazard_but_before_it_is(
    checkout: Callable[..., Checkout], populated_url: str
) -> None:
    add = "ALTER TABLE users ADD CONSTRAINT c CHECK (email <> '') NOT VALID"
    validate = "ALTER TABLE users VALIDATE CONSTRAINT c"
    program = checkout(f"    op.execute({add!r})\n    op.execute({validate!r})")
    step = program("plan", "--url", populated_url, "--json").json["steps"][0]
    assert [hazard["kind"] for hazard in step["hazards"]] == ["blocking-lock"]
    assert "VALIDATE" in step["hazards"][0]["statement"]


def test_a_concurrent_statement_is_measured_while_it_runs(
    checkout: Callable[..., Checkout], populated_url: str
) -> None:
    program = checkout(
        "    from lmsschema.ddl import steps\n"
        "    from lmsschema.ddl.index import Index\n\n"
        '    steps.apply(op, (Index("ix_users_profile", "users", "profile"),))'
    )
    step = program("plan", "--url", populated_url, "--json").json["steps"][0]
    assert step["hazards"] == []
    (build,) = [one for one in step["statements"] if "CONCURRENTLY" in one["sql"]]
    modes = {lock["mode"]: lock["blocks"] for lock in build["locks"] if lock["table"] == "users"}
    assert modes["SHARE UPDATE EXCLUSIVE"] == "nothing"
    assert not {"SHARE", "SHARE ROW EXCLUSIVE", "ACCESS EXCLUSIVE"} & set(modes)


def test_the_locks_of_steps_that_drop_indexes_are_measured(
    checkout: Callable[..., Checkout], populated_url: str
) -> None:
    program = checkout(
        "    from lmsschema.ddl import steps\n"
        "    from lmsschema.ddl.drop_index import DropIndex\n"
        "    from lmsschema.ddl.drop_partitioned_index import DropPartitionedIndex\n"
        "    from lmsschema.ddl.storage_parameters import StorageParameters\n\n"
        "    steps.apply(op, (\n"
        '        DropIndex("users", "idx_users_role"),\n'
        '        DropPartitionedIndex("learning_events", "idx_learning_events_category"),\n'
        '        StorageParameters("courses", {"fillfactor": 90}),\n'
        "    ))"
    )
    planned = program("plan", "--url", populated_url, "--json").json["steps"][0]
    assert planned["hazards"] == []
    quiet, brief = "SHARE UPDATE EXCLUSIVE", "ACCESS EXCLUSIVE"
    assert {
        (lock["table"], lock["mode"], lock["blocks"])
        for one in planned["statements"]
        for lock in one["locks"]
        if lock["mode"] in {quiet, brief}
    } == {
        ("users", quiet, "nothing"),
        ("learning_events", brief, "reads and writes"),
        ("courses", quiet, "nothing"),
    }
    for statement in (
        "DROP INDEX CONCURRENTLY idx_users_role",
        "DROP INDEX idx_learning_events_category",
        'ALTER TABLE "courses" SET (fillfactor = 90)',
    ):
        assert f"{statement};" in planned["sql"]
    assert program("upgrade", "--url", populated_url).code == 0


def test_empty_tables_are_in_no_danger(
    checkout: Callable[..., Checkout], upgraded_url: str
) -> None:
    program = checkout('    op.execute("CREATE INDEX ix_users_profile ON users (profile)")')
    assert program("plan", "--url", upgraded_url, "--json").json["steps"][0]["hazards"] == []
    nowhere = ("--shadow-url", "postgresql://127.0.0.1:1/none")  # nothing is measured
    assert program("upgrade", "--url", upgraded_url, *nowhere).code == 0


def test_without_a_place_to_measure_a_populated_database_is_refused(
    checkout: Callable[..., Checkout], populated_url: str
) -> None:
    program = checkout('    op.execute("SELECT 1")')
    nowhere = ["--shadow-url", "postgresql://127.0.0.1:1/none"]
    refused = program("upgrade", "--url", populated_url, *nowhere)
    assert refused.code == 6
    assert "--allow-hazard unmeasured" in refused.err
    allowed = program("upgrade", "--url", populated_url, *nowhere, "--allow-hazard", "unmeasured")
    assert allowed.code == 0
