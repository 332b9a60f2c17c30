"""``lmsschema indexes set``."""

import click

from lmsschema.cli import _common
from lmsschema.cli.indexes import _common as _indexes


@click.command(epilog="Example: lmsschema indexes set lean --url service=lms")
@_indexes.profile_argument
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@_common.retry_options
@_common.wait_option
@_common.database_options
def command(  # noqa: PLR0917  click passes them by name
    profile: str,
    lock_timeout: float,
    lock_retries: int,
    wait: float,
    url: str | None,
    schema: str | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Give the database the index profile PROFILE: faithful or lean.

    What it has is built while readers and writers go on, then the profile is recorded, then what
    it does not have is dropped: no query is ever without its index. After an interruption the next
    run does what is left.
    """
    from lmsschema.migration import profile_change
    from lmsschema.migration.retry import Retry

    with _common.open_database(url, schema) as database:
        done = profile_change.change(
            database,
            profile,
            dry_run=dry_run,
            wait=wait,
            retry=Retry(lock_timeout, lock_retries),
            notify=_common.Teller(),
        )
    data = {
        "from": done.before,
        "to": done.after,
        "dry_run": dry_run,
        "steps": list(done.steps),
    }
    if not done.steps:
        text = f"index profile {done.after} already: nothing to do"
    else:
        did = "to do" if dry_run else "done"
        head = f"{done.before} -> {done.after}, {len(done.steps)} steps {did}"
        text = "\n".join([*(f"  {step}" for step in done.steps if dry_run), head])
    _common.result(text, data, as_json=as_json)
