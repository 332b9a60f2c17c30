"""What ``lmsschema load xapi`` costs, in CPU seconds of the client and of the server's process.

Usage, in a checkout that is installed --editable with the extra load:
    python benchmarks/load.py [--statements N]

Starts a throw-away embedded server. Loads statements of 1.1 kB, then the same ones from another
file, which are all duplicates. The limit is what the same rows cost that are mapped already: copied
into a temporary table, a batch at a time, and inserted from there with ON CONFLICT DO NOTHING.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import psycopg

from benchmarks.integrity import throw_away_server
from lmsschema.database.connection import Database, connect
from lmsschema.database.target import Target
from lmsschema.load import categories, run, source
from lmsschema.load.record import namespace
from lmsschema.load.xapi import XapiFormat
from lmsschema.locks.context import Context
from lmsschema.migration.upgrade import upgrade

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
VIDEO = "https://w3id.org/xapi/video"
COURSE = {
    "id": "https://lms.north.example/courses/1",
    "definition": {"type": "http://adlnet.gov/expapi/activities/course"},
}
COLUMNS = (
    "id, user_id, course_id, lesson_id, section_id, event_type, event_category, event_action,"
    " learning_context, event_data, session_id, event_timestamp, server_timestamp"
)
LINES = 3_500  # of a batch of 4 MiB

#: What the loader may cost: the server's process, and all, by the limit.
BACKEND, WHOLE, REPLAY = 1.1, 2.2, 2.5

Cost = tuple[float, float]


def statements(number: int) -> Iterator[bytes]:
    """Yield statements about videos, in order of time."""
    for one in range(number):
        session = uuid5(NAMESPACE_URL, f"session:{one // 12}")
        progress = {f"{VIDEO}/extensions/{key}": one % 700 / 10 for key in ("time", "progress")}
        made = {
            "id": str(uuid5(NAMESPACE_URL, f"statement:{one}")),
            "actor": {"account": {"homePage": "https://n.example", "name": str(one // 12 % 1500)}},
            "verb": {
                "id": f"{VIDEO}/verbs/{('played', 'paused', 'seeked')[one % 3]}",
                "display": {"en-US": "did"},
            },
            "object": {
                "id": f"https://lms.north.example/videos/{one // 12 % 40}",
                "definition": {"type": f"{VIDEO}/activity-type/video", "name": {"en": "A video"}},
            },
            "context": {
                "extensions": {f"{VIDEO}/extensions/session-id": str(session)},
                "contextActivities": {"parent": [COURSE], "category": [{"id": VIDEO}]},
            },
            "result": {"extensions": progress | {f"{VIDEO}/extensions/played": "0[.]60," * 40}},
            "timestamp": (BEGIN + timedelta(seconds=one * 3)).isoformat(),
        }
        yield json.dumps(made).encode() + b"\n"


def backend(conn: psycopg.Connection) -> float:
    """Return the CPU seconds of the server's process so far."""
    stat = Path(f"/proc/{conn.info.backend_pid}/stat").read_text("ascii")
    ticks = stat.rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def cost(conn: psycopg.Connection, what: Callable[[], object]) -> Cost:
    """Return the CPU seconds of client and server that something takes."""
    client, server = time.process_time(), backend(conn)
    what()
    return time.process_time() - client, backend(conn) - server


def load(database: Database, whose: run.Institution, file: Path) -> None:
    """Load a file."""
    form = XapiFormat(
        namespace(whose.id), categories.known(), None, BEGIN, BEGIN + timedelta(days=365)
    )
    options = run.Options(missing="create")
    run.load(Context(database), whose, form, source.find([str(file)]), options)


def staged(conn: psycopg.Connection, rows: list[bytes]) -> None:
    """Copy rows into a temporary table, and insert them from there, a batch at a time."""
    for begin in range(0, len(rows), LINES):
        with conn.transaction():
            conn.execute(
                f"CREATE TEMPORARY TABLE stage ON COMMIT DROP AS SELECT {COLUMNS}"  # noqa: S608
                " FROM learning_events WITH NO DATA".encode()
            )
            with conn.cursor().copy(b"COPY stage FROM STDIN") as copy:
                copy.write(b"".join(rows[begin : begin + LINES]))
            conn.execute(
                f"INSERT INTO learning_events ({COLUMNS}) SELECT {COLUMNS} FROM stage"  # noqa: S608
                " ON CONFLICT DO NOTHING".encode()
            )


def main() -> int:
    """Measure all; 1 if a load costs more than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--statements", type=int, default=66_000)
    number = parser.parse_args().statements
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(throw_away_server())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
            admin.execute("CREATE DATABASE load")
        database = connect(Target(server.url("load"), "benchmark"))
        conn = stack.enter_context(contextlib.closing(database.conn))
        upgrade(database)
        conn.execute(
            "INSERT INTO institutions (name, domain, education_level)"
            " VALUES ('North', 'north.example', 'k12')"
        )
        whose = run.institution(Context(database), "north.example")
        lines = b"".join(statements(number))
        (folder / "first.jsonl").write_bytes(lines)
        (folder / "again.jsonl").write_bytes(b"\n" + lines)
        found: dict[str, Cost] = {}
        found["first load"] = cost(conn, lambda: load(database, whose, folder / "first.jsonl"))
        found["replay"] = cost(conn, lambda: load(database, whose, folder / "again.jsonl"))
        ordered = f"SELECT {COLUMNS} FROM learning_events ORDER BY event_timestamp"  # noqa: S608
        with conn.cursor().copy(f"COPY ({ordered}) TO STDOUT".encode()) as out:
            rows = b"".join(out).splitlines(keepends=True)
        conn.execute("TRUNCATE learning_events; CHECKPOINT")
        found["staged COPY of mapped rows"] = cost(conn, lambda: staged(conn, rows))
    if len(rows) != number:
        print(f"{len(rows)} rows instead of {number}")
        return 1
    print(f"{number} statements; microseconds of CPU a statement")
    for what, (client, server_) in found.items():
        print(f"  {what:<28} client {client / number * 1e6:6.1f}  backend ", end="")
        print(f"{server_ / number * 1e6:6.1f}  both {(client + server_) / number * 1e6:6.1f}")
    first, replay, limit = (sum(one) for one in found.values())
    ratios = (
        ("backend by the limit's", found["first load"][1] / list(found.values())[2][1], BACKEND, 1),
        ("whole by the limit", first / limit, WHOLE, 1),
        ("first load by replay", first / replay, REPLAY, -1),
    )
    for what, ratio, bound, sign in ratios:
        kept = "yes" if sign * ratio <= sign * bound else "NO"
        print(f"  {what:<28} {ratio:.2f}, {'at most' if sign > 0 else 'at least'} {bound}: {kept}")
    return 0 if all(sign * ratio <= sign * bound for _, ratio, bound, sign in ratios) else 1


if __name__ == "__main__":
    sys.exit(main())
