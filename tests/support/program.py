"""The program as a user starts it: a process of its own, with an environment of its own."""

import dataclasses
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support import forks

_FOREIGN = ("PG", "LMSSCHEMA_", "DATABASE_URL", "PYTHONDONTWRITEBYTECODE")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a run of the program left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        data = json.loads(self.out)
        assert isinstance(data, dict)
        return data


Program = Callable[..., Outcome]


def clean_environment(**variables: str) -> dict[str, str]:
    """Return the environment without anything that names a database, and with ``variables``.

    The embedded server that measures locks is where LMSSCHEMA_HOME says, if it does.
    """
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(_FOREIGN) or key == "LMSSCHEMA_HOME"
    }
    return kept | variables


@pytest.fixture(scope="session")
def lmsschema() -> Iterator[Program]:
    """Run the program: ``lmsschema("upgrade", "--url", url)``, optionally with ``env=``."""
    with forks.forker(clean_environment()) as forker:

        def run(
            *arguments: str, env: dict[str, str] | None = None, timeout: float = forks.LONGEST
        ) -> Outcome:
            environment = clean_environment(**(env or {}))
            with forker.start(*arguments, env=environment, longest=timeout) as fork:
                done = fork.wait()
            assert "Traceback" not in done.err, done.err
            return Outcome(done.code, done.out, done.err)

        yield run
