"""A label removed from an enumeration: what is kept, refused, locked, and taken up again."""

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

import psycopg
import pytest
from psycopg import sql

from lmsschema.database import catalog
from lmsschema.database.catalog import Attributes, Identity
from lmsschema.database.connection import Database, connect
from lmsschema.database.target import Target
from lmsschema.ddl import backfill, enum_label_removal, label_state, steps
from lmsschema.ddl.enum_label_removal import RemoveLabel
from lmsschema.errors import LmsschemaError, LockTimeoutError, UnsafeError
from lmsschema.locks.ladder import Patience
from lmsschema.migration import hazards
from lmsschema.migration.hazards import Activity, Kind
from lmsschema.migration.recorder import Recorder
from lmsschema.partition_manager import ensure
from lmsschema.partitions import LEARNING_EVENTS, Create, plan
from lmsschema.testing.databases import Databases
from tests.acceptance.boundaries import Boundary, relayed
from tests.db.test_ddl_locks import strong
from tests.db.upgrading import FILL

Open = Callable[..., Database]

STEP = RemoveLabel("mood", "soso")

SHORT = Patience(total=0.5, first=0.05, longest=0.1, quiet=1.0)

SCHEMA = """
    CREATE TYPE mood AS ENUM ('happy', 'soso', 'sad');
    COMMENT ON TYPE mood IS 'how it''s going';
    REVOKE ALL ON TYPE mood FROM PUBLIC;
    CREATE FUNCTION set_updated_at() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN
        IF new."Mood" = 'sad' THEN
            new.title := 'sad';
        END IF;
        new.updated_at := pg_catalog.clock_timestamp();
        RETURN new;
    END
    $$;
    CREATE TABLE things (
        id int PRIMARY KEY,
        "Mood" mood NOT NULL DEFAULT 'happy',
        title text,
        second mood,
        updated_at timestamptz NOT NULL DEFAULT '2001-01-01 00:00+00'
    ) WITH (fillfactor = 10);
    CREATE TRIGGER set_updated_at BEFORE UPDATE ON things
    FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION set_updated_at();
    CREATE INDEX things_mood_idx ON things ("Mood", id DESC);
    CREATE INDEX things_second_idx ON things (second DESC NULLS LAST, "Mood" NULLS FIRST);
    COMMENT ON INDEX things_mood_idx IS 'serves a query';
    COMMENT ON COLUMN things."Mood" IS 'a column';
    ALTER TABLE things ALTER COLUMN "Mood" SET STATISTICS 500;
    ALTER TABLE things ALTER COLUMN second SET (n_distinct = -0.5);
    CREATE TABLE events (
        at int NOT NULL, mood mood DEFAULT 'sad' NOT NULL, n int
    ) PARTITION BY RANGE (at);
    CREATE INDEX events_mood_idx ON events (mood, at DESC);
    COMMENT ON COLUMN events.mood IS 'of a partitioned table';
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
    CREATE TABLE events_2 (LIKE events INCLUDING ALL);
    ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM (10) TO (20);
    CREATE TABLE events_default PARTITION OF events DEFAULT;
    INSERT INTO things (id, "Mood", title)
    SELECT g, CASE WHEN g % 2 = 0 THEN 'happy' ELSE 'sad' END::mood, g
    FROM generate_series(1, 1200) AS g;
    UPDATE things SET second = 'happy', updated_at = DEFAULT WHERE id % 3 = 0;
    INSERT INTO events SELECT g % 30, 'happy', g FROM generate_series(1, 300) AS g;
"""

ACCESS, QUIET = "ACCESS EXCLUSIVE", "SHARE UPDATE EXCLUSIVE"
EVENTS = {"events", "events_1", "events_2", "events_default"}


def objects(database: Database) -> dict[Identity, Attributes]:
    return dict(catalog.read(database.conn, database.schema).objects)


def contents(database: Database) -> list[tuple[object, ...]]:
    """Return all rows, in the order of their keys, with the columns in one order."""
    things = database.conn.execute(
        'SELECT id, "Mood"::text, title, second::text, updated_at FROM things ORDER BY id'
    )
    events = database.conn.execute("SELECT at, mood::text, n FROM events ORDER BY n")
    return [*things.fetchall(), *events.fetchall()]


