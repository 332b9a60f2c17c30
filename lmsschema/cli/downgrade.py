"""``lmsschema downgrade``."""

import click

from lmsschema.cli import _common


@click.command(
    epilog="Example: lmsschema downgrade 0002_progress",
    context_settings={"ignore_unknown_options": True},  # -1 is a revision here
)
@click.argument("revision")
@click.option("--lose-rows", is_flag=True, help="Go on although rows or columns are lost.")
@_common.retry_options
@_common.wait_option
@_common.database_options
def command(  # noqa: PLR0917  click passes them by name
    revision: str,
    lock_timeout: float,
    lock_retries: int,
    wait: float,
    url: str | None,
    schema: str | None,
    *,
    lose_rows: bool,
    as_json: bool,
) -> None:
    """Take the database back to REVISION; 'base' is before the first.

    Each revision is taken back in a transaction of its own. Where that would drop tables that
    hold rows, or columns of them, nothing is changed and the exit code is 6, unless --lose-rows is
    given.
    """
    from lmsschema.migration import revisions, runner
    from lmsschema.migration.downgrade import downgrade
    from lmsschema.migration.retry import Retry

    with _common.open_database(url, schema) as database:
        undone: list[runner.Applied] = []

        def on_applied(step: runner.Applied) -> None:
            undone.append(step)
            _common.say(f"took back {step.revision} in {step.seconds:.2f} s")

        before, after = downgrade(
            database,
            revision,
            lose_rows=lose_rows,
            wait=wait,
            retry=Retry(lock_timeout, lock_retries),
            notify=_common.Teller(),
            on_applied=on_applied,
        )
    start, end = before or revisions.BASE, after or revisions.BASE
    text = f"{start} -> {end}" if undone else f"at {end} already: nothing to do"
    data = {
        "schema": database.schema,
        "from": before,
        "to": after,
        "reverted": [{"revision": step.revision, "seconds": step.seconds} for step in undone],
    }
    _common.result(text, data, as_json=as_json)
