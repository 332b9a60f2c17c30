"""Servers that refuse: one that wants a password, and its standby."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

from lmsschema.local_server.server import Server
from lmsschema.testing import binaries
from tests.support import own_servers
from tests.support.program import Program

SECRET = "p4ssw0rd"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with own_servers.passable_folder() as made:
        yield made


@pytest.fixture(scope="module")
def primary(folder: Path) -> Iterator[Server]:
    """A server that lets the role ann in by password alone."""
    server = Server(binaries.find(own_servers.VERSION), folder / "primary", {"fsync": "off"}, "lms")
    server.start()
    with psycopg.connect(server.conninfo("lms"), autocommit=True) as conn:
        conn.execute(f"CREATE ROLE ann LOGIN SUPERUSER PASSWORD '{SECRET}'".encode())
    rules = server.data / "pg_hba.conf"
    rules.write_text("local all ann scram-sha-256\n" + rules.read_text())
    server.stop()
    server.start()
    yield server
    server.stop("immediate")


@pytest.fixture
def standby(primary: Server, folder: Path) -> Iterator[Server]:
    with own_servers.standby_of(
        primary, folder / "standby", {"fsync": "off", "hot_standby": "on"}
    ) as server:
        yield server


def as_ann(server: Server, password: str) -> str:
    return conninfo.make_conninfo(server.conninfo("lms"), user="ann", password=password)


def test_wrong_password(lmsschema: Program, primary: Server) -> None:
    wrong = "wr0ng-s3cret"
    refused = lmsschema("upgrade", "--url", as_ann(primary, wrong), "--json")
    assert refused.code == 4
    assert 'password authentication failed for user "ann"' in refused.err
    assert wrong not in refused.err + refused.out
    assert lmsschema("current", "--url", as_ann(primary, SECRET)).code == 0


def test_password_from_the_environment_is_used_and_not_shown(
    lmsschema: Program, primary: Server
) -> None:
    parameters = conninfo.conninfo_to_dict(primary.conninfo("lms"))
    env = {
        "PGHOST": str(parameters["host"]),
        "PGPORT": str(parameters["port"]),
        "PGUSER": "ann",
        "PGDATABASE": "lms",
        "PGPASSWORD": SECRET,
    }
    outcome = lmsschema("current", env=env)
    assert outcome.code == 0
    assert "lms on " in outcome.err
    assert "(from PGHOST)" in outcome.err
    assert SECRET not in outcome.err + outcome.out


def test_standby_takes_no_changes_but_answers(
    lmsschema: Program, primary: Server, standby: Server
) -> None:
    assert lmsschema("upgrade", "--url", as_ann(primary, SECRET)).code == 0
    url = standby.conninfo("lms")
    for command in (
        ["upgrade"],
        ["downgrade", "base"],
        ["stamp", "base"],
        ["indexes", "set", "lean"],
    ):
        outcome = lmsschema(*command, "--url", url)
        assert outcome.code == 4, outcome
        assert "a standby in recovery" in outcome.err
    for made in (["ensure", "--ahead", "9"], ["prune", "--keep", "1y"], ["restore", "users"]):
        outcome = lmsschema("partitions", *made, "--url", url)
        assert outcome.code == 4, outcome
        assert "a standby in recovery" in outcome.err
    for read in (["ensure"], ["check"], ["list"], ["heal"], ["ensure", "--dry-run"]):
        assert lmsschema("partitions", *read, "--url", url).code == 0
    assert lmsschema("current", "--url", url).code == 0
    assert lmsschema("plan", "--url", url).code == 0
    for asked in (["show"], ["advise"], ["set", "lean", "--dry-run"]):
        assert lmsschema("indexes", *asked, "--url", url).code == 0
