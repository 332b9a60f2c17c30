"""One command for all tenants: who is behind, upgrade, check, partitions."""

from collections.abc import Callable
from pathlib import Path

import psycopg

from lmsschema.database.connection import Database
from lmsschema.migration import revisions as known
from lmsschema.migration.measure import Measurements
from lmsschema.testing.servers import RunningServer
from tests.support.program import Program
from tests.tenants.conftest import NAMES, OLD, Tenants, by_name, revisions

HEAD = known.head()


def test_a_database_without_tenants(lmsschema: Program, lms_empty_database_url: str) -> None:
    for command in ("list", "upgrade", "check", "partitions ensure"):
        done = lmsschema("tenants", *command.split(), "--url", lms_empty_database_url)
        assert done.code == 0, done.err
        assert "tenants" in done.out


def test_all_are_upgraded_canaries_first_and_a_second_run_begins_none(
    tenants: Tenants, conn: psycopg.Connection
) -> None:
    listed = tenants("list")
    assert listed.code == 3
    assert listed.out.splitlines()[-1] == f"4 tenants, 4 not at {HEAD}"
    # the small go before the large, but for canaries
    conn.execute("CREATE TABLE east.large AS SELECT repeat('x', 1000) FROM generate_series(1, 500)")
    conn.execute("VACUUM ANALYZE east.large")
    done = tenants("upgrade", "--json", "--jobs", "1", "--canary", "sou*", "--max-failures", "9")
    assert done.code == 0, done.err
    assert revisions(conn) == dict.fromkeys(NAMES, HEAD)
    assert list(by_name(done)) == ["south", "north", "west", "east"]
    assert {(one["from"], one["to"]) for one in by_name(done).values()} == {(OLD, HEAD)}
    again = tenants("upgrade", "--json")
    assert (again.code, by_name(again)) == (0, {})
    assert tenants("list", "--behind").out == f"4 tenants, 0 not at {HEAD}\n"
    checked = tenants("check")
    assert (checked.code, checked.out) == (0, "4 tenants as declared\n")


def test_check_reports_those_that_are_alike_together(
    tenants: Tenants, conn: psycopg.Connection
) -> None:
    for name in ("north", "west"):
        conn.execute(f"DROP INDEX {name}.idx_users_role".encode())
    conn.execute("CREATE TABLE east.theirs (n int)")
    found = tenants("check", "--only", "*st", "--only", "north")
    assert found.code == 3
    pending = known.ids()[3:]
    lines = found.out.splitlines()
    assert lines[0] == f"2 tenants {len(pending) + 1} differences: north, west"
    assert lines[-len(pending) :] == [f"  pending: {name}" for name in pending]
    assert "theirs" in tenants("check", "--strict", "--only", "east").out


def test_partitions_are_made_where_some_are_missing(
    tenants: Tenants, conn: psycopg.Connection
) -> None:
    done = tenants("partitions", "ensure")
    assert (done.code, done.out) == (0, "4 tenants: 0 got partitions, 4 had all\n")
    assert tenants("partitions", "ensure", "-q").out == ""
    last = max(
        row[0]
        for row in conn.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'west'::regnamespace"
            " AND relname ~ '^learning_events_2..._..$' AND relkind = 'r'"
        )
    )
    for name in ("west", "east"):
        conn.execute(f"DROP TABLE {name}.{last}".encode())
    # what is refused of one stops no other: a table of its own has the partition's name
    conn.execute(f"CREATE TABLE east.{last} ()".encode())
    made = tenants("partitions", "ensure", "--json", "--jobs", "1")
    assert made.code == 6
    assert {name: one["exit_code"] for name, one in by_name(made).items()} == {"east": 6, "west": 0}
    assert by_name(made)["west"]["tables"][0]["done"] == [f"create {last}"]
    conn.execute(f"DROP TABLE east.{last}".encode())
    made = tenants("partitions", "ensure", "--json")
    assert made.code == 0
    assert by_name(made)["east"]["tables"][0]["done"] == [f"create {last}"]


def test_the_configuration_and_options_before_the_command_are_heeded(
    lmsschema: Program, url: str, conn: psycopg.Connection, tmp_path: Path
) -> None:
    conn.execute("CREATE INDEX theirs ON north.users (email, role)")
    (tmp_path / "lmsschema.toml").write_text('ahead = 4\nignore = ["users.theirs"]\n')
    env = {"LMSSCHEMA_CONFIG": str(tmp_path / "lmsschema.toml")}
    made = lmsschema("--url", url, "--json", "tenants", "partitions", "ensure", env=env)
    assert {name: len(one["tables"][0]["done"]) for name, one in by_name(made).items()} == (
        dict.fromkeys(NAMES, 1)
    )
    strict = ("tenants", "check", "--strict", "--only", "north", "--url", url)
    assert "theirs" in lmsschema(*strict).out
    assert "theirs" not in lmsschema(*strict, env=env).out


def test_a_tenant_beyond_the_revision_is_there_already(
    tenants: Tenants, conn: psycopg.Connection
) -> None:
    assert tenants("upgrade", "--only", "north").code == 0
    done = tenants("upgrade", "0004_integrity")
    assert done.code == 0, done.err
    assert done.out == "4 tenants: 3 upgraded, 1 there already\n"
    assert revisions(conn) == dict.fromkeys(NAMES, "0004_integrity") | {"north": HEAD}


def test_locks_of_tenants_in_one_state_are_measured_once(
    url: str, conn: psycopg.Connection, opened: Callable[..., Database], lms_server: RunningServer
) -> None:
    pending = known.ids()[3:4]
    measurements = Measurements()
    east, north = (
        measurements.run(opened(url, name), OLD, pending, shadow_url=lms_server.url)
        for name in ("east", "north")
    )
    assert east.statements[pending[0]]
    assert north is east
    conn.execute("ALTER TABLE south.users ADD COLUMN theirs int")
    south = measurements.run(opened(url, "south"), OLD, pending, shadow_url=lms_server.url)
    assert south is not east


def test_a_tenant_of_which_nothing_is_known_stops_no_other(
    tenants: Tenants, conn: psycopg.Connection
) -> None:
    conn.execute("UPDATE north.lmsschema_version SET version_num = '9999_later'")
    listed = tenants("list", "--json")
    assert by_name(listed)["north"]["behind"] is None
    done = tenants("upgrade", "--json")
    assert done.code == 6
    assert "does not know" in by_name(done)["north"]["error"]
    assert revisions(conn) == dict.fromkeys(NAMES, HEAD) | {"north": "9999_later"}


def test_bad_input(tenants: Tenants, conn: psycopg.Connection) -> None:
    for arguments in (
        ("list", "--only", "nobody"),
        ("upgrade", "--canary", "nobody"),
        ("upgrade", "9999_nothing"),
        ("upgrade", "--jobs", "0"),
        ("check", "--except", "nobody*"),
    ):
        done = tenants(*arguments)
        assert done.code == 2, arguments
        assert "hint:" in done.err
    assert revisions(conn) == dict.fromkeys(NAMES, OLD)
