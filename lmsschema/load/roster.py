"""Loads rosters: users, courses, enrollments. Only what differs from the database is changed.

A roster is staged as a whole and written in one transaction: half of one would be worse than none.
Rows that are made have ids made of their identifiers, as in :mod:`lmsschema.load.identity`.
"""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol
from uuid import UUID, uuid4, uuid5

import psycopg
from psycopg import sql

from lmsschema.database.queries import query
from lmsschema.errors import UnsafeError
from lmsschema.load import claim, csv_rows
from lmsschema.load.record import Line, Reject, RejectError, namespace
from lmsschema.load.run import Institution, Loaded
from lmsschema.load.source import IncompleteSourceError, Source
from lmsschema.load.stage import escaped
from lmsschema.load.write import Counts
from lmsschema.locks.context import Context

#: A larger part of the enrollments is not withdrawn unless that is allowed.
GUARD = 0.1

_TABLES = {"user": "users", "course": "courses"}
_COPY = (
    "COPY roster_stage (number, kind, source_id, line, position, length, raw, key, made, data,"
    " reason, detail) FROM STDIN"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """What a row of a roster says.

    Attributes:
        kind: What it is about; ``role`` is a user's, ``staff`` teaches a course.
        key: The identifier; of an enrollment and of staff those of user and course.
        data: The columns, by the names that ``sql/load/roster_*.sql`` have for them.
    """

    kind: Literal["user", "role", "course", "enrollment", "staff"]
    key: str
    data: Mapping[str, Any]


class RosterFormat(Protocol):
    """Makes entries of the rows of a roster's files."""

    @property
    def name(self) -> str:
        """What it is called; identifiers begin with it."""

    @property
    def files(self) -> Sequence[tuple[str, Source, tuple[str, ...]]]:
        """The files in the order in which they are read: what it is, where, required columns."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Columns whose values are kept nowhere, not even of rejected lines."""

    def begin(self) -> None:
        """Forget what was read: the files are read from their beginning, perhaps not first."""

    def read(self, file: str, fields: csv_rows.Fields) -> Iterable[Entry]:
        """Return what a row of a file means.

        Raises:
            RejectError: It can't be loaded.
        """


@dataclasses.dataclass
class LoadedRoster:
    """What became of a roster.

    Attributes:
        files: Its files, with numbers of lines.
        rows: Numbers of rows by table: ``inserted``, ``updated``.
        withdrawn: How many enrollments were withdrawn, for they are absent.
        notes: What somebody should know.
    """

    files: list[Loaded]
    rows: dict[str, dict[str, int]]
    withdrawn: int = 0
    notes: list[str] = dataclasses.field(default_factory=list)


def load(
    context: Context,
    whose: Institution,
    form: RosterFormat,
    longest: int,
    *,
    withdraw: bool = False,
    guard: float = GUARD,
) -> LoadedRoster:
    """Write a roster.

    Args:
        context: The database.
        whose: The institution.
        form: The roster.
        longest: Bytes of a line at most.
        withdraw: Whether enrollments of an earlier roster that are absent are withdrawn.
        guard: The part of them that may be.

    Raises:
        LockTimeoutError: Another load, or DDL, had locks for too long.
        UnsafeError: More enrollments would be withdrawn.
    """

    def attempt() -> LoadedRoster:
        with claim.transaction(context, f" load {whose.id}") as conn:
            return _Roster(conn, whose, form, longest).write(withdraw=withdraw, guard=guard)

    return claim.patiently(context, "to write a roster", attempt)


def preview(form: RosterFormat, longest: int) -> LoadedRoster:
    """Read a roster as :func:`load` does, and write nothing."""
    files = []
    for file, what, required in form.files:
        counts, incomplete = Counts(), ""
        try:
            for line, found in _entries(form, file, what, longest, required):
                counts["lines"] += line is not None
                if isinstance(found, Reject):
                    counts["rejected"] += 1
                    counts[f"rejected.{found.reason}"] += 1
        except IncompleteSourceError as error:
            incomplete = str(error)
        files.append(Loaded(what.name, None, counts, counts, incomplete))
    return LoadedRoster(files, {})


def _entries(
    form: RosterFormat, file: str, what: Source, longest: int, required: tuple[str, ...]
) -> Iterator[tuple[Line | None, Entry | Reject | None]]:
    """Yield what the lines of a file mean; a line's second meaning comes without the line."""
    for line, fields in csv_rows.rows(what, longest, required, form.secrets):
        if isinstance(fields, Reject):
            yield line, fields
            continue
        try:
            found = list(form.read(file, fields))
        except RejectError as error:
            yield line, Reject(line, error.reason, error.detail)
            continue
        yield line, None
        for entry in found:
            yield None, entry


class _Roster:
    """One attempt to write a roster."""

    def __init__(
        self, conn: psycopg.Connection, whose: Institution, form: RosterFormat, longest: int
    ) -> None:
        self._conn = conn
        self._form = form
        self._longest = longest
        self._namespace = namespace(whose.id)
        self._values = {"institution": whose.id, "prefix": f"{form.name}:%"}
        self._number = 0

    def write(self, *, withdraw: bool, guard: float) -> LoadedRoster:
        self._ask("stage")
        self._form.begin()  # an attempt before may have read them
        files = [self._stage(*file) for file in self._form.files]
        self._conn.execute("ANALYZE roster_stage")
        self._ask("repeated")
        done = LoadedRoster(files, {})
        for kind, table in _TABLES.items():
            self._ask("known", table, kind=kind)
            if kind == "user":
                self._ask("taken")
            done.rows[table] = self._counted(table)
            self._ask("register", kind=kind)
        self._ask("places")
        self._ask("staff")
        self._ask("enabled")
        done.rows["enrollments"] = self._counted("enrollments")
        if withdraw:
            self._withdraw(done, guard)
        self._keep(done)
        return done

    def _ask(
        self, question: str, table: str = "", **values: object
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        statement = query(f"load/roster_{question}")
        if table:
            return self._conn.execute(
                statement.format(table=sql.Identifier(table)), self._values | values
            )
        return self._conn.execute(statement, self._values | values)

    def _counted(self, table: str) -> dict[str, int]:
        inserted, updated = self._ask(table).fetchall()[0]
        return {"inserted": inserted, "updated": updated}

    def _stage(self, file: str, what: Source, required: tuple[str, ...]) -> Loaded:
        """Copy what a file says into the stage."""
        made = uuid5(self._namespace, f"{self._form.name}:{what.digest}")
        source_id = made if what.digest else uuid4()
        counts, incomplete = Counts(), ""
        last = None
        with self._conn.cursor().copy(_COPY) as copy:
            try:
                for line, found in _entries(self._form, file, what, self._longest, required):
                    if line is not None:
                        last = line
                        counts["lines"] += 1
                    if found is not None and last is not None:
                        copy.write(self._row(source_id, last, found))
            except IncompleteSourceError as error:
                incomplete = str(error)
        return Loaded(what.name, source_id, counts, counts, incomplete)

    def _row(self, source_id: UUID, line: Line, found: Entry | Reject) -> bytes:
        self._number += 1
        values = [str(self._number), "", str(source_id), line.number, line.position, line.length]
        begin = "\t".join(map(str, values[2:])).encode()
        if isinstance(found, Reject):
            kind, rest = "reject", [b"", b"\\N", b"{}", found.reason.encode()]
            rest.append(escaped(found.detail.encode()))
        else:
            kind = found.kind
            made = str(uuid5(self._namespace, f"{kind}:{found.key}")).encode()
            data = json.dumps({key: one for key, one in found.data.items() if one is not None})
            rest = [escaped(found.key.encode()), made, escaped(data.encode()), b"\\N", b"\\N"]
        raw = b"\\\\x" + line.raw.hex().encode()
        head = f"{self._number}\t{kind}\t".encode()
        return head + begin + b"\t" + raw + b"\t" + b"\t".join(rest) + b"\n"

    def _withdraw(self, done: LoadedRoster, guard: float) -> None:
        """Withdraw the enrollments of earlier rosters that this one has no more."""
        unread = self._ask("unread").fetchall()[0][0]
        if unread or any(one.incomplete for one in done.files):
            done.notes.append("nothing is withdrawn, for a part of the files could not be read")
            return
        there = 0
        absent = []
        for own, user, course, is_absent in self._ask("absent"):
            # only what a roster has made is a roster's to withdraw
            if own == uuid5(self._namespace, f"enrollment:{user}|{course}"):
                there += 1
                if is_absent:
                    absent.append(own)
        if len(absent) > guard * there:
            raise UnsafeError(
                f"the roster would withdraw {len(absent)} of {there} enrollments, more than "
                f"{guard:.0%}; nothing is changed",
                hint="If that is meant, load it with --allow-withdraw.",
            )
        self._ask("withdraw", ids=absent)
        done.withdrawn = len(absent)

    def _keep(self, done: LoadedRoster) -> None:
        """Keep what was rejected, and which files were loaded."""
        files = {one.id: one for one in done.files}
        for source_id, reason, number in self._ask("counts"):
            files[source_id].counts["rejected"] += number
            files[source_id].counts[f"rejected.{reason}"] += number
        ids = [one.id for one in done.files]
        self._ask("loaded", sources=ids)
        self._ask("rejects")
        for one in done.files:
            self._ask(
                "source",
                id=one.id,
                format=self._form.name,
                name=one.name,
                line=one.counts["lines"],
                counts=json.dumps({key: n for key, n in one.counts.items() if n}),
                finished=not one.incomplete,
            )
