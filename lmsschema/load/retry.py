"""Tries rejected lines again: users may have come since, or the options are others."""

from collections.abc import Sequence

import psycopg

from lmsschema.database.queries import query
from lmsschema.load import rejects, run
from lmsschema.load.identity import Identities
from lmsschema.load.months import Months
from lmsschema.load.record import Format, Line, Reject
from lmsschema.load.write import Batch, Counts, Writer
from lmsschema.locks.context import Context
from lmsschema.partitions import LEARNING_EVENTS


def retry(
    context: Context,
    whose: run.Institution,
    form: Format,
    options: run.Options,
    reason: str | None,
) -> Counts:
    """Try the rejected lines of an institution and a format again; return what became of them.

    Args:
        context: The database.
        whose: The institution.
        form: The format.
        options: What becomes of a line.
        reason: Only of this reason; None: of all.
    """
    identities = Identities(context, whose.id, options.missing)
    months = Months(context, LEARNING_EVENTS)
    writer = Writer(context, whose.id, identities)
    total = Counts()
    for found in rejects.kept(context, whose.id, reason, form.name):
        batch = Batch()
        for number, (_, _, raw) in enumerate(found):
            run.read(form, options, Line(raw, number, 0, 0, len(raw)), batch)
        digests = [digest for digest, _, _ in found]

        def finish(
            conn: psycopg.Connection,
            _: Counts,
            noted: Sequence[Reject],
            digests: list[bytes] = digests,
        ) -> None:
            by_number = {one.line.number: one for one in noted}
            what = [by_number.get(number) for number in range(len(digests))]
            conn.execute(
                query("load/retried"),
                {
                    "institution": whose.id,
                    "digests": digests,
                    "states": [one.state if one else "loaded" for one in what],
                    "reasons": [one.reason if one else None for one in what],
                    "details": [one.detail if one else None for one in what],
                },
            )

        months.make(record for _, record in batch.records)
        total.update(writer.write(batch, found[0][1], finish))
    return total
