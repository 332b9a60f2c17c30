"""What test_doctor and test_index_findings share."""

from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from psycopg import errors

from lmsschema.database.connection import Database
from lmsschema.doctor import examine
from lmsschema.doctor.finding import Finding, Limits

Open = Callable[..., Database]


NOW = Limits(age=timedelta(0))


SMALL = Limits(age=timedelta(0), rows=0, pages=0, kept=timedelta(0))


def found(database: Database, topic: str, limits: Limits = SMALL) -> list[Finding]:
    """Return the findings of a topic."""
    return [one for one in examine.examine(database, limits).findings if one.topic == topic]


def the(database: Database, topic: str, name: str, limits: Limits = SMALL) -> Finding:
    """Return the one finding of a topic about something."""
    [finding] = [one for one in found(database, topic, limits) if one.name == name]
    return finding


def mend(conn: psycopg.Connection, finding: Finding) -> None:
    """Run the commands of a finding as they are printed."""
    assert finding.remedy
    for command in finding.remedy:
        conn.execute(command.encode())


def duplicate_names(conn: psycopg.Connection) -> None:
    conn.execute(
        "INSERT INTO institutions (name, domain, education_level)"
        " VALUES ('North', 'n.example', 'k12'), ('North', 'm.example', 'k12')"
    )


def half_built(conn: psycopg.Connection) -> None:
    """Leave an index INVALID, as a failed build does."""
    duplicate_names(conn)
    with pytest.raises(errors.UniqueViolation):
        conn.execute("CREATE UNIQUE INDEX CONCURRENTLY names ON institutions (name)")
    conn.execute("DELETE FROM institutions WHERE domain = 'm.example'")
