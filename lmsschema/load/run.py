"""Loads sources: reads lines, writes them in batches, and goes on where an earlier run stopped."""

import contextlib
import dataclasses
import json
import time
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4, uuid5

import psycopg

from lmsschema.database.queries import query
from lmsschema.errors import LmsschemaError, LockTimeoutError, UsageError
from lmsschema.load import source
from lmsschema.load.identity import Identities
from lmsschema.load.months import Months
from lmsschema.load.record import Format, Line, Missing, Reject, RejectError, Voiding, namespace
from lmsschema.load.source import IncompleteSourceError, Source
from lmsschema.load.write import Batch, Counts, Writer
from lmsschema.locks.context import Context, Progress
from lmsschema.partitions import LEARNING_EVENTS

#: A batch ends once it has so many bytes: a rejected line takes several times its own.
_BATCH_BYTES = 4 << 20

#: Seconds between two lines of progress.
_PACE = 10.0


@dataclasses.dataclass(frozen=True)
class Institution:
    """Whose records are loaded.

    Attributes:
        id: Its id.
        domain: Its domain, as it was named.
        now: The server's time.
        zone: Its time zone.
    """

    id: UUID
    domain: str
    now: datetime
    zone: str


@dataclasses.dataclass(frozen=True)
class Options:
    """How sources are loaded.

    Attributes:
        missing: What happens to records of users and courses that nobody knows.
        batch: Lines of a batch at most.
        longest: Bytes of a line at most.
    """

    missing: Missing = "reject"
    batch: int = 10_000
    longest: int = 8 << 20


@dataclasses.dataclass(frozen=True)
class Loaded:
    """What became of a source.

    Attributes:
        name: Its name.
        id: Its id; None if nothing was written.
        counts: Numbers of lines by what became of them, since it was first loaded.
        now: The same of this run.
        incomplete: Why it could not be read to its end; "" if it was.
    """

    name: str
    id: UUID | None
    counts: Counts
    now: Counts
    incomplete: str = ""


def institution(context: Context, domain: str) -> Institution:
    """Return the institution of a domain.

    Raises:
        LmsschemaError: The schema has no tables for loads yet.
        UsageError: There is no such institution.
    """
    database = context.database
    with database.transaction(read_only=True) as conn:
        there = conn.execute("SELECT pg_catalog.to_regclass('load_sources') IS NOT NULL")
        if there.fetchone() != (True,):
            raise LmsschemaError(
                f"schema {database.schema} of {database.target} has no table load_sources",
                hint="Bring it to the newest revision: lmsschema upgrade",
            )
        row = conn.execute(query("load/institution"), {"domain": domain}).fetchone()
    if row is None:
        raise UsageError(
            f"there is no institution with domain {domain} in {database.target}",
            hint="Insert it first: INSERT INTO institutions (name, domain, education_level) "
            "VALUES ('…', '…', 'higher_ed');",
        )
    return Institution(row[0], domain, row[1], row[2])


def load(
    context: Context,
    whose: Institution,
    form: Format,
    sources: Sequence[Source],
    options: Options,
) -> list[Loaded]:
    """Load sources, one after the other.

    Raises:
        LockTimeoutError: Another load, or DDL, had locks for too long. Each batch before is in.
        UnsafeError: Times lie in too many months.
    """
    identities = Identities(context, whose.id, options.missing)
    months = Months(context, LEARNING_EVENTS)
    return [
        _Load(context, whose, form, one, options, identities=identities, months=months).run()
        for one in sources
    ]


def preview(form: Format, sources: Sequence[Source], options: Options) -> list[Loaded]:
    """Read sources as :func:`load` does, and write nothing.

    Whom the records are about is not looked up, nor whether they are there already.
    """
    done = []
    for one in sources:
        counts, incomplete = Counts(), ""
        try:
            for line in source.lines(one, 0, 0, options.longest):
                batch = Batch()
                read(form, options, line, batch)
                counts["lines"] += 1
                counts["events"] += len(batch.records)
                counts["voidings"] += len(batch.voidings)
                for reject in batch.rejects:
                    counts["rejected"] += 1
                    counts[f"rejected.{reject.reason}"] += 1
                for _, record in batch.records:
                    if record.unknown_verb:
                        counts[f"verb.{record.unknown_verb}"] += 1
        except IncompleteSourceError as error:
            incomplete = str(error)
        done.append(Loaded(one.name, None, counts, counts, incomplete))
    return done


