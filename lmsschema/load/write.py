"""Writes a batch: its events, voidings and rejects, and the position reached, in one transaction.

Killed anywhere, the batch is in the database as a whole, with its position, or not at all.
"""

import collections
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
from psycopg import sql

from lmsschema.database.queries import query
from lmsschema.load import claim, rejects
from lmsschema.load.identity import Identities, References, combination
from lmsschema.load.record import Line, Record, Reject, RejectError, Voiding
from lmsschema.load.stage import Match, Row, copy
from lmsschema.locks.context import Context

#: How far apart the times of two events of one id may be for them to be the same event.
WINDOW = timedelta(days=31)

#: Classes of errors that are of the values of a row: data exception, limit exceeded; a rule.
_OF_VALUES = ("22", "54")
_OF_RULES = ("23502", "23514")

Entry = tuple[Line, Record]


@dataclasses.dataclass
class Batch:
    """What was read of some lines.

    Attributes:
        records: The events, with their lines.
        voidings: The voidings.
        rejects: The lines that can't be loaded.
        end: The last line; None if there was none.
        lines: How many lines there were.
    """

    records: list[Entry] = dataclasses.field(default_factory=list)
    voidings: list[Voiding] = dataclasses.field(default_factory=list)
    rejects: list[Reject] = dataclasses.field(default_factory=list)
    end: Line | None = None
    lines: int = 0


class Counts(collections.Counter[str]):
    """Numbers of lines by what became of them; ``rejected.REASON`` for each reason."""


Finish = Callable[[psycopg.Connection, Counts, Sequence[Reject]], None]


