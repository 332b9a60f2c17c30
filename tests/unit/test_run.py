"""What a command's end is for whoever started it: the exit code and the message."""

import click
import pytest

from lmsschema.cli import _run
from lmsschema.errors import DatabaseUnavailableError


def test_an_interrupt_whose_clean_up_failed_is_an_interrupt(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The driver may refuse the ROLLBACK of a statement that an interrupt has cut off."""
    error = DatabaseUnavailableError("another command is already in progress")
    error.__context__ = KeyboardInterrupt()

    def fail() -> None:
        raise error

    command = click.Command("fails", callback=fail)
    assert _run.run([], command) == 130
    assert "interrupted" in capsys.readouterr().err
    error.__context__ = None
    assert _run.run([], command) == 4