def changes(
    before: dict[Identity, Attributes], after: dict[Identity, Attributes]
) -> dict[tuple[str, str], Any]:
    """Return what changed of objects that are there before and after."""
    assert before.keys() == after.keys()
    return {
        (identity.name, key): after[identity][key]
        for identity, attributes in before.items()
        for key in attributes
        if attributes[key] != after[identity][key]
    }


#: All that differs afterwards.
CHANGED = {
    ("mood", "labels"): ["happy", "sad"],
    ("things", "column order"): ["id", "title", "updated_at", "Mood", "second"],
    **{(table, "column order"): ["at", "n", "mood"] for table in EVENTS},
}


@pytest.fixture(scope="module")
def without_rows(lms_databases: Databases) -> Iterator[Database]:
    """A database for tests that change nothing of it."""
    name = lms_databases.create()
    found = connect(Target(lms_databases.url(name), "the test"))
    with contextlib.closing(found.conn):
        found.conn.execute(SCHEMA)
        found.conn.execute("TRUNCATE things, events")
        yield found
    lms_databases.drop(name)


@pytest.fixture
def database(database_url: str, opened: Open) -> Database:
    found = opened(database_url)
    found.conn.execute(SCHEMA)
    return found


def test_all_but_the_label_and_the_place_of_the_columns_stays(database: Database) -> None:
    before, rows = objects(database), contents(database)
    steps.run(database, [STEP])
    assert changes(before, objects(database)) == CHANGED
    assert contents(database) == rows
    assert len(rows) == 1500
    analyzed = database.conn.execute(
        "SELECT count(*) FROM pg_stats WHERE attname IN ('Mood', 'mood') AND null_frac = 0"
    )
    assert analyzed.fetchone() == (5,)
    with database.transaction(read_only=True) as conn:
        assert STEP.done(conn)
    with pytest.raises(psycopg.errors.InvalidTextRepresentation, match='enum mood: "soso"'):
        database.conn.execute("INSERT INTO events (mood) VALUES ('soso')")


def test_the_script_ends_in_the_same_catalogs(database: Database) -> None:
    before, rows = objects(database), contents(database)
    [statement] = STEP.statements()
    database.conn.execute(statement)
    after = objects(database)
    assert changes(before, after) == CHANGED
    assert contents(database) == rows
    database.conn.execute(statement)  # nothing is left to do
    assert objects(database) == after


def test_a_schema_whose_name_needs_quotes(database_url: str, opened: Open) -> None:
    with psycopg.connect(database_url) as conn:
        conn.execute('CREATE SCHEMA "Campus North"; SET search_path TO "Campus North"')
        conn.execute(SCHEMA)
    database = opened(database_url, "Campus North")
    before = objects(database)
    steps.run(database, [STEP])
    assert changes(before, objects(database)) == CHANGED


def test_tables_without_rows_are_changed_at_once(database: Database) -> None:
    database.conn.execute("TRUNCATE things, events")
    before = objects(database)
    told: list[str] = []
    steps.run(database, [STEP], at_once=True, progress=told.append)
    assert changes(before, objects(database)) == CHANGED
    assert told == []


def test_a_type_that_no_table_has(database: Database) -> None:
    database.conn.execute("DROP TABLE things, events")
    before = objects(database)
    steps.run(database, [STEP])
    assert changes(before, objects(database)) == {("mood", "labels"): ["happy", "sad"]}


def test_of_the_guides_schema_with_its_partitions(upgraded_url: str, opened: Open) -> None:
    database = opened(upgraded_url)
    database.conn.execute(FILL)
    step = RemoveLabel("event_category", "social")
    database.conn.execute("DELETE FROM learning_events WHERE event_category = 'social'")
    before = objects(database)
    steps.run(database, [step])
    found = changes(before, objects(database))
    assert found.pop(("event_category", "labels")) == [
        "navigation",
        "interaction",
        "assessment",
        "progress",
    ]
    assert {key for _, key in found} == {"column order"}
    made = ensure.make(
        database,
        LEARNING_EVENTS,
        lambda state: [
            one
            for one in plan(
                LEARNING_EVENTS,
                state.partitions,
                LEARNING_EVENTS.step(LEARNING_EVENTS.start(state.now), 9),
            )
            if isinstance(one, Create)
        ],
    )
    assert made.done


