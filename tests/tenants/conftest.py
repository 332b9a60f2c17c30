"""What the tests of tenants share: a database with some, and the program at work on it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from lmsschema.testing.databases import Databases
from tests.support.program import Outcome, Program

OLD = "0003_analytics"
NAMES = ("east", "north", "south", "west")

Tenants = Callable[..., Outcome]


@pytest.fixture(scope="module")
def tenants_template(lmsschema: Program, lms_databases: Databases) -> Iterator[str]:
    """A database with four tenants that are behind, by name."""
    name = lms_databases.create()
    for schema in NAMES:
        done = lmsschema("upgrade", OLD, "--schema", schema, "--url", lms_databases.url(name))
        assert done.code == 0, done.err
    yield name
    lms_databases.drop(name)


@pytest.fixture
def url(tenants_template: str, lms_databases: Databases) -> Iterator[str]:
    """The URL of a copy of it."""
    name = lms_databases.create(tenants_template)
    yield lms_databases.url(name)
    lms_databases.drop(name)


@pytest.fixture
def conn(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def tenants(lmsschema: Program, url: str) -> Tenants:
    """Run ``lmsschema tenants`` on the database."""

    def run(*arguments: str) -> Outcome:
        return lmsschema("tenants", *arguments, "--url", url)

    return run


def revisions(conn: psycopg.Connection) -> dict[str, str]:
    """Return the revision of each tenant."""
    found = {}
    for name in NAMES:
        table = sql.Identifier(name, "lmsschema_version")
        row = conn.execute(sql.SQL("SELECT version_num FROM {}").format(table)).fetchone()
        found[name] = row[0] if row else ""
    return found


def by_name(done: Outcome) -> dict[str, dict[str, Any]]:
    """Return what became of each tenant."""
    return {one["name"]: one for one in json.loads(done.out)["tenants"]}
