"""What the tests of ``lmsschema partitions`` share: an upgraded database, and the program."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import conninfo, sql

from lmsschema.cli._run import run
from tests.support import events
from tests.support.clocked import Clocked, clocked
from tests.support.program import Outcome, Program

Partitions = Callable[..., Outcome]


@pytest.fixture
def conn(upgraded_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(upgraded_url, autocommit=True) as connection:
        events.people(connection)
        yield connection


def _grade_changes(conn: psycopg.Connection) -> list[str]:
    """Return the other partitioned table and its partitions."""
    found = conn.execute(
        "SELECT relname::text FROM pg_class WHERE relname ~ '^grade_changes(_default|_2.*)?$'"
        " AND relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    )
    return [row[0] for row in found]


@pytest.fixture
def owner(conn: psycopg.Connection, upgraded_url: str) -> Iterator[str]:
    """The URL of a role that owns learning_events and may use the tables beside it."""
    name = f"owner_{conn.info.dbname.rsplit('test_', 1)[-1]}"
    role = sql.Identifier(name)
    conn.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(role))
    for table in ["learning_events", *events.partitions(conn), *_grade_changes(conn)]:
        conn.execute(sql.SQL("ALTER TABLE {} OWNER TO {}").format(sql.Identifier(table), role))
    conn.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(role))
    conn.execute(sql.SQL("GRANT ALL ON ALL TABLES IN SCHEMA public TO {}").format(role))
    # as a superuser's move adds foreign keys to tables that belong to others
    for table in ("users", "courses", "lessons", "sections"):
        conn.execute(sql.SQL("ALTER TABLE {} OWNER TO {}").format(sql.Identifier(table), role))
    yield conninfo.make_conninfo(upgraded_url, user=name, password="x")
    conn.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(role))
    conn.execute(sql.SQL("DROP OWNED BY {}; DROP ROLE {}").format(role, role))


@pytest.fixture
def partitions(upgraded_url: str, capfd: pytest.CaptureFixture[str]) -> Partitions:
    """Run ``lmsschema partitions`` on the database: ``partitions("ensure", "-q")``."""

    def command(*arguments: str, url: str = upgraded_url) -> Outcome:
        capfd.readouterr()
        code = run(["partitions", *arguments, "--url", url])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err, captured.err
        return Outcome(code, captured.out, captured.err)

    return command


@pytest.fixture(scope="module")
def server() -> Iterator[Clocked]:
    with clocked() as made:
        yield made


@pytest.fixture
def fresh(server: Clocked, lmsschema: Program) -> Callable[[str], str]:
    """Set the server's clock, with an upgraded database without rows; returns its URL.

    It is a copy of a database at head without partitions, which the upgrade at that time makes.
    """

    def start(when: str) -> str:
        url = server.set(when)
        with psycopg.connect(url, dbname="template1", autocommit=True) as conn:
            names = {name for (name,) in conn.execute("SELECT datname FROM pg_database")}
            if "at_head" not in names:
                conn.execute("CREATE DATABASE at_head")
                at_head = conninfo.make_conninfo(url, dbname="at_head")
                assert lmsschema("upgrade", "--url", at_head).code == 0
                with psycopg.connect(at_head) as made:
                    months = made.execute(
                        "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'"
                        " AND pg_get_expr(relpartbound, oid) <> 'DEFAULT'"
                    )
                    events.drop(made, *[name for (name,) in months])
            conn.execute("DROP DATABASE postgres WITH (FORCE)")
            conn.execute("CREATE DATABASE postgres TEMPLATE at_head STRATEGY file_copy")
        assert lmsschema("upgrade", "--url", url).code == 0
        with psycopg.connect(url, autocommit=True) as conn:
            events.people(conn)
        return url

    return start


@pytest.fixture
def unmoved(upgraded_url: str) -> Iterator[psycopg.Connection]:
    """A default with rows of two months that lie apart: a heal in healing.SMALL moves them."""
    with psycopg.connect(upgraded_url, autocommit=True) as connection:
        events.people(connection)
        events.drop(connection, events.name(0))
        events.insert(connection, events.month(0), 100)
        events.insert(connection, events.month(-7), 100)
        yield connection
