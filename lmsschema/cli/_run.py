"""Runs the program and turns every error into a message, a hint and an exit code."""

import contextlib
import contextvars
import os
import signal
import sys
from typing import Any

import click

from lmsschema.cli import COMMANDS, GROUPS, INTERRUPTED
from lmsschema.cli._group import FLAGS, VALUED, program
from lmsschema.database import configuration
from lmsschema.database.configuration import Configuration
from lmsschema.errors import LmsschemaError, UsageError


class _Interrupt(KeyboardInterrupt):
    """Raised on SIGTERM, so that the program cleans up as it does after Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def _on_terminate(number: int, _frame: object) -> None:
    raise _Interrupt(number)


def run(argv: list[str], command: click.Command = program) -> int:
    """Run the program with ``argv`` and return its exit code.

    Args:
        argv: The arguments.
        command: The program.
    """
    with contextlib.suppress(ValueError):  # not the main thread: the caller handles signals
        signal.signal(signal.SIGTERM, _on_terminate)
    argv = _with_options_last(argv)
    # a context of its own, so that _common.about() keeps nothing from an earlier run
    return contextvars.copy_context().run(_run, argv, command)


def _run(argv: list[str], command: click.Command) -> int:
    try:
        configured = configuration.read(os.environ)
        result = command.main(
            args=argv,
            prog_name="lmsschema",
            standalone_mode=False,
            obj=configured,
            default_map=_defaults(configured) if configured else None,
        )
    except click.ClickException as error:
        usage = UsageError(error.format_message(), hint=_usage(error))
        return _answer(usage, argv)
    except (KeyboardInterrupt, click.Abort) as error:
        return _interrupted(argv, error)
    except BrokenPipeError:  # whatever read our output has ended
        sys.stderr.close()
        return 1
    except Exception as error:  # noqa: BLE001  so that no traceback reaches a user
        if (interrupt := _interrupt_behind(error)) is not None:
            return _interrupted(argv, interrupt)
        return _answer(error if isinstance(error, LmsschemaError) else _unexpected(error), argv)
    return result if isinstance(result, int) else 0


def _with_options_last(argv: list[str]) -> list[str]:
    """Return the arguments with the options written before the command moved behind it."""
    path: list[str] = []
    moved: list[str] = []
    rest = list(argv)
    while rest:
        name, given, _ = rest[0].partition("=")
        if name in FLAGS or (name in VALUED and given):
            moved.append(rest.pop(0))
        elif name in VALUED and len(rest) > 1:
            moved += [rest.pop(0), rest.pop(0)]
        elif " ".join([*path, rest[0]]) in GROUPS:
            path.append(rest.pop(0))
        else:
            if not rest[0].startswith("-"):
                path.append(rest.pop(0))
            break
    return [*path, *moved, *rest]


def _defaults(configured: Configuration) -> dict[str, Any]:
    """Return the defaults of options that the configuration file sets, by command."""
    from lmsschema.cli import indexes, partitions, tenants
    from lmsschema.cli.tenants import partitions as of_tenants

    everywhere = {"schema": configured.schema} if configured.schema else {}
    own: dict[str, dict[str, Any]] = {
        "check": {"ignore": configured.ignore},
        "adopt": {"ignore": configured.ignore},
        "ensure": {"ahead": configured.ahead},
        "prune": {"keep": configured.retention},
    }
    found: dict[str, Any] = {}
    for group, names in (
        (found, COMMANDS),
        (found.setdefault("partitions", {}), partitions.COMMANDS),
        (found.setdefault("indexes", {}), indexes.COMMANDS),
        (found.setdefault("tenants", {}), tenants.COMMANDS),
        (found["tenants"].setdefault("partitions", {}), of_tenants.COMMANDS),
    ):
        for name in names:
            given = {key: value for key, value in own.get(name, {}).items() if value is not None}
            group.setdefault(name, {}).update(everywhere | given)
    return found


def _own(argv: list[str]) -> list[str]:
    """Return the arguments without those after ``--``, which belong to another program."""
    return argv[: argv.index("--")] if "--" in argv else argv


def _interrupted(argv: list[str], interrupt: BaseException) -> int:
    error = LmsschemaError("interrupted; the open transaction is rolled back")
    cause = _interrupt_behind(interrupt)
    number = cause.number if isinstance(cause, _Interrupt) else signal.SIGINT
    return _answer(error, argv, INTERRUPTED + number)


def _interrupt_behind(error: BaseException | None) -> BaseException | None:
    """Return the interrupt among an error's causes, if any: it can surface as a driver's error."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error


def _usage(error: click.ClickException) -> str:
    """Return a hint that names the help of the command that was used wrongly."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "lmsschema"
    return f"See: {path} --help"


def _unexpected(error: Exception) -> LmsschemaError:
    """Return the error for an exception of the driver, or for an unexpected one."""
    import psycopg

    from lmsschema.database import sqlstate
    from lmsschema.database.target import Target

    if isinstance(error, psycopg.Error):
        return sqlstate.translate(error, Target("", "", label="the database"))
    return LmsschemaError(
        f"{type(error).__name__}: {error}", hint="Run it again with --debug to see the traceback."
    )


def _answer(error: LmsschemaError, argv: list[str], code: int | None = None) -> int:
    """Print the error on stderr, and with ``--json`` as an object on stdout; return its code."""
    from lmsschema.cli import _common

    exit_code = error.exit_code if code is None else code
    _common.end_bar()
    if "--debug" in _own(argv):
        import traceback

        traceback.print_exc(file=sys.stderr)
    click.echo(f"lmsschema: {error.message}", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)
    if "--json" in _own(argv):
        body = {"message": error.message, "hint": error.hint, "exit_code": exit_code}
        click.echo(_common.as_line(_common.about() | {"error": body | error.details}))
    return exit_code
