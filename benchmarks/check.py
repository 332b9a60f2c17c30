"""How long ``lmsschema check`` takes, against ``alembic check`` on the same database.

Usage: python benchmarks/check.py [--rounds N] [--years N]

Starts a throw-away embedded server, measures both commands as whole processes, by turns in the same
rounds, and prints medians and their ratio; then ours alone with years of partitions; then how many
of the single changes of the tests' list each sees, and pg_dump too.
"""

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from lmsschema.database.session import open_connection
from lmsschema.database.target import Target, parse
from lmsschema.local_server.server import Server
from lmsschema.tables import metadata
from lmsschema.testing import binaries, settings
from tests.support import checking

CHECKOUT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
LIMIT = 1.5


@contextmanager
def throw_away_server() -> Iterator[Server]:
    """A server in a folder of its own, tuned like that of the tests."""
    folder = Path(tempfile.mkdtemp(prefix="lmsschema-bench-"))
    folder.chmod(0o711)
    server = Server(binaries.find(binaries.NEWEST), folder / "server", settings.SERVER)
    server.start()
    try:
        yield server
    finally:
        server.stop("immediate")
        shutil.rmtree(folder)


def seconds(*argv: str) -> float:
    """Run a program of ours and return how long it took; it must find nothing."""
    begin = time.perf_counter()
    subprocess.run(
        [BIN / argv[0], *argv[1:]],
        cwd=CHECKOUT,
        env={key: value for key, value in os.environ.items() if not key.startswith("PG")},
        capture_output=True,
        check=True,
    )
    return time.perf_counter() - begin


def by_alembic(url: str) -> bool:
    """Whether Alembic's comparison proposes anything, or fails, as ``alembic check`` would."""

    def include_name(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or name in metadata.tables

    with contextlib.closing(open_connection(Target(parse(url, "--url"), "--url"))) as conn:
        # the connection is ours, so that it is closed where Alembic fails
        engine = sqlalchemy.create_engine(
            "postgresql+psycopg://", creator=lambda: conn, poolclass=sqlalchemy.StaticPool
        )
        with warnings.catch_warnings(), engine.connect() as connection:
            warnings.simplefilter("ignore")
            context = MigrationContext.configure(
                connection,
                opts={
                    "compare_type": True,
                    "compare_server_default": True,
                    "include_name": include_name,
                    "version_table": "lmsschema_version",
                },
            )
            try:
                return bool(compare_metadata(context, metadata))
            except (sqlalchemy.exc.SQLAlchemyError, psycopg.Error):
                return True


def dumped(url: str) -> str:
    """Return the schema as pg_dump writes it, without the token that is another each time."""
    done = subprocess.run(
        [binaries.find(binaries.NEWEST) / "pg_dump", "--schema-only", "--dbname", url],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    return "\n".join(line for line in lines if not line.startswith(("\\restrict", "\\unrestrict")))


def print_changes_seen(server: Server) -> None:
    """Make each change of the list in a copy of the database, and count who sees it."""
    seen = dict.fromkeys(("lmsschema check", "alembic check", "pg_dump"), 0)
    untouched = dumped(server.url("bench"))
    url = server.url("changed")
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as conn:
        for change in checking.MUTATIONS:
            conn.execute("CREATE DATABASE changed TEMPLATE bench")
            checking.execute(url, checking.filled(change.sql, url))
            seen["lmsschema check"] += not checking.checked(url).clean(strict=True)
            seen["alembic check"] += by_alembic(url)
            seen["pg_dump"] += dumped(url) != untouched
            conn.execute("DROP DATABASE changed")
    print(f"of {len(checking.MUTATIONS)} single changes to a database")
    for who, number in seen.items():
        print(f"  {who:<16} {number:8}")


def main() -> int:
    """Measure; 1 if the limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--years", type=int, default=10)
    options = parser.parse_args()
    with throw_away_server() as server:
        with psycopg.connect(server.conninfo("postgres"), autocommit=True) as conn:
            conn.execute("CREATE DATABASE bench")
        url = server.url("bench")
        seconds("lmsschema", "upgrade", "--url", url)
        ours, alembics = [], []
        for _ in range(options.rounds):
            ours.append(seconds("lmsschema", "check", "--url", url))
            alembics.append(seconds("alembic", "-x", f"url={url}", "check"))
        ratio = statistics.median(ours) / statistics.median(alembics)
        print(f"check of the guide's schema ({options.rounds} rounds, medians)")
        print(f"  lmsschema check  {statistics.median(ours) * 1000:8.1f} ms")
        print(f"  alembic check    {statistics.median(alembics) * 1000:8.1f} ms")
        print(f"  ratio {ratio:.2f}, at most {LIMIT:g}: {'yes' if ratio <= LIMIT else 'NO'}")
        now = time.gmtime()
        first, last = f"{now.tm_year - options.years}-01", f"{now.tm_year}-{now.tm_mon:02}"
        seconds("lmsschema", "partitions", "create", "--from", first, "--to", last, "--url", url)
        many = statistics.median(seconds("lmsschema", "check", "--url", url) for _ in range(3))
        print(f"with {options.years} years of monthly partitions")
        print(f"  lmsschema check  {many * 1000:8.1f} ms")
        print_changes_seen(server)
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