class Writer:
    """Writes batches of one source.

    Args:
        context: The database.
        institution: The institution.
        identities: Whom and what records are about.
    """

    def __init__(self, context: Context, institution: UUID, identities: Identities) -> None:
        self._context = context
        self._institution = institution
        self._identities = identities

    def write(self, batch: Batch, source: UUID, finish: Finish) -> Counts:
        """Write a batch in one transaction.

        Args:
            batch: The batch.
            source: The source that rejected lines are of.
            finish: Writes, in the same transaction, how far the source is.

        Returns:
            What became of the lines.
        """
        refused: list[Reject] = []
        records = batch.records
        while True:
            try:
                return claim.patiently(
                    self._context,
                    "to write a batch",
                    lambda: self._attempt(batch, records, refused, source, finish),  # noqa: B023
                )
            except psycopg.Error as error:
                if not _is_of_values(error):
                    raise
                found = list(self._refused(records))
                if not found:
                    raise
            refused += found
            lines = {id(reject.line) for reject in found}
            records = [entry for entry in records if id(entry[0]) not in lines]

    def _attempt(
        self,
        batch: Batch,
        records: Sequence[Entry],
        refused: Sequence[Reject],
        source: UUID,
        finish: Finish,
    ) -> Counts:
        counts = Counts(lines=batch.lines)
        noted = [*batch.rejects, *refused]
        try:
            self._identities.resolve(record for _, record in records)
            rows: list[Row] = []
            known: dict[tuple[int, ...], References] = {}
            for line, record in records:
                about = combination(record)
                try:
                    if about not in known:
                        known[about] = self._identities.references(record)
                    rows.append((line, record, known[about]))
                except RejectError as error:
                    noted.append(Reject(line, error.reason, error.detail))
            with claim.transaction(self._context, f" load {self._institution}") as conn:
                counts["voidings"] = self._void(conn, batch.voidings, counts)
                conn.execute(query("load/stage"))
                for round_ in _rounds(rows):
                    noted += self._write(conn, round_, counts)
                for reject in noted:
                    counts["changed" if reject.state == "changed" else "rejected"] += 1
                    counts[f"{reject.state}.{reject.reason}"] += 1
                if noted:
                    rejects.keep(conn, self._institution, source, noted)
                finish(conn, counts, noted)
        except psycopg.errors.ForeignKeyViolation:
            self._identities.forget()  # a row was deleted since
            raise
        return counts

    def _void(self, conn: psycopg.Connection, voidings: Sequence[Voiding], counts: Counts) -> int:
        """Note what is void, and move it away; return how many voidings were new."""
        if not voidings:
            return 0
        values = {
            "institution": self._institution,
            "targets": [one.target for one in voidings],
            "by": [one.by for one in voidings],
        }
        new = [target for (target,) in conn.execute(query("load/void"), values)]
        if new:
            values["targets"] = new
            counts["voided"] += _number(conn.execute(query("load/move_voided"), values))
        return len(new)

    def _write(
        self,
        conn: psycopg.Connection,
        rows: Sequence[Row],
        counts: Counts,
    ) -> Iterator[Reject]:
        """Write events whose ids differ; yield the lines that are kept beside them."""
        matches, void = self._matches(conn, [record for _, record, _ in rows])
        copy(conn, rows, matches)
        if void:
            counts["voided"] += _number(
                conn.execute(query("load/insert_voided"), {"numbers": void})
            )
        inserted = _number(conn.execute(query("load/insert_events")))
        counts["events"] += inserted
        counts["duplicates"] += len(rows) - inserted - len(void)
        differing: set[int] = set()
        for table, is_void in (("learning_events", False), ("voided_events", True)):
            if any(match is not None and match[1] is is_void for match in matches):
                statement = query("load/differing").format(table=sql.Identifier(table))
                differing |= {number for (number,) in conn.execute(statement)}
        conn.execute("TRUNCATE load_stage")
        for number, (line, record, _) in enumerate(rows):
            if record.unknown_verb:
                counts[f"verb.{record.unknown_verb}"] += 1
            if number in differing:
                yield Reject(line, "duplicate_differs", f"id {record.id}", "changed")
            elif record.changed:
                yield Reject(line, record.changed, "", "changed")

    def _matches(
        self, conn: psycopg.Connection, records: Sequence[Record]
    ) -> tuple[list[Match | None], list[int]]:
        """Return what is there of each record, and the numbers of those that are void."""
        ids = "{" + ",".join([record.id.hex for record in records]) + "}"  # faster than a list
        times = [record.at for record in records]
        there: dict[UUID, list[Match]] = {}
        window = {"ids": ids, "first": min(times) - WINDOW, "last": max(times) + WINDOW}
        for own, at, is_void in conn.execute(query("load/same_ids"), window):
            there.setdefault(own, []).append((at, is_void))
        values = {"institution": self._institution, "ids": ids}
        void = {own for (own,) in conn.execute(query("load/is_void"), values)}
        if not there and not void:
            return [None] * len(records), []
        matches: list[Match | None] = []
        for record in records:
            found = there.get(record.id, ())
            near = [one for one in found if abs(one[0] - record.at) <= WINDOW]
            matches.append(_nearest(near, record.at))
        numbers = [
            number
            for number, record in enumerate(records)
            if record.id in void and matches[number] is None
        ]
        return matches, numbers

    def _refused(self, records: Sequence[Entry]) -> Iterator[Reject]:
        """Yield the records whose values the server refuses: halves are tried, and their halves."""
        error = self._try(records)
        if error is None:
            return
        if len(records) == 1:
            detail = f"{error.diag.message_primary or error} (SQLSTATE {error.sqlstate})"
            yield Reject(records[0][0], "refused_by_database", RejectError("", detail).detail)
            return
        middle = len(records) // 2
        yield from self._refused(records[:middle])
        yield from self._refused(records[middle:])

    def _try(self, records: Sequence[Entry]) -> psycopg.Error | None:
        """Return the error with which the server refuses values; nothing is written."""
        nobody: References = (None, None, None, None)
        try:
            with self._context.database.transaction() as conn:
                conn.execute(query("load/stage"))
                copy(conn, [(*one, nobody) for one in records], [None] * len(records))
                conn.execute(query("load/insert_events"))
                raise psycopg.Rollback
        except psycopg.Error as error:
            if _is_of_values(error):
                return error
            raise
        return None


def _nearest(matches: Sequence[Match], at: datetime) -> Match | None:
    return min(matches, key=lambda one: (abs(one[0] - at), one)) if matches else None


def _rounds(
    rows: Sequence[Row],
) -> Iterator[list[Row]]:
    """Yield rows so that no id is in a round twice, in their order."""
    if len({record.id.int for _, record, _ in rows}) == len(rows):
        if rows:
            yield list(rows)
        return
    seen: collections.Counter[UUID] = collections.Counter()
    rounds: list[list[Row]] = []
    for row in rows:
        number = seen[row[1].id]
        seen[row[1].id] += 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(row)
    yield from rounds


def _number(cursor: psycopg.Cursor[tuple[object, ...]]) -> int:
    row = cursor.fetchone()
    return 0 if row is None else int(str(row[0]))


def _is_of_values(error: psycopg.Error) -> bool:
    state = error.sqlstate or ""
    return state[:2] in _OF_VALUES or state in _OF_RULES
