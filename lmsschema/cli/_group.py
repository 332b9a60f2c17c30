"""Command groups that import a command only when it is called."""

import importlib
from collections.abc import Mapping

import click

import lmsschema
from lmsschema.cli import COMMANDS, help_text


class LazyGroup(click.Group):
    """A group that lists its commands without importing them, and imports the one called.

    Args:
        package: The package of the commands. Each is a module with the command's name (``-``
            written as ``_``) that defines a click command called ``command``.
        commands: Short help by command name.
    """

    def __init__(self, *, package: str, commands: Mapping[str, str], **attrs: object) -> None:
        super().__init__(**attrs)  # type: ignore[arg-type]  # click's own attributes, passed on
        self.package = package
        self.short_helps = commands

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the names of the commands, in the order of the help."""
        return list(self.short_helps)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        """Import and return a command; None if there is no command of that name."""
        if cmd_name not in self.short_helps:
            return None
        module = importlib.import_module(f"{self.package}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command; the error for an unknown name suggests similar ones."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(
                error.command_name, possibilities=self.short_helps, ctx=ctx
            ) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's signature
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.short_helps.items()))


class _Program(LazyGroup):
    """The program, whose help is the text that ``__main__`` prints without importing click."""

    def get_help(self, ctx: click.Context) -> str:  # noqa: ARG002  click's signature
        return help_text()


#: The options that may also be written before the command: without a value, and with one.
FLAGS, VALUED = ("--json", "--debug"), ("--url", "--schema")

program = _Program(
    package="lmsschema.cli",
    commands=COMMANDS,
    name="lmsschema",
    context_settings={"help_option_names": ["-h", "--help"]},
    # _run moves them behind the command; they are declared here for the shell's completion
    params=[
        click.Option([name], is_flag=name in FLAGS, expose_value=False) for name in FLAGS + VALUED
    ],
)
program = click.version_option(
    lmsschema.__version__, "-V", "--version", message="%(prog)s %(version)s"
)(program)
