"""Fixtures of the tests of this room."""

from collections.abc import Iterator

import pytest

from lmsschema.testing.databases import Databases
from tests.support.program import Program


@pytest.fixture(scope="module")
def module_url(lms_databases: Databases, lmsschema: Program) -> Iterator[str]:
    """The URL of a database at head, for the tests of one module."""
    name = lms_databases.create()
    url = lms_databases.url(name)
    assert lmsschema("upgrade", "--url", url).code == 0
    yield url
    lms_databases.drop(name)