def read(form: Format, options: Options, line: Line, batch: Batch) -> None:
    """Add what a line means to a batch."""
    batch.lines += 1
    batch.end = line
    if line.length > options.longest:
        batch.rejects.append(Reject(line, "too_long", f"{line.length} bytes"))
        return
    for raw in form.parts(line.raw):
        part = line
        if raw is not line.raw:
            part = dataclasses.replace(line, raw=raw, length=len(raw))
        try:
            found = form.read(raw)
        except RejectError as error:
            batch.rejects.append(Reject(part, error.reason, error.detail))
            continue
        if isinstance(found, Voiding):
            batch.voidings.append(found)
        elif found is not None:
            batch.records.append((part, found))


class _Load:
    """The load of one source."""

    def __init__(
        self,
        context: Context,
        whose: Institution,
        form: Format,
        what: Source,
        options: Options,
        *,
        identities: Identities,
        months: Months,
    ) -> None:
        self._context = context
        self._form = form
        self._source = what
        self._options = options
        self._months = months
        self._writer = Writer(context, whose.id, identities)
        self._institution = whose.id
        made = f"{form.name}:{what.digest}"
        self._id = uuid5(namespace(whose.id), made) if what.digest else uuid4()
        self._position = 0
        self._line = 0
        self._counts = Counts()
        self._now = Counts()
        self._told = time.monotonic()

    def run(self) -> Loaded:
        """Load what is left of the source."""
        if self._begin():
            return Loaded(self._source.name, self._id, self._counts, self._now)
        incomplete = ""
        lines = source.lines(self._source, self._position, self._line, self._options.longest)
        with contextlib.closing(lines):
            batch = Batch()
            size = 0
            try:
                for line in lines:
                    read(self._form, self._options, line, batch)
                    size += len(line.raw)
                    if batch.lines >= self._options.batch or size >= _BATCH_BYTES:
                        self._write(batch, finished=False)
                        batch, size = Batch(), 0
            except IncompleteSourceError as error:
                incomplete = str(error)
            self._write(batch, finished=not incomplete)
        return Loaded(self._source.name, self._id, self._counts, self._now, incomplete)

    def _begin(self) -> bool:
        """Find out where the source stands; return whether it is at its end."""
        with self._context.database.transaction() as conn:
            row = conn.execute(
                query("load/source"),
                {
                    "id": self._id,
                    "institution": self._institution,
                    "format": self._form.name,
                    "name": self._source.name,
                },
            ).fetchone()
        if row is None:  # the query returns what is there, or what it makes
            raise LockTimeoutError(f"another run has begun to load {self._source.name}")
        self._position, self._line, counts, finished_at = row
        self._counts = Counts(counts)
        return finished_at is not None

    def _write(self, batch: Batch, *, finished: bool) -> None:
        """Write a batch, and where the source is then."""
        position, line = self._position, self._line
        if batch.end is not None:
            position, line = batch.end.end, batch.end.number
        total = Counts()

        def finish(conn: psycopg.Connection, counts: Counts, _: Sequence[Reject]) -> None:
            nonlocal total
            total = Counts(self._counts)
            total.update(counts)
            done = conn.execute(
                query("load/reached"),
                {
                    "id": self._id,
                    "before": self._position,
                    "position": position,
                    "line": line,
                    "counts": json.dumps({key: n for key, n in total.items() if n}),
                    "finished": finished,
                },
            )
            if done.rowcount != 1:
                raise LockTimeoutError(
                    f"another run is loading {self._source.name}",
                    hint="Wait for it to end, then run the command again.",
                )

        if not batch.lines and not finished:
            return
        self._months.make(record for _, record in batch.records)
        self._now.update(self._writer.write(batch, self._id, finish))
        self._counts, self._position, self._line = total, position, line
        if time.monotonic() - self._told >= _PACE:
            self._told = time.monotonic()
            self._context.tell(Progress(f"{self._source.name}: {line} lines, {position} bytes"))
