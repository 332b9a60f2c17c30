"""What the commands of ``lmsschema load`` share."""

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lmsschema.cli import _common
from lmsschema.errors import FindingsError, LmsschemaError

if TYPE_CHECKING:
    from lmsschema.database.connection import Database
    from lmsschema.load.mapping import EventFormat
    from lmsschema.load.roster import LoadedRoster
    from lmsschema.load.run import Institution, Loaded
    from lmsschema.load.write import Counts
    from lmsschema.locks.context import Context

F = TypeVar("F", bound=Callable[..., Any])

REJECTED = FindingsError.exit_code

#: The formats of events, whose rejected lines can be tried again.
EVENTS = ("xapi", "caliper", "edx")

_DAYS = re.compile(r"\+([0-9]{1,5})d")
_BYTES = re.compile(r"([1-9][0-9]{0,9})(KiB|MiB|GiB)?")
_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def institution_option(function: F) -> F:
    """Add ``--institution``: whose records are meant."""
    return click.option(
        "--institution", "domain", required=True, metavar="DOMAIN", help="Whose records they are."
    )(function)


def mapping_options(function: F) -> F:
    """Add the options that say what becomes of a line."""
    for option in reversed(
        (
            click.option(
                "--missing",
                type=click.Choice(["reject", "null", "create"]),
                default="reject",
                metavar="HOW",
                help="Who is unknown: reject, null, create [reject].",
            ),
            click.option("--time-zone", metavar="NAME", help="Of times that have no offset."),
            click.option("--since", metavar="DATE", help="Reject what was before [2000-01-01]."),
            click.option("--until", metavar="DATE", help="Reject what is from then on [+1d]."),
            click.option(
                "--verbs",
                type=click.Path(dir_okay=False, path_type=Path),
                metavar="FILE",
                help="Categories of own verbs.",
            ),
        )
    ):
        function = option(function)
    return function


def roster_options(function: F) -> F:
    """Add the options of formats that are read as a whole."""
    function = click.option("--dry-run", is_flag=True, help="Read the sources; write nothing.")(
        function
    )
    return max_line_option(function)


def max_line_option(function: F) -> F:
    """Add ``--max-line``: from which length on lines are rejected."""
    return click.option(
        "--max-line", default="8MiB", metavar="SIZE", help="Reject longer lines [8MiB]."
    )(function)


def lock_wait_option(function: F) -> F:
    """Add ``--lock-wait``: for how long locks are tried to be obtained."""
    return click.option(
        "--lock-wait",
        "wait",
        type=click.FloatRange(min=0),
        default=60.0,
        metavar="SECONDS",
        help="How long to try to get locks [60].",
    )(function)


def context(database: "Database", wait: float) -> "Context":
    """Return what the commands hand down."""
    from lmsschema.locks.context import Context, Patience

    return Context(database, Patience(total=wait), _common.Teller())


def size(text: str, option: str) -> int:
    """Return a number of bytes, such as ``8MiB``."""
    match = _BYTES.fullmatch(text)
    if match is None:
        raise click.UsageError(f"{option} {text!r} is no size such as 8MiB")
    return int(match[1]) * _UNITS[match[2] or ""]


def zone(name: str, what: str) -> dt.tzinfo:
    """Return the time zone of a name."""
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise click.UsageError(f"{what} {name!r} is no time zone such as Europe/Berlin") from None


def event_format(
    name: str,
    whose: "Institution",
    *,
    missing: str,
    time_zone: str | None,
    since: str | None,
    until: str | None,
    verbs: Path | None,
) -> "EventFormat":
    """Return what makes records of the events of a format, as the options say.

    Raises:
        LmsschemaError: msgspec is not installed.
    """
    from lmsschema.load import categories
    from lmsschema.load.record import namespace

    try:
        from lmsschema.load.caliper import CaliperFormat
        from lmsschema.load.edx import EdxFormat
        from lmsschema.load.xapi import XapiFormat
    except ModuleNotFoundError as error:
        if error.name != "msgspec":
            raise
        raise LmsschemaError(
            "to load events, msgspec is needed, which is not installed",
            hint='Install it: pip install "lmsschema[load]"',
        ) from error
    formats: dict[str, type[EventFormat]] = {
        one.name: one for one in (XapiFormat, CaliperFormat, EdxFormat)
    }
    begin = _instant(since, "--since", whose.now) if since else _earliest(whose.now)
    end = _instant(until or "+1d", "--until", whose.now)
    if end <= begin:
        raise click.UsageError(f"--until {until or '+1d'} is not after --since {since}")
    return formats[name](
        namespace(whose.id),
        categories.known(verbs),
        zone(time_zone, "--time-zone") if time_zone is not None else None,
        begin,
        end,
        keep_actor=missing == "null",
    )


