"""What the tests of ``lmsschema partitions`` share: an upgraded database, and the program."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from lmsschema.cli._run import run
from tests.support import events


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a run of the program left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        data = json.loads(self.out)
        assert isinstance(data, dict)
        return data


Partitions = Callable[..., Outcome]


@pytest.fixture
def conn(upgraded_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(upgraded_url, autocommit=True) as connection:
        events.people(connection)
        yield connection


@pytest.fixture
def partitions(upgraded_url: str, capfd: pytest.CaptureFixture[str]) -> Partitions:
    """Run ``lmsschema partitions`` on the database: ``partitions("ensure", "-q")``."""

    def command(*arguments: str, url: str = upgraded_url) -> Outcome:
        capfd.readouterr()
        code = run(["partitions", *arguments, "--url", url])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err, captured.err
        return Outcome(code, captured.out, captured.err)

    return command
