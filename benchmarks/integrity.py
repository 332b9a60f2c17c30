"""How long a busy database stalls while a revision of steps is applied, and naively done.

Usage, in a checkout that is installed --editable:
    python benchmarks/integrity.py [--revision NAME] [--rows N] [--lock-timeout SECONDS]

Starts a throw-away embedded server with a million events, lets clients insert events, update
progress and read the dashboard, and meanwhile applies the revision: by ``lmsschema upgrade``, then,
on a copy, by ``alembic upgrade`` over a revision of the same constraints, which is written into a
folder of its own, in Alembic's operations and nothing else. Prints the longest stall and the errors
of the clients, and whether both end in the same catalogs.
"""

import argparse
import contextlib
import dataclasses
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks import plain_alembic
from lmsschema.database import catalog
from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.local_server.server import DURABLE, Server
from lmsschema.migration import revisions
from lmsschema.migration.upgrade import upgrade
from lmsschema.testing import binaries

BIN = Path(sys.executable).parent

#: A statement may stall for the lock timeout and so much longer, in seconds.
GRACE = 0.1

INSERT = """
    INSERT INTO learning_events
        (user_id, course_id, lesson_id, section_id, event_type, event_category, event_action,
        session_id)
    SELECT user_id, course_id, %s, %s, 'view', 'navigation', 'open', id
    FROM learning_sessions
    WHERE id = %s
"""
UPDATE = """
    UPDATE section_progress
    SET time_spent = time_spent + 1, interaction_count = interaction_count + 1
    WHERE id = %s
"""
READ = """
    SELECT e.event_type, count(*)
    FROM learning_events AS e
    INNER JOIN enrollments AS n ON n.user_id = e.user_id AND n.course_id = e.course_id
    WHERE e.user_id = %s AND e.event_timestamp > now() - interval '1 day'
    GROUP BY e.event_type
"""


FILL = """
    INSERT INTO institutions (name, domain, education_level) VALUES ('A', 'a.example', 'k12');
    INSERT INTO users (institution_id, email, username, role)
    SELECT i.id, g || '@a.example', 'u' || g, 'student'
    FROM institutions i, generate_series(1, 2000) g;
    INSERT INTO courses (institution_id, title, description, subject_area, difficulty_level)
    SELECT id, 'c', 'd', 's', 'beginner' FROM institutions;
    INSERT INTO lessons (course_id, title, order_index) SELECT id, 'l', 1 FROM courses;
    INSERT INTO sections
        (lesson_id, title, content, section_type, order_index, interaction_type)
    SELECT l.id, 's', 'c', 'content', g, 'read' FROM lessons l, generate_series(1, 50) g;
    INSERT INTO enrollments (user_id, course_id)
    SELECT u.id, c.id FROM users u, courses c;
    INSERT INTO learning_sessions (user_id, course_id)
    SELECT u.id, c.id FROM users u, courses c;
    INSERT INTO section_progress (user_id, section_id, enrollment_id)
    SELECT e.user_id, s.id, e.id FROM enrollments e, sections s;
    INSERT INTO learner_analytics (user_id) SELECT id FROM users;
    INSERT INTO learning_events
        (user_id, course_id, lesson_id, section_id, event_type, event_category, event_action,
        session_id, event_timestamp)
    SELECT x.user_id, x.course_id, s.lesson_id, s.id, 'view', 'navigation', 'open', x.id,
        now() + g * interval '90 days' / {per_session}
    FROM learning_sessions x, (SELECT * FROM sections LIMIT 1) s,
        generate_series(1, {per_session}) g;
"""


