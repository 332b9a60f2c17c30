"""The steps that build and drop indexes of every kind, and set storage parameters: catalogs."""

from typing import Any

import psycopg
import pytest

from lmsschema.database import catalog
from lmsschema.database.catalog import Catalog
from lmsschema.database.connection import Database
from lmsschema.ddl import steps
from lmsschema.ddl.drop_index import DropIndex
from lmsschema.ddl.drop_partitioned_index import DropPartitionedIndex
from lmsschema.ddl.index import Index
from lmsschema.ddl.index_definition import IndexDefinition
from lmsschema.ddl.partitioned_index import PartitionedIndex
from lmsschema.ddl.storage_parameters import StorageParameters
from lmsschema.errors import UnsafeError
from lmsschema.locks.context import Context
from tests.support.ddl_steps import Open

SETUP = """
    CREATE TYPE kind AS ENUM ('read', 'graded');
    CREATE TABLE things (id int PRIMARY KEY, n int NOT NULL, title text, data jsonb, kind kind,
        CONSTRAINT things_n_key UNIQUE (n));
    CREATE TABLE others (n int REFERENCES things (n), m int);
    CREATE UNIQUE INDEX others_m_idx ON others (m);
    CREATE TABLE refers (m int REFERENCES others (m));
    CREATE INDEX things_id_title_idx ON things (id, title);
    CREATE TABLE events (at timestamptz NOT NULL, id int, n int, title text, kind kind)
        PARTITION BY RANGE (at);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
    CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
    INSERT INTO things SELECT g, g, 'thing ' || g, '{}', 'read' FROM generate_series(1, 50) g;
    INSERT INTO events SELECT timestamptz '2026-01-01' + g * interval '1 day', g, g, g, 'graded'
        FROM generate_series(1, 50) g;
"""

#: Definitions in a step's words, which are not all PostgreSQL's.
DEFINITIONS: dict[str, dict[str, Any]] = {
    "order": {"columns": "n DESC NULLS LAST, id ASC"},
    "expressions": {"columns": "lower(title), (n+1) DESC"},
    "include": {"columns": "n", "include": "id, kind"},
    "where": {"columns": "n desc", "where": "kind = 'graded'"},
    "with": {"columns": "n", "options": {"fillfactor": 80}},
    "brin": {
        "columns": "n int4_minmax_multi_ops(values_per_range = 16), id",
        "method": "brin",
        "options": {"pages_per_range": 32, "autosummarize": "true"},
        "where": "n IN (1, 2)",
    },
    "hash": {"columns": "n", "method": "hash"},
    "collation": {"columns": 'CAST(n AS text) COLLATE "C" text_pattern_ops'},
}

THINGS_ALONE: dict[str, dict[str, Any]] = {
    "gin": {"columns": "to_tsvector('english', title || ' ' || title)", "method": "gin"},
    "gin with a class": {"columns": "data jsonb_path_ops", "method": "gin"},
    "unique": {"columns": "n", "unique": True, "where": "kind <> 'read'"},
}

BUILT: list[Index | PartitionedIndex] = [
    *(Index("wanted", "things", **one) for one in (DEFINITIONS | THINGS_ALONE).values()),
    *(PartitionedIndex("wanted", "events", **one) for one in DEFINITIONS.values()),
]


def catalogs(database: Database) -> Catalog:
    with database.transaction(read_only=True) as conn:
        return catalog.read(conn, "public")


def drop_of(step: IndexDefinition) -> DropIndex:
    kind = DropPartitionedIndex if isinstance(step, PartitionedIndex) else DropIndex
    return kind(step.table, step.name, step)