def test_rows_that_have_the_label_are_counted_and_nothing_is_changed(database: Database) -> None:
    database.conn.execute(
        "UPDATE things SET second = 'soso' WHERE id <= 3;"
        "UPDATE events SET mood = 'soso' WHERE n = 7"
    )
    before, rows = objects(database), contents(database)
    with pytest.raises(UnsafeError) as refused:
        steps.run(database, [STEP])
    found = refused.value.details["violations"]
    assert isinstance(found, list)
    assert {(one["table"], one["rows"]) for one in found} == {("things", 3), ("events", 1)}
    for one in found:
        assert one["query"] in refused.value.message
        assert len(database.conn.execute(one["query"].encode()).fetchall()) == one["rows"]
    assert (objects(database), contents(database)) == (before, rows)


def test_a_row_that_gets_the_label_after_the_count_is_named(
    database_url: str, database: Database
) -> None:
    def late(message: str) -> None:
        """Write a row that the trigger does not know of: in a column that comes later."""
        if message.startswith("building"):
            with psycopg.connect(database_url, autocommit=True) as other:
                other.execute("ALTER TABLE things ADD COLUMN IF NOT EXISTS late mood")
                other.execute("UPDATE things SET late = 'soso' WHERE id = 7")

    rows = contents(database)[1:]
    with pytest.raises(UnsafeError, match=r"things\.late without soso: 1 row of things"):
        steps.run(database, [STEP], progress=late)
    database.conn.execute("ALTER TABLE things DROP COLUMN late")
    steps.run(database, [STEP])
    assert len(contents(database)[1:]) == len(rows)


#: What would be lost or be in the way, by what it is named.
REFUSED = {
    "index things_u": "CREATE UNIQUE INDEX things_u ON things (second, id)",
    "index things_h": "CREATE INDEX things_h ON things USING hash (second)",
    "index things_p": "CREATE INDEX things_p ON things (id) WHERE second = 'sad'",
    "index things_e": "CREATE INDEX things_e ON things ((second = 'sad'))",
    "index things_i": "CREATE INDEX things_i ON things (id) INCLUDE (second)",
    "index things_f": "CREATE INDEX things_f ON things (second) WITH (fillfactor = 50)",
    "index things_mood_idx": "CLUSTER things USING things_mood_idx",
    "index events_own": "CREATE INDEX events_own ON events_1 (mood)",
    "constraint k on table things": "ALTER TABLE things ADD CONSTRAINT k UNIQUE (second, id)",
    "constraint things_second_check": "ALTER TABLE things ADD CHECK (second <> 'sad')",
    "constraint f on table things": (
        "CREATE TABLE r (m mood PRIMARY KEY); INSERT INTO r VALUES ('sad'), ('happy'); ALTER"
        " TABLE things ADD CONSTRAINT f FOREIGN KEY (second) REFERENCES r"
    ),
    "column s": "ALTER TABLE things ADD s bool GENERATED ALWAYS AS (second = 'sad') STORED",
    "view v": "CREATE VIEW v AS SELECT second FROM things",
    "materialized view v": "CREATE MATERIALIZED VIEW v AS SELECT second FROM things",
    "rule r of things": "CREATE RULE r AS ON UPDATE TO things DO ALSO NOTHING",
    "policy p on table things": "CREATE POLICY p ON things USING (second = 'sad')",
    "trigger t on table things": (
        "CREATE TRIGGER t BEFORE UPDATE OF second ON things FOR EACH ROW EXECUTE FUNCTION"
        " set_updated_at()"
    ),
    "trigger sad on table things": (
        "CREATE TRIGGER sad AFTER UPDATE ON things FOR EACH ROW WHEN (new.second = 'sad')"
        " EXECUTE FUNCTION set_updated_at()"
    ),
    "trigger ütig of things": (
        "CREATE TRIGGER ütig BEFORE UPDATE ON things FOR EACH ROW EXECUTE FUNCTION set_updated_at()"
    ),
    "function f(mood)": "CREATE FUNCTION f(mood) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "function f()": "CREATE FUNCTION f() RETURNS mood[] LANGUAGE sql AS 'SELECT NULL::mood[]'",
    "partition key of p": "CREATE TABLE p (m mood) PARTITION BY LIST (m)",
    "table p": "CREATE TABLE p (m mood) PARTITION BY LIST ((m = 'sad'))",
    "statistics object s": "CREATE STATISTICS s ON second, title FROM things",
    "column m of table a": "CREATE TABLE a (m mood[])",
    "type d": "CREATE DOMAIN d AS mood",
    "composite type c": "CREATE TYPE c AS (m mood)",
    "column m of table o.t": "CREATE SCHEMA o; CREATE TABLE o.t (m mood)",
    "grants on column things.second": "GRANT SELECT (second) ON things TO PUBLIC",
    "default 'soso'::mood": "ALTER TABLE things ALTER second SET DEFAULT 'soso'",
    "default (lower('SAD'::text))::mood": (
        "ALTER TABLE things ALTER second SET DEFAULT lower('SAD')::mood"
    ),
    "table k, which inherits from things": "CREATE TABLE k () INHERITS (things)",
    "table l, which inherits from k": "CREATE TABLE k (m mood); CREATE TABLE l () INHERITS (k)",
    "NOT NULL of partition p_1.m alone": (
        "CREATE TABLE p (at int, m mood) PARTITION BY RANGE (at); CREATE TABLE p_1 PARTITION"
        " OF p (m NOT NULL) DEFAULT"
    ),
    "table events_3, which inherits from events": (
        "CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM (90) TO (99) PARTITION BY"
        " LIST (n)"
    ),
    "partition o.e, which is in another schema": (
        "CREATE SCHEMA o; CREATE TABLE o.e PARTITION OF events FOR VALUES FROM (90) TO (99)"
    ),
    "function first(mood)": "CREATE AGGREGATE first(mood) (SFUNC = enum_larger, STYPE = mood)",
}


