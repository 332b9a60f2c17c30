"""An index's definition, as SQLAlchemy and PostgreSQL print it, and as a step says it."""

import pytest
import sqlalchemy

from lmsschema import tables
from lmsschema.ddl.index import Index
from lmsschema.ddl.index_definition import IndexDefinition
from lmsschema.ddl.partitioned_index import PartitionedIndex
from lmsschema.errors import LmsschemaError
from lmsschema.migration import declared_index

PARSED = {
    "CREATE INDEX a_idx ON public.a USING btree (x, y DESC)": Index("a_idx", "a", "x, y DESC"),
    "CREATE UNIQUE INDEX a_idx ON a (lower(x)) WHERE (x <> ')'::text)": Index(
        "a_idx", "a", "lower(x)", unique=True, where="(x <> ')'::text)"
    ),
    'CREATE INDEX "A idx" ON ONLY "north west"."a ""b" USING brin (t timestamptz_minmax_multi_ops)'
    " WITH (pages_per_range='32', autosummarize='true')": Index(
        "A idx",
        'a "b',
        "t timestamptz_minmax_multi_ops",
        method="brin",
        options={"pages_per_range": "32", "autosummarize": "true"},
    ),
    "CREATE INDEX CONCURRENTLY a_idx ON a (x) INCLUDE (y, z) WITH (fillfactor = 80) WHERE y > 0": (
        Index("a_idx", "a", "x", include="y, z", options={"fillfactor": "80"}, where="y > 0")
    ),
}


@pytest.mark.parametrize("text", PARSED)
def test_what_is_printed_is_read(text: str) -> None:
    assert Index.parse(text) == PARSED[text]


@pytest.mark.parametrize(
    "text",
    [
        "CREATE UNIQUE INDEX a_idx ON a USING btree (x) NULLS NOT DISTINCT",
        "CREATE INDEX a_idx ON a USING btree (x",
        "CREATE TABLE a (x int)",
    ],
)
def test_what_no_step_makes_is_refused(text: str) -> None:
    with pytest.raises(LmsschemaError, match=r"no step|no index|is not closed"):
        Index.parse(text)


def test_the_declared_indexes_have_steps() -> None:
    made = {
        str(index.name): declared_index.step(index)
        for table in tables.metadata.tables.values()
        for index in table.indexes
    }
    assert made["idx_users_role"] == Index("idx_users_role", "users", "role")
    assert made["idx_learning_events_user_time"] == PartitionedIndex(
        "idx_learning_events_user_time", "learning_events", "user_id, event_timestamp DESC"
    )


def test_a_declared_index_with_everything_has_a_step() -> None:
    events = sqlalchemy.Table(
        "events",
        sqlalchemy.MetaData(),
        sqlalchemy.Column("at", sqlalchemy.DateTime),
        sqlalchemy.Column("kind", sqlalchemy.Text),
        sqlalchemy.Column("data", sqlalchemy.Text),
        postgresql_partition_by="RANGE (at)",
    )
    index = sqlalchemy.Index(
        "events_at_idx",
        events.c.at,
        sqlalchemy.func.lower(events.c.kind).desc(),
        postgresql_using="gist",
        postgresql_ops={"at": "some_ops"},
        postgresql_include=["data"],
        postgresql_with={"fillfactor": 80},
        postgresql_where=events.c.kind == "50 %",
    )
    assert declared_index.step(index) == PartitionedIndex(
        "events_at_idx",
        "events",
        "at some_ops, lower(kind) DESC",
        method="gist",
        include="data",
        options={"fillfactor": "80"},
        where="kind = '50 %'",
    )
    with pytest.raises(LmsschemaError, match="without a table"):
        declared_index.step(sqlalchemy.Index("lost", "at"))


def test_the_names_of_parts_are_postgresqls_own_and_then_the_indexs() -> None:
    def names(columns: str, include: str = "", partition: str = "events_1") -> tuple[str, str]:
        return IndexDefinition("idx_e", "events", columns, include=include).part_names(partition)

    assert names("user_id, at DESC") == ("events_1_user_id_at_idx", "events_1_idx_e")
    assert names("user_id", "at, n") == ("events_1_user_id_at_n_idx", "events_1_idx_e")
    assert names("lower(title), n + 1, (n), m")[0] == "events_1_lower_expr_expr1_m_idx"
    long = names("user_id, event_timestamp", partition="e" * 50)
    assert long == ("e" * 35 + "_user_id_event_timestamp_idx", "e" * 50 + "_idx_e")
    index = IndexDefinition("idx_e", "events", "user_id")
    there = ("events_1_user_id_idx", "events_1_user_id_idx9", "events_1_idx_e")
    assert all(index.may_name("events_1", name) for name in there)
    assert not index.may_name("events_1", "own")