@pytest.mark.parametrize("step", BUILT, ids=lambda one: f"{one.table} {one.body}")
def test_an_index_is_built_known_again_and_dropped(
    step: Index | PartitionedIndex, database_url: str, opened: Open
) -> None:
    database = opened(database_url)
    database.conn.execute(SETUP)
    before = catalogs(database)
    steps.run(Context(database), [step])
    built = catalogs(database)
    assert len(built.objects) == len(before.objects) + (3 if step.table == "events" else 1)
    with database.transaction(read_only=True) as conn:
        assert step.done(conn)
    steps.run(Context(database), [step])
    assert catalogs(database) == built
    steps.run(Context(database), [drop_of(step)])
    assert catalogs(database) == before
    steps.run(Context(database), [drop_of(step)])
    assert catalogs(database) == before


@pytest.mark.parametrize("name", DEFINITIONS)
def test_each_other_definition_is_another_index(name: str, database_url: str, opened: Open) -> None:
    """It is neither taken for the wanted one nor dropped."""
    database = opened(database_url)
    database.conn.execute(SETUP)
    there = Index("wanted", "things", **DEFINITIONS[name])
    steps.run(Context(database), [there])
    before = catalogs(database)
    with database.transaction(read_only=True) as conn:
        for other, words in (DEFINITIONS | THINGS_ALONE).items():
            if other == name:
                continue
            wanted = Index("wanted", "things", **words)
            with pytest.raises(UnsafeError, match="is another index: CREATE"):
                wanted.done(conn)
            with pytest.raises(UnsafeError, match="it is another one: CREATE"):
                drop_of(wanted).done(conn)
    assert catalogs(database) == before


#: What is refused → words of the message.
REFUSED: dict[str, tuple[steps.Step, str]] = {
    "a table": (DropIndex("things", "others"), "others is there already and is no index, but a t"),
    "a table's name": (Index("others", "things", "n"), "is no index, but a table"),
    "another table's": (DropIndex("others", "things_id_title_idx"), "on things, not on others"),
    "a constraint's": (DropIndex("things", "things_n_key"), "constraint others_n_fkey needs it"),
    "the primary key's": (DropIndex("things", "things_pkey"), "constraint things_pkey needs it"),
    "a foreign key's": (DropIndex("others", "others_m_idx"), "refers_m_fkey needs it"),
    "a partitioned one": (DropIndex("events", "events_n_idx"), "Use the step DropPartitioned"),
    "of no partitions": (DropPartitionedIndex("things", "things_id_title_idx"), "Use the step Dr"),
    "a part": (DropIndex("events_1", "events_1_n_idx"), "it is a part of index events_n_idx"),
    "the replica identity": (DropIndex("refers", "refers_idx"), "replica identity of refers"),
    "parameters of partitions": (StorageParameters("events", {"fillfactor": 90}), "has partition"),
    "parameters of nothing": (StorageParameters("nothing", {"fillfactor": 90}), "no table nothing"),
    "parameters of an index": (StorageParameters("events_n_idx", {"fillfactor": 9}), "no table ev"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_the_steps_to_change_is_refused(
    name: str, database_url: str, opened: Open
) -> None:
    database = opened(database_url)
    database.conn.execute(
        SETUP + "CREATE INDEX events_n_idx ON events (n);"
        "ALTER TABLE refers ALTER m SET NOT NULL; CREATE UNIQUE INDEX refers_idx ON refers (m);"
        "ALTER TABLE refers REPLICA IDENTITY USING INDEX refers_idx"
    )
    before = catalogs(database)
    step, words = REFUSED[name]
    with pytest.raises(UnsafeError) as refused:
        steps.run(Context(database), [step])
    assert words in f"{refused.value.message} {refused.value.hint}"
    assert catalogs(database) == before


def test_a_part_has_the_name_that_postgresql_gives_it(database_url: str, opened: Open) -> None:
    conn = opened(database_url).conn
    long = "events_" + "é" * 25
    conn.execute(SETUP)
    conn.execute(
        f"CREATE TABLE {long} PARTITION OF events FOR VALUES FROM ('2026-03-01') TO ('2026-04-01')"
    )
    for name, words in DEFINITIONS.items():
        if name == "collation":
            continue  # PostgreSQL looks into a CAST
        step = PartitionedIndex("wanted", "events", **words)
        usual = {step.part_names(partition)[0] for partition in ("events_1", "events_2", long)}
        for _ in range(2):
            conn.execute(f"CREATE INDEX wanted ON events {step.body}".encode())
            made = {
                str(name): str(table)
                for table, name in conn.execute(
                    "SELECT c.relname, i.relname FROM pg_inherits AS h"
                    " JOIN pg_index AS x ON x.indexrelid = h.inhrelid"
                    " JOIN pg_class AS c ON c.oid = x.indrelid"
                    " JOIN pg_class AS i ON i.oid = x.indexrelid"
                    " WHERE h.inhparent = 'wanted'::regclass"
                ).fetchall()
            }
            assert all(step.may_name(table, name) for name, table in made.items())
            if set(made) == usual:  # the other time others have them
                conn.execute("ALTER INDEX wanted RENAME TO before")
                continue
            assert set(made).isdisjoint(usual)
            assert len(made) == len(usual)
        conn.execute("DROP INDEX before, wanted")


def test_a_part_takes_another_name_where_the_usual_one_is_anothers(
    database_url: str, opened: Open
) -> None:
    """PostgreSQL has given it to the part of another index over the same columns."""
    database = opened(database_url)
    database.conn.execute(SETUP + "CREATE INDEX graded ON events (id, at) WHERE kind = 'graded'")
    step = PartitionedIndex("events_id_at", "events", "id, at")
    steps.run(Context(database), [step])
    parts = database.conn.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent = 'events_id_at'::regclass ORDER BY 1"
    ).fetchall()
    assert parts == [("events_1_events_id_at",), ("events_2_events_id_at",)]


def test_of_what_an_interrupted_build_left_nothing_remains_and_nothing_else_goes(
    database_url: str, opened: Open
) -> None:
    database = opened(database_url)
    database.conn.execute(SETUP + "CREATE INDEX sites_own ON events_2 (n, id)")
    before = catalogs(database)
    step = PartitionedIndex("events_n_id", "events", "n, id")
    half = (
        "CREATE INDEX events_n_id ON ONLY events (n, id);"
        "CREATE INDEX events_1_n_id_idx ON events_1 (n, id);"
    )
    database.conn.execute(half)
    database.conn.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'events_1_n_id_idx'::regclass"
    )
    steps.run(Context(database), [drop_of(step)])
    assert catalogs(database) == before
    database.conn.execute(half)
    steps.run(Context(database), [step])
    assert catalogs(database) != before
    steps.run(Context(database), [drop_of(step)])
    assert catalogs(database) == before


