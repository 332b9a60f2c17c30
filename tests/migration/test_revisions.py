"""The revisions: one line, frozen, whole, and together what the tables declare."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import event

from lmsschema.database import catalog
from lmsschema.database.connection import Database
from lmsschema.drift import compare
from lmsschema.errors import LmsschemaError
from lmsschema.migration import revisions, runner
from lmsschema.migration.downgrade import downgrade
from lmsschema.migration.position import current
from lmsschema.migration.upgrade import upgrade
from lmsschema.names import SETTINGS
from lmsschema.tables import metadata, views
from tests.support.upgrading import unmeasured

VERSION_TABLE = "lmsschema_version"

#: Whatever a schema holds, by the catalogs that have a row for it.
CONTENTS = """
    SELECT 'relation', relname::text, relkind::text
    FROM pg_class WHERE relnamespace = current_schema()::regnamespace
    UNION ALL
    SELECT 'type', typname, typtype::text
    FROM pg_type WHERE typnamespace = current_schema()::regnamespace
    UNION ALL
    SELECT 'function', proname, prokind::text
    FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
    UNION ALL
    SELECT 'constraint', conname, contype::text
    FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
    UNION ALL
    SELECT 'operator', oprname, oprkind::text
    FROM pg_operator WHERE oprnamespace = current_schema()::regnamespace
    UNION ALL
    SELECT 'statistics', stxname, ''
    FROM pg_statistic_ext WHERE stxnamespace = current_schema()::regnamespace
    UNION ALL
    SELECT 'description', classoid::regclass::text || objoid::text || objsubid::text, description
    FROM pg_description WHERE objoid >= 16384
    ORDER BY 1, 2, 3
