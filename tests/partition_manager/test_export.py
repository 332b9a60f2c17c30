"""What was exported before it was dropped comes back, whatever the values are."""

import gzip
import json
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.partition_manager.conftest import Partitions
from tests.support import events

OLD = -30
NAME = events.name(OLD)

#: A line that psql and COPY take for the end of the data, and others that a file may lose.
VALUES = ["a\n\\.\nb", "\\.", "\\N", '"', "", "\r\n", "a,b", "\t", "x\r"]


@pytest.fixture
def dropped(conn: psycopg.Connection, partitions: Partitions, tmp_path: Path) -> Path:
    """An old month with awkward values, exported and dropped; the folder of the export."""
    month = f"{events.month(OLD):%Y-%m}"
    assert partitions("create", "--from", month, "--to", month).code == 0
    for value in VALUES:
        conn.execute(
            "WITH e AS (SELECT id AS u, (SELECT id FROM courses LIMIT 1) AS c FROM users LIMIT 1)"
            " INSERT INTO learning_events (user_id, course_id, event_type, event_category,"
            " event_action, session_id, event_timestamp)"
            " SELECT u, c, 'view', 'navigation', %s, gen_random_uuid(), %s FROM e",
            (value, events.month(OLD)),
        )
    conn.execute("ALTER TABLE learning_events ADD COLUMN weight float8 DEFAULT 0.1::float8 + 0.2")
    conn.execute(
        sql.SQL("ALTER DATABASE {} SET extra_float_digits = -15").format(
            sql.Identifier(conn.info.dbname)
        )
    )
    conn.execute("CREATE TABLE before AS SELECT * FROM learning_events")
    prune = ("prune", "--keep", "24m", "--action", "drop", "--grace", "0d", "--export")
    for _ in range(2):  # what the first run detaches, the second drops
        assert partitions(*prune, str(tmp_path)).code == 0
    assert conn.execute("SELECT to_regclass(%s)", (NAME,)).fetchone() == (None,)
    return tmp_path


def test_an_export_comes_back(
    conn: psycopg.Connection, partitions: Partitions, dropped: Path
) -> None:
    done = partitions("restore", "--from-export", str(dropped / f"{NAME}.csv.gz"))
    assert done.code == 0, done.err
    assert events.count(conn) == len(VALUES)
    different = conn.execute(
        "(TABLE learning_events EXCEPT TABLE before) UNION ALL"
        " (TABLE before EXCEPT TABLE learning_events)"
    ).fetchall()
    assert different == []
    assert partitions("list", "--json").json["tables"][0]["partitions"][0]["oddities"] == []
    assert (
        "exists in schema" in partitions("restore", "--from-export", f"{dropped}/{NAME}.json").err
    )


def test_an_export_of_older_columns_comes_back(
    conn: psycopg.Connection, partitions: Partitions, dropped: Path
) -> None:
    """A column that the table has got since is filled with its default."""
    conn.execute("ALTER TABLE learning_events ADD COLUMN source text NOT NULL DEFAULT 'app'")
    assert partitions("restore", "--from-export", f"{dropped}/{NAME}.csv.gz").code == 0
    found = conn.execute("SELECT count(*) FROM learning_events WHERE source = 'app'").fetchone()
    assert found == (len(VALUES),)


def test_a_column_of_an_export_that_is_gone_is_refused(
    conn: psycopg.Connection, partitions: Partitions, dropped: Path
) -> None:
    conn.execute("ALTER TABLE learning_events DROP COLUMN weight")
    refused = partitions("restore", "--from-export", f"{dropped}/{NAME}.csv.gz")
    assert refused.code == 6
    assert "weight" in refused.err
    assert conn.execute("SELECT to_regclass(%s)", (NAME,)).fetchone() == (None,)


def test_a_file_that_was_changed_is_refused(partitions: Partitions, dropped: Path) -> None:
    file = dropped / f"{NAME}.csv.gz"
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    file.write_bytes(gzip.compress(b"".join(lines[:-1])))
    assert partitions("restore", "--from-export", str(file)).code == 1
    file.write_bytes(b"no gzip")
    assert partitions("restore", "--from-export", str(file)).code == 1
    assert "can't be read" in partitions("restore", "--from-export", f"{dropped}/other.csv.gz").err


def test_an_export_of_an_earlier_release_comes_back(
    conn: psycopg.Connection, partitions: Partitions, dropped: Path
) -> None:
    """Its manifest does not say the bounds."""
    manifest = dropped / f"{NAME}.json"
    noted = json.loads(manifest.read_text())
    assert noted.pop("bounds").startswith("FOR VALUES FROM")
    manifest.write_text(json.dumps(noted))
    assert partitions("restore", "--from-export", str(dropped / f"{NAME}.csv.gz")).code == 0
    assert NAME in events.partitions(conn)