def _earliest(now: dt.datetime) -> dt.datetime:
    """Return the first time whose month is kept: what was pruned is not made again."""
    from lmsschema.partition_manager.retention import parse_span

    first = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    configured = _common.configured()
    if configured is None or configured.retention is None:
        return first
    return max(first, parse_span(configured.retention, "retention").before(now))


def _instant(text: str, option: str, now: dt.datetime) -> dt.datetime:
    """Return the time that an option names: a date, a time, or a number of days from now."""
    match = _DAYS.fullmatch(text)
    try:
        if match is not None:
            return now + dt.timedelta(days=int(match[1]))
        at = dt.datetime.fromisoformat(text)
        return at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise click.UsageError(f"{option} {text!r} is no date such as 2024-09-01 or +1d") from None


#: What is counted of every source.
COUNTED = ("lines", "events", "duplicates", "voidings", "voided", "rejected", "changed")


def counted(counts: "Counts") -> dict[str, Any]:
    """Return numbers of lines as data."""
    return {
        **{key: counts[key] for key in COUNTED},
        "reasons": _named(counts, "rejected."),
        "changes": _named(counts, "changed."),
        "unknown_verbs": _named(counts, "verb."),
    }


def _named(counts: "Counts", prefix: str) -> dict[str, int]:
    return {
        key.removeprefix(prefix): number
        for key, number in sorted(counts.items())
        if key.startswith(prefix) and number
    }


def sentence(counts: "Counts") -> str:
    """Return numbers of lines for people; of what there was none, nothing is said."""
    lines, *others = (f"{counts[key]} {key}" for key in COUNTED if key == "lines" or counts[key])
    return f"{lines}: {', '.join(others)}" if others else lines


def report(
    done: "list[Loaded]",
    left: dict[str, int],
    *,
    as_json: bool,
    roster: "LoadedRoster | None" = None,
) -> int:
    """Print what a load has done; return the exit code.

    Args:
        done: The sources.
        left: Numbers of lines that are rejected still, by reason.
        as_json: Whether as one object.
        roster: What was loaded besides events.
    """
    from lmsschema.load.write import Counts

    total, now = Counts(), Counts()
    for one in done:
        total.update(one.counts)
        now.update(one.now)
    data: dict[str, Any] = {
        "sources": [
            {"name": one.name, "incomplete": one.incomplete or None, **counted(one.counts)}
            for one in done
        ],
        "now": counted(now),
        "left": left,
    }
    lines = [f"{one.name}: {sentence(one.counts)}" for one in done]
    if roster is not None:
        data |= {"rows": roster.rows, "withdrawn": roster.withdrawn}
        lines += [
            f"{table}: {numbers['inserted']} inserted, {numbers['updated']} updated"
            for table, numbers in roster.rows.items()
        ]
        if roster.withdrawn:
            lines.append(f"withdrawn: {roster.withdrawn} enrollments that the roster has no more")
    elif len(done) > 1:
        lines.append(f"all: {sentence(total)}")
    _common.result("\n".join(lines), data, as_json=as_json)
    for note in roster.notes if roster else ():
        _common.say(note)
    for one in done:
        if one.incomplete:
            _common.say(f"{one.name} could not be read to its end: {one.incomplete}")
            _common.say("hint: what was read of it is loaded. Load it again once it is whole.")
    unknown = _named(total, "verb.")
    if unknown:
        some = ", ".join(f"{verb} ({number})" for verb, number in list(unknown.items())[:10])
        _common.say(f"verbs of unknown category, taken as interaction: {some}")
    reasons = left or _named(now, "rejected.")
    if reasons:
        tell_reasons(reasons)
    rejected = bool(reasons) or any(one.incomplete for one in done)
    return REJECTED if rejected else 0


def tell_reasons(reasons: dict[str, int]) -> None:
    """Say how many lines are rejected, by reason."""
    some = ", ".join(f"{reason} {number}" for reason, number in reasons.items())
    _common.say(f"rejected: {some}")
    _common.say("hint: lmsschema load rejects --institution DOMAIN shows them")