@pytest.mark.parametrize("named", REFUSED)
def test_what_would_be_lost_is_refused(named: str, without_rows: Database) -> None:
    with (
        without_rows.transaction() as conn,
        conn.transaction(force_rollback=True),
    ):
        conn.execute(REFUSED[named])
        with pytest.raises(UnsafeError, match=re.escape(named)):
            STEP.rules(conn)
        with (
            pytest.raises(psycopg.errors.DependentObjectsStillExist, match=re.escape(named)),
            conn.transaction(),
        ):
            conn.execute(STEP.statements()[0])


def test_indexes_whose_partitions_would_have_one_name_are_refused(without_rows: Database) -> None:
    with without_rows.transaction() as conn, conn.transaction(force_rollback=True):
        conn.execute("CREATE INDEX events_same ON events (mood DESC, at)")
        with pytest.raises(UnsafeError, match="index events_same, of the same columns as events_m"):
            STEP.rules(conn)


def test_what_is_refused_is_refused_before_anything_is_changed(database: Database) -> None:
    database.conn.execute("CREATE VIEW sad AS SELECT id FROM things WHERE second = 'sad'")
    before = objects(database)
    with pytest.raises(UnsafeError, match="view sad"):
        steps.run(database, [STEP])
    assert objects(database) == before


def test_the_last_label_and_a_type_that_is_not_there_are_refused(database: Database) -> None:
    database.conn.execute("CREATE TYPE single AS ENUM ('one')")
    with pytest.raises(UnsafeError, match="type single itself, which has no other label"):
        steps.run(database, [RemoveLabel("single", "one")])
    with pytest.raises(UnsafeError, match="there is no enum nothing"):
        steps.run(database, [RemoveLabel("nothing", "one")])


def test_another_removal_that_was_begun_is_finished_first(database: Database) -> None:
    with pytest.raises(RuntimeError):
        steps.run(database, [STEP], progress=_stop_at("validating"))
    database.conn.execute(
        "UPDATE things SET \"Mood\" = 'happy'; UPDATE events SET mood = 'happy';"
        "ALTER TABLE events ALTER mood SET DEFAULT 'happy'"
    )
    with pytest.raises(UnsafeError, match="has other labels: happy, sad"):
        steps.run(database, [RemoveLabel("mood", "sad")])
    steps.run(database, [STEP])
    steps.run(database, [RemoveLabel("mood", "sad")])
    assert objects(database)[Identity("", "enum", "mood")]["labels"] == ["happy"]


def _stop_at(beginning: str) -> Callable[[str], None]:
    def progress(message: str) -> None:
        if message.startswith(beginning):
            raise RuntimeError(message)

    return progress


def test_a_trigger_that_keeps_rows_from_being_written_is_named(database: Database) -> None:
    database.conn.execute(
        "CREATE FUNCTION never() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER never BEFORE UPDATE ON things FOR EACH ROW WHEN (old.id = 800)"
        " EXECUTE FUNCTION never()"
    )
    with pytest.raises(UnsafeError, match="a trigger of things keeps rows") as refused:
        steps.run(database, [STEP])
    assert "SELECT * FROM" in refused.value.hint
    database.conn.execute("DROP TRIGGER never ON things")
    steps.run(database, [STEP])


