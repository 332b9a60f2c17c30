"""What ranked search costs through the guide's index and through the vector of ``0007_search``.

Usage, in a checkout that is installed --editable:
    python benchmarks/search.py [--courses N]

Starts a throw-away embedded server with courses of 85 words each, the words as frequent as those of
a language (Zipf). Searches for a common and for a rarer word, ranked, through the guide's index;
then applies ``0007_search`` while a writer changes titles, and searches through the vector. Prints
the time and buffers of each search, how long the revision took, the writer's longest stall, and how
the table grew.
"""

import argparse
import statistics
import threading
import time

import psycopg

from benchmarks.integrity import throw_away_server
from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.locks import run_lock
from lmsschema.locks.context import Context
from lmsschema.migration import runner
from lmsschema.migration.upgrade import upgrade
from lmsschema.workload import statements

BEFORE, AFTER = "0006_settings", "0007_search"

#: 20,000 words of four letters and more, by how frequent they are.
WORDS = """
    CREATE TABLE words AS
    SELECT
        i,
        (
            SELECT string_agg(chr(97 + (hashint8extended(i, k) & 15)::int), '')
            FROM generate_series(1, 4 + i % 5) AS k
        ) AS word
    FROM generate_series(1, 20000) AS i;
    CREATE UNIQUE INDEX ON words (i);
    INSERT INTO institutions (name, domain, education_level)
    VALUES ('A', 'a.example', 'higher_ed');
"""

FILL = """
    INSERT INTO courses (institution_id, title, description, subject_area, difficulty_level, status)
    SELECT i.id, t.words, d.words, 's', 'beginner', 'published'
    FROM institutions AS i, generate_series(1, %s) AS g (n)
    CROSS JOIN LATERAL ({title}) AS t (words)
    CROSS JOIN LATERAL ({description}) AS d (words)
"""

SOME = """
    SELECT string_agg(w.word, ' ' ORDER BY k)
    FROM generate_series(1, {count}) AS k
    INNER JOIN words AS w
        ON w.i = floor(
            power(20000, (hashint8extended(g.n * 100 + k, {seed}) & 1048575) / 1048576.0)
        )::int
"""

GUIDE = """
    SELECT id, title
    FROM courses
    WHERE
        to_tsvector('english', title || ' ' || description)
        @@ websearch_to_tsquery('english', %(words)s)
        AND status = 'published'
    ORDER BY
        ts_rank(
            to_tsvector('english', title || ' ' || description),
            websearch_to_tsquery('english', %(words)s)
        ) DESC,
        id
    LIMIT 20
"""


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--courses", type=int, default=50_000, metavar="N")
    options = parser.parse_args()
    with throw_away_server() as server:
        url = server.url("postgres")
        database = connect(Target(url, "the benchmark"))
        with database.conn as conn:
            upgrade(database, BEFORE)
            conn.execute("SET max_parallel_workers_per_gather = 0")
            conn.execute(WORDS)
            some = {
                "title": SOME.format(count=5, seed=1),
                "description": SOME.format(count=80, seed=2),
            }
            conn.execute(FILL.format(**some).encode(), [options.courses])
            conn.execute("VACUUM ANALYZE courses")
            print(f"PostgreSQL {database.version}, {options.courses:,} courses, {size(conn)}")
            words = {
                name: str(value(conn, "SELECT word FROM words WHERE i = %s", i))
                for name, i in (("common", 3), ("rarer", 900))
            }
            for name, word in words.items():
                measure(conn, f"guide's index, {name} word", GUIDE, {"words": word})
            stalls = Writer(url)
            began = time.perf_counter()
            with stalls, run_lock.hold(Context(database)):
                runner.run(database, "upgrade", [AFTER], lambda _: None)
            took = time.perf_counter() - began
            print(
                f"{AFTER}: {took:.1f} s; a writer beside it: {stalls.count} updates, the longest "
                f"{stalls.longest * 1000:.0f} ms, {stalls.errors} errors; the table: {size(conn)}"
            )
            conn.execute("UPDATE institutions SET language = 'en'")
            conn.execute("VACUUM FULL ANALYZE courses")
            for name, word in words.items():
                asked = {"words": word, "language": "en"}
                measure(conn, f"vector, {name} word", statements()["search"].text, asked)
            print(f"the table written anew: {size(conn)}")


class Writer:
    """Changes titles until the block ends."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.count = self.errors = 0
        self.longest = 0.0

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _write(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as conn:
            keys = [key for (key,) in conn.execute("SELECT id FROM courses ORDER BY md5(id::text)")]
            while not self._over.is_set():
                began = time.perf_counter()
                try:
                    key = keys[self.count % len(keys)]
                    conn.execute("UPDATE courses SET title = title || '.' WHERE id = %s", [key])
                except psycopg.Error:
                    self.errors += 1
                self.longest = max(self.longest, time.perf_counter() - began)
                self.count += 1
                time.sleep(0.005)


def measure(conn: psycopg.Connection, name: str, statement: str, values: dict[str, str]) -> None:
    """Print the median time of a search, and the buffers that it reads."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        conn.execute(statement.encode(), values).fetchall()
        times.append((time.perf_counter() - began) * 1000)
    explained = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}".encode()
    row = conn.execute(explained, values).fetchone()
    plan = row[0][0]["Plan"] if row else {}
    buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    print(f"{name}: {statistics.median(times):.0f} ms, {buffers:,} buffers")


def size(conn: psycopg.Connection) -> str:
    """Return the size of the table with its indexes."""
    return str(value(conn, "SELECT pg_size_pretty(pg_total_relation_size('courses'))"))


def value(conn: psycopg.Connection, question: str, *values: object) -> object:
    """Return the one value that a query gives."""
    row = conn.execute(question.encode(), values).fetchone()
    return row[0] if row else None


if __name__ == "__main__":
    main()
