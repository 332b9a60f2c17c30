"""``create_all``: again, after ``drop_all``, with an application's own tables, with partitions."""

from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy
from sqlalchemy import Column, ForeignKey, Table, Uuid, create_mock_engine, text

from lmsschema.errors import UsageError
from lmsschema.tables import TABLES, metadata
from tests.support import events
from tests.support.program import Program


@pytest.fixture
def engine(database_url: str) -> Iterator[sqlalchemy.Engine]:
    """An engine on an empty database."""
    engine = sqlalchemy.create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    yield engine
    engine.dispose()


@pytest.fixture
def notes() -> Iterator[Table]:
    """A table of an application's own in the same metadata, with a trigger that we provide."""
    notes = Table(
        "notes",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("user_id", Uuid, ForeignKey("users.id")),
    )
    yield notes
    metadata.remove(notes)


def test_it_may_run_again_and_after_drop_all(
    engine: sqlalchemy.Engine, database_url: str, notes: Table, lmsschema: Program
) -> None:
    metadata.create_all(engine)
    metadata.create_all(engine)
    with psycopg.connect(database_url) as conn:
        events.people(conn)
        events.insert(conn, events.month(0), 1)
        assert events.count(conn, events.name(0)) == 1  # of this month, not of the default
        conn.execute("DROP TABLE notes")
    metadata.create_all(engine)  # the application's own tables alone
    assert sqlalchemy.inspect(engine).has_table(notes.name)
    checked = lmsschema("check", "--ignore", "notes", "--json", "--url", database_url)
    assert checked.json["drift"] == [
        one for one in checked.json["drift"] if one["name"] == "lmsschema_version"
    ]
    metadata.drop_all(engine)
    with psycopg.connect(database_url) as conn:
        left = conn.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            " UNION ALL SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace"
        ).fetchall()
    assert left == []
    metadata.create_all(engine)
    assert lmsschema("adopt", "--url", database_url).code == 0


def test_an_applications_tables_are_made_beside_what_upgrade_made(
    upgraded_url: str, notes: Table, lmsschema: Program
) -> None:
    engine = sqlalchemy.create_engine(upgraded_url.replace("postgresql:", "postgresql+psycopg:"))
    metadata.create_all(engine)
    assert sqlalchemy.inspect(engine).has_table(notes.name)
    with engine.begin() as connection:  # a trigger of the application's own with our function
        connection.execute(
            text(
                "CREATE TRIGGER theirs BEFORE UPDATE ON notes"
                " FOR EACH ROW EXECUTE FUNCTION set_updated_at()"
            )
        )
    assert lmsschema("check", "--url", upgraded_url).code == 0
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE notes DROP CONSTRAINT notes_user_id_fkey"))
    metadata.drop_all(engine, tables=list(TABLES))
    metadata.create_all(engine)
    engine.dispose()


def test_another_schema_is_refused_in_one_line(engine: sqlalchemy.Engine) -> None:
    elsewhere = engine.execution_options(schema_translate_map={None: "north"})
    with pytest.raises(UsageError, match="make lmsschema's tables in schema north"):
        metadata.create_all(elsewhere)


def test_as_a_script_it_makes_the_same(database_url: str, lmsschema: Program) -> None:
    """What ``create_mock_engine`` is given makes the schema on a server."""
    written: list[str] = []

    def write(statement: sqlalchemy.schema.ExecutableDDLElement, *_: object) -> None:
        written.append(str(statement.compile(dialect=mock.dialect)))

    mock = create_mock_engine("postgresql+psycopg://", write)
    metadata.create_all(mock, checkfirst=False)
    with psycopg.connect(database_url) as conn:
        for statement in written:
            conn.execute(statement.encode())
    assert lmsschema("adopt", "--url", database_url).code == 0