def test_a_locked_row_is_left_out_and_tried_again(database_url: str, database: Database) -> None:
    rows = contents(database)
    with psycopg.connect(database_url) as holder:

        def lock(message: str) -> None:
            if message.startswith("fill new columns of events_default"):
                holder.execute("SELECT FROM things WHERE id = 5 FOR UPDATE")

        with pytest.raises(LockTimeoutError) as gave_up:
            steps.run(database, [STEP], SHORT, lock)
        assert gave_up.value.message.startswith("gave up to fill new columns of things")
        assert f"pid {holder.info.backend_pid}" in gave_up.value.message
        table = next(t for t in label_state.tables(database.conn, "mood") if t.name == "things")
        left = database.conn.execute(
            sql.SQL("SELECT id FROM things WHERE {} IS NULL").format(
                sql.Identifier(table.columns[0].new)
            )
        )
        assert left.fetchall() == [(5,)]
        ended = threading.Timer(0.3, holder.rollback)
        ended.start()
        steps.run(database, [STEP])
        ended.join()
    assert contents(database) == rows


class Writer(threading.Thread):
    """A client that goes on and on, and remembers what went wrong and how often it was through."""

    def __init__(self, url: str, statements: list[str]) -> None:
        super().__init__()
        self.over = threading.Event()
        self.errors: list[str] = []
        self.count = 0
        self._url = url
        self._statements = statements

    def run(self) -> None:
        # prepare_threshold: a statement prepared with a parameter of the old type can't go on
        with psycopg.connect(self._url, autocommit=True, prepare_threshold=None) as conn:
            while not self.over.is_set():
                self.count += 1
                for statement in self._statements:
                    try:
                        conn.execute(statement, {"n": self.count, "id": self.count % 1200 + 1})
                    except psycopg.Error as error:
                        self.errors.append(f"{error.sqlstate} {error}: {statement}")


@contextlib.contextmanager
def at_work(url: str) -> Iterator[list[Writer]]:
    """Have clients write to the tables and read them."""
    clients = [
        Writer(
            url,
            [
                "UPDATE things SET \"Mood\" = 'sad'::mood WHERE id = %(id)s",
                'UPDATE things SET "Mood" = %(m)s WHERE id = %(id)s'.replace("%(m)s", "'happy'"),
                "DELETE FROM things WHERE id = 10000 + %(n)s - 3",
                "INSERT INTO things (id, second) VALUES (10000 + %(n)s, 'sad'::mood)",
            ],
        ),
        Writer(
            url,
            [
                "INSERT INTO events (at, n) VALUES (%(n)s %% 40, 10000 + %(n)s)",
                "INSERT INTO events VALUES (%(n)s %% 40, 'happy'::mood, 10000 + %(n)s)".replace(
                    "events VALUES", "events (at, mood, n) VALUES"
                ),
                "UPDATE events SET at = at + 10, mood = 'sad' WHERE n = %(id)s AND at < 20",
                "DELETE FROM events WHERE n = 10000 + %(n)s - 5",
            ],
        ),
        Writer(
            url,
            [
                "SELECT count(*) FROM things WHERE \"Mood\" = 'sad'::mood AND id < %(id)s",
                "SELECT mood, count(*) FROM events WHERE mood <> 'happy' GROUP BY mood",
            ],
        ),
    ]
    for client in clients:
        client.start()
    try:
        yield clients
    finally:
        for client in clients:
            client.over.set()
        for client in clients:
            client.join()


def test_clients_that_write_all_the_while_see_no_error(
    database_url: str, database: Database
) -> None:
    seen: dict[str, int] = {}
    with at_work(database_url) as clients:
        time.sleep(0.2)

        def progress(message: str) -> None:
            seen[message.split(maxsplit=1)[0]] = sum(client.count for client in clients)

        steps.run(database, [STEP], progress=progress)
        counts = [client.count for client in clients]
        time.sleep(0.3)
    assert [client.errors for client in clients] == [[], [], []]
    assert all(client.count > count for client, count in zip(clients, counts, strict=True))
    assert seen["fill"] < seen["building"] < sum(counts)
    for client in clients[:2]:
        assert client.count > 20