"""

Open = Callable[..., Database]


def contents(database: Database) -> list[tuple[str, str, str]]:
    return database.conn.execute(CONTENTS).fetchall()


def to(database: Database, direction: str, end: str) -> None:
    """Run the revisions as `upgrade` does, without the partitions that it makes afterwards."""
    with runner.connection(database) as lent:
        getattr(command, direction)(runner.config(connection=lent), end)


def test_there_is_one_head_and_the_file_names_are_the_line() -> None:
    script = ScriptDirectory.from_config(runner.config())
    line = list(script.walk_revisions())[::-1]
    assert script.get_heads() == [revisions.head()]
    assert [one.revision for one in line] == revisions.ids()
    assert [Path(one.path).stem for one in line] == revisions.ids()
    assert [one.down_revision for one in line] == [None, *revisions.ids()[:-1]]


def test_the_guides_parts_come_first() -> None:
    assert revisions.ids()[:3] == ["0001_foundation", "0002_progress", "0003_analytics"]


def test_the_sum_of_the_revisions_is_the_tables(
    new_url: Callable[[], str], opened: Open, dump: Callable[[str], str]
) -> None:
    revised, declared = opened(new_url()), opened(new_url())
    partitions = {action.name for table in upgrade(revised).partitions for action in table.done}
    with runner.connection(declared) as lent, lent.begin():
        metadata.create_all(lent)
    # what Alembic keeps for itself is no part of the tables
    revised.conn.execute(f"DROP TABLE {VERSION_TABLE}")
    found = catalog.read(revised.conn, revised.schema)
    expected = catalog.read(declared.conn, declared.schema)
    assert compare.compare(expected, found) == []
    assert compare.compare(found, expected) == []
    assert found.relations() == {*metadata.tables, *views.names(), SETTINGS} | partitions
    assert dump(url(revised)) == dump(url(declared))


def test_up_down_up_ends_in_the_same_catalogs(
    database_url: str, opened: Open, dump: Callable[[str], str]
) -> None:
    database = opened(database_url)
    upgrade(database)
    first, first_dump = catalog.read(database.conn, database.schema), dump(database_url)
    downgrade(database, revisions.BASE)
    assert current(database) is None
    assert dump(database_url) != first_dump
    upgrade(database)
    assert catalog.read(database.conn, database.schema) == first
    assert dump(database_url) == first_dump


def test_each_downgrade_leaves_nothing_behind(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    to(database, "upgrade", "head")
    to(database, "downgrade", revisions.BASE)
    before = [contents(database)]
    for revision in revisions.ids():
        to(database, "upgrade", revision)
        before.append(contents(database))
        assert before[-1] != before[-2]
    for left in before[-2::-1]:
        to(database, "downgrade", "-1")
        assert contents(database) == left
    assert {name for kind, name, _ in contents(database) if kind == "relation"} == {
        VERSION_TABLE,
        f"{VERSION_TABLE}_pkc",
    }


def test_a_downgrade_takes_the_partitions_with_it(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    upgrade(database)
    to(database, "downgrade", "0002_progress")
    left = {name for kind, name, _ in contents(database) if kind == "relation"}
    assert not {name for name in left if name.startswith("learning_events")}


def test_a_downgrade_spares_what_somebody_else_built_on_it(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    to(database, "upgrade", "head")
    database.conn.execute("CREATE TABLE notes (user_id uuid REFERENCES users, text text)")
    with pytest.raises(sqlalchemy.exc.InternalError) as refused:
        to(database, "downgrade", revisions.BASE)
    assert isinstance(refused.value.orig, psycopg.errors.DependentObjectsStillExist)
    assert current(database) == "0001_foundation"
    [(keys,)] = database.conn.execute(
        "SELECT count(*) FROM pg_constraint WHERE conrelid = 'notes'::regclass AND contype = 'f'"
    ).fetchall()
    assert keys == 1


def test_a_revision_that_fails_leaves_the_last_whole_one(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    to(database, "upgrade", "0002_progress")
    before = contents(database)
    database.conn.execute(
        "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$"
        " BEGIN IF to_regclass('learner_analytics') IS NOT NULL THEN"
        " RAISE EXCEPTION 'no' USING ERRCODE = 'duplicate_table'; END IF; END $$;"
        "CREATE EVENT TRIGGER refuse ON ddl_command_end WHEN tag IN ('CREATE TABLE')"
        " EXECUTE FUNCTION refuse()"
    )
    with pytest.raises(LmsschemaError, match="0003_analytics") as failed:
        upgrade(database)
    assert failed.value.details["sqlstate"] == "42P07"
    assert current(database) == "0002_progress"
    database.conn.execute("DROP EVENT TRIGGER refuse; DROP FUNCTION refuse")
    assert contents(database) == before


def test_each_revision_has_a_transaction_of_its_own(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    commits: list[str | None] = []
    with runner.connection(database) as lent:

        @event.listens_for(lent, "commit")
        def _commit(connection: sqlalchemy.Connection) -> None:
            version = connection.exec_driver_sql("SELECT version_num FROM lmsschema_version")
            commits.append(version.scalar())

        command.upgrade(runner.config(connection=lent), "0003_analytics")
    assert commits == revisions.ids()[:3]


def test_two_schemas_of_one_database_are_apart(database_url: str, opened: Open) -> None:
    north, south = opened(database_url, "Campus North"), opened(database_url, "south")
    upgrade(north)
    upgrade(south, "0001_foundation")
    assert current(north) == revisions.head()
    assert current(south) == "0001_foundation"
    unmeasured(south)
    downgrade(north, revisions.BASE)
    assert current(south) == revisions.head()
    left = catalog.read(north.conn, north.schema)
    assert left.relations() == {VERSION_TABLE}
    assert not [identity for identity in left.objects if identity.kind == "enum"]


def test_as_a_script_the_revisions_make_the_same(
    new_url: Callable[[], str], opened: Open, psql: Callable[..., None]
) -> None:
    by_alembic, by_psql = opened(new_url()), opened(new_url())
    to(by_alembic, "upgrade", "head")
    psql(url(by_psql), runner.offline(revisions.BASE, revisions.HEAD))
    to(by_psql, "downgrade", revisions.BASE)  # the version table stays
    psql(url(by_psql), runner.offline(revisions.BASE, revisions.HEAD))
    assert current(by_psql) == revisions.head()
    expected = catalog.read(by_alembic.conn, by_alembic.schema)
    assert catalog.read(by_psql.conn, by_psql.schema) == expected


def test_comments_keep_their_colons_and_percent_signs(
    tmp_path: Path, database_url: str, opened: Open, psql: Callable[..., None]
) -> None:
    """They are written as the template of new revisions says: a colon with backslashes."""
    config = runner.config()
    migrations = shutil.copytree(revisions.folder(), tmp_path / "migrations")
    config.set_main_option("script_location", str(migrations))
    command.revision(config, "remark", rev_id="0099_remark")
    [file] = (migrations / "versions").glob("0099*")
    statement = r"COMMENT ON TABLE users IS '100 %: %s \\:name, 12:30, a::b'"
    file.write_text(
        file.read_text().replace("UPGRADE: tuple[str, ...] = ()", f'UPGRADE = ("{statement}",)', 1)
    )
    expected = "100 %: %s :name, 12:30, a::b"
    database = opened(database_url)

    def remark() -> str:
        [(text,)] = database.conn.execute("SELECT obj_description('users'::regclass)").fetchall()
        return str(text)

    with runner.connection(database) as lent:
        config.attributes["connection"] = lent
        command.upgrade(config, "head")
    assert remark() == expected
    database.conn.execute("COMMENT ON TABLE users IS NULL")
    del config.attributes["connection"]
    config.output_buffer = io.StringIO()
    command.upgrade(config, f"{revisions.head()}:head", sql=True)
    database.conn.execute("UPDATE lmsschema_version SET version_num = %s", [revisions.head()])
    psql(database_url, config.output_buffer.getvalue())
    assert remark() == expected


def url(database: Database) -> str:
    return database.target.conninfo