@dataclasses.dataclass
class Load:
    """Clients of an application; each statement is timed."""

    url: str
    waits: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    errors: list[str] = dataclasses.field(default_factory=list)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run the clients for as long as the block lasts."""
        with psycopg.connect(self.url) as conn:
            lesson, section = conn.execute(
                "SELECT lesson_id, id FROM sections ORDER BY id LIMIT 1"
            ).fetchone() or ("", "")
            ids = {
                table: [
                    row[0]
                    for row in conn.execute(
                        sql.SQL("SELECT id FROM {} LIMIT 500").format(sql.Identifier(table))
                    )
                ]
                for table in ("learning_sessions", "section_progress", "users")
            }
        over = threading.Event()
        clients = [
            threading.Thread(target=self._client, args=(kind, query, arguments, over))
            for kind, query, arguments in (
                ("insert", INSERT, [(lesson, section, one) for one in ids["learning_sessions"]]),
                ("update", UPDATE, [(one,) for one in ids["section_progress"]]),
                ("read", READ, [(one,) for one in ids["users"]]),
            )
        ]
        for client in clients:
            client.start()
        try:
            time.sleep(2)
            yield
            time.sleep(1)
        finally:
            over.set()
            for client in clients:
                client.join()

    def _client(
        self, kind: str, query: str, arguments: list[tuple[object, ...]], over: threading.Event
    ) -> None:
        waits = self.waits.setdefault(kind, [])
        with psycopg.connect(self.url, autocommit=True) as conn:
            number = 0
            while not over.is_set():
                number += 1
                begin = time.perf_counter()
                try:
                    conn.execute(query.encode(), arguments[number % len(arguments)])
                except psycopg.Error as error:
                    self.errors.append(f"{kind}: {error.sqlstate} {error}")
                waits.append(time.perf_counter() - begin)
                time.sleep(0.005)


@contextlib.contextmanager
def throw_away_server(**settings: str) -> Iterator[Server]:
    """A server in a folder of its own, as durable as one in production unless told otherwise."""
    folder = Path(tempfile.mkdtemp(prefix="lmsschema-bench-"))
    folder.chmod(0o711)
    server = Server(binaries.find(binaries.NEWEST), folder / "server", {**DURABLE, **settings})
    server.start()
    try:
        yield server
    finally:
        server.stop("immediate")
        shutil.rmtree(folder)


def fill(url: str, revision: str, rows: int) -> None:
    """Bring a database to the revision before, with that many events and a tenth of progress."""
    database = connect(Target(url, "benchmark"))
    with contextlib.closing(database.conn) as conn:
        upgrade(database, str(revisions.parent(revision)))
        conn.execute(FILL.format(per_session=rows // 2000).encode())
        conn.execute("ANALYZE")


def objects(url: str) -> dict[catalog.Identity, catalog.Attributes]:
    """Return what the catalogs say of a database, without Alembic's own table."""
    with psycopg.connect(url) as conn:
        found = catalog.read(conn, "public").objects
    return {one: found[one] for one in found if one.relation != "alembic_version"}


def by_program(url: str, revision: str, lock_timeout: float) -> None:
    """Apply it as a DBA does."""
    subprocess.run(
        [
            str(BIN / "python"),
            *("-m", "lmsschema", "upgrade", revision, "--url", url, "--shadow-url", url),
            *("--lock-timeout", str(lock_timeout)),
        ],
        env={k: v for k, v in os.environ.items() if not k.startswith("PG")},
        check=True,
        stderr=subprocess.DEVNULL,
    )


def measure(title: str, url: str, apply: Callable[[], None]) -> tuple[float, int]:
    """Apply something under load; print and return the longest stall and the number of errors."""
    load = Load(url)
    with load.running():
        begin = time.perf_counter()
        apply()
        took = time.perf_counter() - begin
    print(f"\n{title}: took {took:.1f} s")
    for kind, waits in load.waits.items():
        print(
            f"  {kind:<8} {len(waits):6d} statements, median {statistics.median(waits) * 1000:7.1f}"
            f" ms, longest {max(waits) * 1000:8.1f} ms"
        )
    print(f"  errors   {len(load.errors)}", *load.errors[:3])
    return max(max(waits) for waits in load.waits.values()), len(load.errors)


def main() -> int:
    """Measure both; 1 if lmsschema stalls anyone too long, causes an error or another schema."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--revision", default="0005_consistency")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--lock-timeout", type=float, default=0.5)
    options = parser.parse_args()
    with throw_away_server() as server:
        with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
            admin.execute("CREATE DATABASE ours")
            fill(server.url("ours"), options.revision, options.rows)
            admin.execute("CREATE DATABASE naive TEMPLATE ours")
        print(f"{options.rows} events, lock timeout {options.lock_timeout * 1000:.0f} ms")
        measure("nothing applied", server.url("ours"), lambda: time.sleep(5))
        stall, errors = measure(
            "lmsschema upgrade",
            server.url("ours"),
            lambda: by_program(server.url("ours"), options.revision, options.lock_timeout),
        )
        with plain_alembic.folder_for(options.revision, server.url("naive")) as run:
            plain, wrong = measure(
                "alembic upgrade", server.url("naive"), lambda: plain_alembic.again_and_again(run)
            )
            run()  # once nobody is in its way, if it is not done
        same = objects(server.url("ours")) == objects(server.url("naive"))
    print(f"\nthe same catalogs: {'yes' if same else 'NO'}")
    kept = stall <= options.lock_timeout + GRACE and not errors
    print(f"\nlongest stall: {stall * 1000:.0f} ms; with plain Alembic {plain * 1000:.0f} ms")
    print(f"errors: {errors}; with plain Alembic {wrong}")
    print(f"within lock timeout + {GRACE * 1000:.0f} ms, no error: {'yes' if kept else 'NO'}")
    return 0 if kept and same else 1


if __name__ == "__main__":
    sys.exit(main())