def test_what_clients_write_between_is_in_the_new_column(
    database_url: str, database: Database
) -> None:
    written: list[str] = []

    def progress(message: str) -> None:
        word = message.split(maxsplit=1)[0]
        if word not in written:
            with psycopg.connect(database_url, autocommit=True) as other:
                other.execute("UPDATE things SET second = 'sad' WHERE id = 3")
                other.execute(
                    "INSERT INTO things (id, \"Mood\") VALUES (%s, 'sad')", [20_000 + len(written)]
                )
                other.execute("SET session_replication_role = replica")
                other.execute("UPDATE things SET second = 'happy' WHERE id = 4")
                other.execute("UPDATE events_2 SET mood = 'sad' WHERE n = 15")
                with pytest.raises(psycopg.errors.InvalidTextRepresentation, match='"soso"'):
                    other.execute("UPDATE things SET second = 'soso' WHERE id = 5")
            written.append(word)

    steps.run(database, [STEP], progress=progress)
    assert written == ["fill", "validating", "building"]
    event = database.conn.execute("SELECT mood::text FROM events WHERE n = 15")
    assert event.fetchone() == ("sad",)
    found = database.conn.execute(
        'SELECT id, "Mood"::text, second::text FROM things WHERE id IN (3, 4) OR id >= 20000'
        " ORDER BY id"
    ).fetchall()
    assert found == [
        (3, "sad", "sad"),
        (4, "happy", "happy"),
        *((20_000 + n, "sad", None) for n in range(3)),
    ]


def run_and_meanwhile(database: Database, url: str, *statements: str) -> bool:
    """Remove the label; once its first index is built, somebody else runs statements.

    Returns:
        Whether they were run.
    """
    left = list(statements)

    def progress(message: str) -> None:
        if message.startswith("building"):
            with psycopg.connect(url, autocommit=True) as other:
                while left:
                    other.execute(left.pop(0).encode())

    steps.run(database, [STEP], progress=progress)
    return not left


def test_partitions_and_columns_that_come_meanwhile(database_url: str, database: Database) -> None:
    assert run_and_meanwhile(
        database,
        database_url,
        "CREATE TABLE events_3 (LIKE events INCLUDING ALL)",
        "ALTER TABLE events ATTACH PARTITION events_3 FOR VALUES FROM (50) TO (60)",
        "INSERT INTO events VALUES (55, 'sad', 55)",
        "ALTER TABLE things ADD COLUMN third mood DEFAULT 'sad'",
        "CREATE TABLE late (m mood)",
        "INSERT INTO late VALUES ('happy')",
    )
    found = objects(database)
    assert found[Identity("", "enum", "mood")]["labels"] == ["happy", "sad"]
    assert found[Identity("events_3", "column", "mood")]["not null"] is True
    assert database.conn.execute("SELECT m::text FROM late").fetchall() == [("happy",)]
    assert database.conn.execute("SELECT DISTINCT third::text FROM things").fetchall() == [("sad",)]
    left = database.conn.execute("SELECT relname FROM pg_class WHERE relname LIKE '%\\_new\\_%'")
    assert left.fetchall() == []


def test_a_partition_that_is_detached_meanwhile(database_url: str, database: Database) -> None:
    database.conn.execute(  # its columns have other numbers
        "CREATE TABLE events_3 (n int, mood mood NOT NULL DEFAULT 'sad', at int NOT NULL);"
        "ALTER TABLE events ATTACH PARTITION events_3 FOR VALUES FROM (40) TO (50);"
        "INSERT INTO events VALUES (40, 'happy', 1)"
    )
    detach = "ALTER TABLE events DETACH PARTITION events_3"
    assert run_and_meanwhile(database, database_url, detach)
    assert objects(database)[Identity("", "enum", "mood")]["labels"] == ["happy", "sad"]
    rows = database.conn.execute("SELECT at, mood::text FROM events_3").fetchall()
    assert rows == [(40, "happy")]
    left = database.conn.execute(
        "SELECT attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid"
        " WHERE c.relkind IN ('r', 'p') AND attname ~ '_new_[0-9a-f]{8}$' UNION ALL"
        " SELECT conname FROM pg_constraint WHERE conname ~ '^lmsschema_new_' UNION ALL"
        " SELECT proname FROM pg_proc WHERE proname ~ '^lmsschema_new_'"
    )
    assert left.fetchall() == []
    database.conn.execute(
        "ALTER TABLE events ATTACH PARTITION events_3 FOR VALUES FROM (40) TO (50)"
    )


