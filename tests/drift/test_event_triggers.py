"""Event triggers that refuse DDL or fail at it: the declared schema is built elsewhere."""

import pytest

from lmsschema.drift import adopt, check
from lmsschema.errors import DatabaseUnavailableError
from tests.support.checking import execute, opened

#: What the function of an event trigger does, and what the server says of the DDL.
FUNCTIONS = {
    "raises": "RAISE EXCEPTION $$no DDL here$$",
    "raises with a code": "RAISE EXCEPTION $$no DDL here$$ USING ERRCODE = $$LM001$$",
    "logs by a bare name": "INSERT INTO ddl_log VALUES (tg_tag)",
    "logs what is too long": "PERFORM tg_tag::numeric",
    "divides": "PERFORM 1 / 0",
}


@pytest.fixture
def watched_url(upgraded_url: str) -> str:
    """A database with a table into which DDL is logged."""
    execute(upgraded_url, "CREATE TABLE ddl_log (tag text)")
    return upgraded_url


@pytest.mark.parametrize("event", ["ddl_command_start", "ddl_command_end"])
@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("does", FUNCTIONS)
def test_the_trigger_is_named_where_there_is_no_other_place(
    watched_url: str, monkeypatch: pytest.MonkeyPatch, event: str, does: str, *, behind: bool
) -> None:
    monkeypatch.setenv("LMSSCHEMA_HOME", "/no, place")  # for an embedded server
    if behind:
        execute(watched_url, "UPDATE lmsschema_version SET version_num = '0003_analytics'")
    watch(watched_url, event, FUNCTIONS[does])
    with opened(watched_url) as database:
        with pytest.raises(DatabaseUnavailableError, match="event trigger watches"):
            check.run(database)
        with pytest.raises(DatabaseUnavailableError, match="event trigger watches"):
            adopt.run(database)


def test_a_trigger_that_only_logs_is_left_to_its_work(watched_url: str) -> None:
    watch(watched_url, "ddl_command_end", "INSERT INTO public.ddl_log VALUES (tg_tag)")
    with opened(watched_url) as database:
        report = check.run(database)
        assert (report.drift, report.built_on) == ((), "")
        assert database.conn.execute("SELECT FROM ddl_log").fetchall() == []


def watch(url: str, event: str, does: str) -> None:
    """Make an event trigger that looks at the DDL of indexes."""
    execute(
        url,
        f"CREATE FUNCTION look() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN {does}; END';"
        f"CREATE EVENT TRIGGER watches ON {event} WHEN TAG IN ('CREATE INDEX')"
        " EXECUTE FUNCTION look()",
    )
