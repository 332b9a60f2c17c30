"""Runs click's program and answers every error: message, hint, exit code, never a traceback."""

import sys

import click

from lmsschema.cli._group import program
from lmsschema.errors import LmsschemaError, UsageError

INTERRUPTED = 130


def run(argv: list[str]) -> int:
    """Run the program with ``argv`` and return its exit code."""
    try:
        result = program.main(args=argv, prog_name="lmsschema", standalone_mode=False)
    except click.ClickException as error:
        usage = UsageError(error.format_message(), hint=_usage(error))
        return _answer(usage, argv)
    except (KeyboardInterrupt, click.Abort):
        return _interrupted(argv)
    except BrokenPipeError:  # the reader of our output went away: nothing more to say to it
        sys.stderr.close()
        return 1
    except Exception as error:  # noqa: BLE001  the last net: no traceback reaches a user
        if _ends_an_interrupt(error):
            return _interrupted(argv)
        return _answer(error if isinstance(error, LmsschemaError) else _unexpected(error), argv)
    return result if isinstance(result, int) else 0


def _interrupted(argv: list[str]) -> int:
    error = LmsschemaError("interrupted; what was under way is rolled back")
    return _answer(error, argv, INTERRUPTED)


def _ends_an_interrupt(error: BaseException | None) -> bool:
    """Whether an error came of an interrupt: a connection that was cut off has no orderly end."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _usage(error: click.ClickException) -> str:
    """Return where to read on about a wrong command line."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "lmsschema"
    return f"See: {path} --help"


def _unexpected(error: Exception) -> LmsschemaError:
    """Return the error for what no one foresaw, or for what the driver raised outside a step."""
    import psycopg

    from lmsschema.database import sqlstate
    from lmsschema.database.target import Target

    if isinstance(error, psycopg.Error):
        return sqlstate.translate(error, Target("", "", label="the database"))
    return LmsschemaError(
        f"{type(error).__name__}: {error}", hint="Run it again with --debug for the whole story."
    )


def _answer(error: LmsschemaError, argv: list[str], code: int | None = None) -> int:
    """Print the error for a person, and for a program where ``--json`` asked for it."""
    exit_code = error.exit_code if code is None else code
    if "--debug" in argv:
        import traceback

        traceback.print_exc(file=sys.stderr)
    click.echo(f"lmsschema: {error.message}", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)
    if "--json" in argv:
        body = {"message": error.message, "hint": error.hint, "exit_code": exit_code}
        from lmsschema.cli import _common

        click.echo(_common.as_line({"error": body | error.details}))
    return exit_code