def test_whoever_keeps_the_exchange_waiting_is_named(
    database_url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(database_url) as holder, monkeypatch.context() as before_the_exchange:
        before_the_exchange.setattr(
            enum_label_removal,
            "_analyze",
            lambda *_: holder.execute("LOCK TABLE things IN SHARE UPDATE EXCLUSIVE MODE"),
        )
        with pytest.raises(LockTimeoutError, match="gave up to exchange columns") as gave_up:
            steps.run(database, [STEP], SHORT)
        assert f"pid {holder.info.backend_pid}" in gave_up.value.message
    steps.run(database, [STEP])


def test_what_triggers_write_into_other_tables_while_rows_are_filled_is_kept(
    database: Database,
) -> None:
    database.conn.execute(
        "CREATE TABLE noted (id int PRIMARY KEY, m mood, times int DEFAULT 0);"
        "INSERT INTO noted VALUES (1, 'sad');"
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN UPDATE noted SET times = times + 1 WHERE id = 1; RETURN NULL; END';"
        "CREATE TRIGGER note AFTER UPDATE ON things FOR EACH STATEMENT EXECUTE FUNCTION note()"
    )
    steps.run(database, [STEP])
    row = database.conn.execute("SELECT m::text, times > 0 FROM noted").fetchone()
    assert row == ("sad", True)


def test_a_session_that_ran_a_trigger_before_runs_it_after(
    database_url: str, database: Database
) -> None:
    with psycopg.connect(database_url, autocommit=True) as session:
        session.execute("UPDATE things SET \"Mood\" = 'sad' WHERE id = 2")
        steps.run(database, [STEP])
        session.execute("UPDATE things SET \"Mood\" = 'sad' WHERE id = 4")
        found = session.execute("SELECT title FROM things WHERE id IN (2, 4)").fetchall()
    assert found == [("sad",), ("sad",)]


def test_the_owner_alone_may(database_url: str, database: Database, opened: Open) -> None:
    role = f"owner_{database.conn.info.dbname}"
    name = sql.Identifier(role)
    database.conn.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(name))
    try:
        database.conn.execute(
            sql.SQL(
                "GRANT ALL ON SCHEMA public TO {0}; ALTER TABLE things OWNER TO {0};"
                "ALTER TABLE events OWNER TO {0}; ALTER TABLE events_1 OWNER TO {0};"
                "ALTER TABLE events_2 OWNER TO {0}; ALTER TABLE events_default OWNER TO {0};"
                "ALTER TYPE mood OWNER TO {0};"
                "GRANT USAGE ON TYPE mood TO pg_monitor WITH GRANT OPTION"
            ).format(name)
        )
        rows = contents(database)
        owner = opened(database_url)
        owner.conn.execute(sql.SQL("SET ROLE {}").format(name))
        with pytest.raises(UnsafeError, match=r"set_updated_at\(\), .* belongs to"):
            steps.run(owner, [STEP])
        grant = sql.SQL("ALTER FUNCTION set_updated_at() OWNER TO {}").format(name)
        database.conn.execute(grant)
        before = objects(database)
        steps.run(owner, [STEP])
        assert changes(before, objects(database)) == CHANGED
        assert contents(database) == rows
    finally:
        database.conn.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(name))


@contextlib.contextmanager
def locks_by_statement(database: Database, url: str) -> Iterator[list[tuple[str, str, str]]]:
    """Yield the statements run in transactions, each with locks that are held after it."""
    held: list[tuple[str, str, str]] = []
    pid = database.conn.info.backend_pid
    usual = database.conn.cursor_factory
    with psycopg.connect(url, autocommit=True) as observer:

        class Cursor(psycopg.Cursor[Any]):
            def execute(self, query: Any, *args: Any, **kwargs: Any) -> Self:  # noqa: ANN401  psycopg's
                super().execute(query, *args, **kwargs)
                text = query.as_string() if isinstance(query, sql.Composable) else query
                held.extend((text, *lock) for lock in strong(observer, pid))
                return self

        database.conn.cursor_factory = Cursor
        try:
            yield held
        finally:
            database.conn.cursor_factory = usual