def test_storage_parameters_are_set_and_given_back(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    database.conn.execute(SETUP)
    before = catalogs(database)

    def options() -> tuple[object, ...] | None:
        return database.conn.execute(
            "SELECT c.reloptions, t.reloptions FROM pg_class AS c"
            " JOIN pg_class AS t ON t.oid = c.reltoastrelid WHERE c.relname = 'things'"
        ).fetchone()

    wanted: dict[str, str | float | bool | None] = {
        "fillfactor": 90,
        "autovacuum_vacuum_insert_scale_factor": 0.02,
        "toast.autovacuum_enabled": False,
    }
    steps.run(Context(database), [StorageParameters("things", wanted)])
    set_to = ["fillfactor=90", "autovacuum_vacuum_insert_scale_factor=0.02"]
    assert options() == (set_to, ["autovacuum_enabled=false"])
    mixed = StorageParameters("things", wanted | {"fillfactor": None})
    steps.run(Context(database), [mixed])
    assert options() == (set_to[1:], ["autovacuum_enabled=false"])
    steps.run(Context(database), [StorageParameters("things", dict.fromkeys(wanted))])
    assert catalogs(database) == before
    database.conn.execute("ALTER TABLE things SET (fillfactor = 70)")
    with database.transaction(read_only=True) as conn:
        assert not StorageParameters("things", {"fillfactor": 90}).done(conn)
    with pytest.raises(psycopg.Error):
        StorageParameters("things", {"fillfactor": 9}).apply(Context(database))
