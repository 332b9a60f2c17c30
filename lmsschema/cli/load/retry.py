"""``lmsschema load retry``."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from lmsschema.cli import _common
from lmsschema.cli.load import _common as _load

if TYPE_CHECKING:
    from lmsschema.load.record import Missing


@click.command(epilog="Example: lmsschema load retry --institution uni.example --missing create")
@_load.institution_option
@click.option("--reason", metavar="REASON", help="Only those of this reason.")
@_load.mapping_options
@_load.lock_wait_option
@_common.database_options
def command(
    *,
    domain: str,
    reason: str | None,
    missing: str,
    time_zone: str | None,
    since: str | None,
    until: str | None,
    verbs: Path | None,
    wait: float,
    url: str | None,
    schema: str | None,
    as_json: bool,
) -> int:
    """Try the rejected lines again, with these options.

    Exits 3 if some are still rejected.
    """
    from lmsschema.load import rejects, retry, run
    from lmsschema.load.write import Counts

    with _common.open_database(url, schema) as database:
        context = _load.context(database, wait)
        whose = run.institution(context, domain)
        options = run.Options(missing=cast("Missing", missing))
        counts = Counts()
        for name in _load.EVENTS:
            form = _load.event_format(
                name,
                whose,
                missing=missing,
                time_zone=time_zone,
                since=since,
                until=until,
                verbs=verbs,
            )
            counts.update(retry.retry(context, whose, form, options, reason))
        left = {one.reason: one.number for one in rejects.summary(context, whose.id, reason)}
    data = {"now": _load.counted(counts), "left": left}
    _common.result(_load.sentence(counts), data, as_json=as_json)
    if left:
        _load.tell_reasons(left)
    return _load.REJECTED if left else 0