def test_locks_are_those_of_the_docstring(database_url: str, database: Database) -> None:
    with locks_by_statement(database, database_url) as held:
        STEP.apply(database)

    def during(words: str) -> set[tuple[str, str]]:
        """Return the locks held after statements with these words, names without their numbers.

        What is held beside ACCESS EXCLUSIVE conflicts with nothing more.
        """
        found = {
            (re.sub(r"_new_[0-9a-f]+.*", "_new", name), mode)
            for text, name, mode in held
            if words in text
        }
        return {
            (name, mode) for name, mode in found if mode == ACCESS or (name, ACCESS) not in found
        }

    all_of_it = {(table, ACCESS) for table in {"things", *EVENTS}}
    assert during("ADD COLUMN") == all_of_it
    expansions = {(text, name) for text, name, _ in held if "ADD COLUMN" in text}
    assert len({text for text, _ in expansions}) == 2  # a table at a time
    assert len(expansions) == 5
    assert during("SKIP LOCKED") == set()
    assert during("VALIDATE") == {(table, QUIET) for table in {"things", *EVENTS}}
    assert during("ANALYZE") == {(table, QUIET) for table in {"things", *EVENTS}}
    indexes = {
        "things_mood_idx",
        "things_second_idx",
        "events_mood_idx",
        *(f"{partition}_mood_at_idx" for partition in EVENTS - {"events"}),
    }
    new = {"things_mood__new", "things_secon_new", "events_mood__new"}
    new |= {f"{partition}_mood_new" for partition in EVENTS - {"events"}}
    assert during("DROP TYPE mood") == (
        all_of_it | {(name, ACCESS) for name in indexes} | {(name, QUIET) for name in new}
    )


def test_the_one_hazard_of_it_is_that_a_column_is_dropped(upgraded_url: str, opened: Open) -> None:
    """That its values are in another can't be seen."""
    database = opened(upgraded_url)
    with Recorder.recording(database) as recorder:
        RemoveLabel("user_role", "observer").apply(database)
        statements = recorder.take()
    found = hazards.find(statements, {"users": Activity(8192, 8192, 1, 0.0)})
    assert not any("pg_depend" in statement.sql for statement in statements)  # what plan shows
    assert [(hazard.kind, hazard.tables) for hazard in found] == [(Kind.DATA_LOSS, ("users",))]


def test_the_exchange_reads_no_row(database: Database) -> None:
    scans: list[list[tuple[str, int]]] = []
    usual = database.conn.cursor_factory

    def counted() -> None:
        found = psycopg.Cursor(database.conn).execute(
            "SELECT relname, pg_stat_get_xact_numscans(oid) FROM pg_class"
            " WHERE relname LIKE ANY ('{things,events%}') AND relkind = 'r' ORDER BY relname"
        )
        scans.append(found.fetchall())

    class Cursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, *args: Any, **kwargs: Any) -> Self:  # noqa: ANN401  psycopg's
            exchange = isinstance(query, sql.SQL) and "DROP TYPE mood" in query.as_string()
            if exchange:
                counted()
            super().execute(query, *args, **kwargs)
            if exchange:
                counted()
            return self

    database.conn.cursor_factory = Cursor
    steps.run(database, [STEP])
    database.conn.cursor_factory = usual
    before, after = scans
    assert [table for table, _ in before] == ["events_1", "events_2", "events_default", "things"]
    assert after == before


def test_cut_off_after_every_change_until_it_is_done(
    database_url: str, database: Database, opened: Open
) -> None:
    """Each run goes on from where the one before lost its connection, and comes one change on."""
    before, rows = objects(database), contents(database)

    seen: list[str] = []
    for _ in range(60):
        boundary = Boundary(1, "sent", lasting=True)
        with relayed(database_url, boundary) as through:
            try:
                steps.run(opened(through), [STEP])
            except (LmsschemaError, psycopg.Error):
                seen.append(boundary.seen[-1].text)
                continue
        break
    else:
        pytest.fail(f"it comes to no end: {seen[-3:]}")
    assert len(seen) > 12
    assert changes(before, objects(database)) == CHANGED
    assert contents(database) == rows


def test_stopped_between_the_batches_until_it_is_done(database: Database) -> None:
    before, rows = objects(database), contents(database)
    pages = database.conn.execute("SELECT pg_relation_size('things') / 8192").fetchone()
    assert pages is not None
    assert pages[0] > 2 * backfill.BATCH
    told: set[str] = set()

    def stop(message: str) -> None:
        if message.startswith("fill") and message not in told:
            told.add(message)
            raise RuntimeError

    for _ in range(20):
        with contextlib.suppress(RuntimeError):
            steps.run(database, [STEP], progress=stop)
            break
    assert len(told) > len(EVENTS) - 1 + 2
    assert changes(before, objects(database)) == CHANGED
    assert contents(database) == rows
