"""What a site has besides: partitioned tables, and things on lmsschema's tables."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.program import Outcome, Program

POLICY = '[tables.audit_log]\nkey = "day"\ninterval = "week"\nahead = 2\nretention = "1y"\n'

EXTENSIONS = """
[[extensions]]
on = "users"
column = "phone"
reason = "reminders by SMS"

[[extensions]]
on = "users"
constraint = "users_phone_not_empty"
reason = "the gateway refuses it"

[[extensions]]
on = "learning_events"
index = "idx_events_app"
reason = "the report of apps"

[[extensions]]
on = "users"
trigger = "notify_phone"
reason = "the gateway listens"
"""

SITE = """
ALTER TABLE users ADD COLUMN phone text CONSTRAINT users_phone_not_empty CHECK (phone <> '');
ALTER TABLE learning_events ADD COLUMN app text;
CREATE INDEX idx_events_app ON learning_events (app);
CREATE FUNCTION notify_phone() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER notify_phone BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION notify_phone();
"""


class Site:
    """The program on one database, with a configuration file."""

    def __init__(self, program: Program, url: str, file: Path) -> None:
        self._program, self._url, self._file = program, url, file

    def configure(self, text: str) -> None:
        self._file.write_text(text)

    def run(self, *arguments: str) -> Outcome:
        env = {"LMSSCHEMA_CONFIG": str(self._file)}
        return self._program(*arguments, "--url", self._url, env=env)

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as conn:
            for statement in statements:
                conn.execute(statement.encode())

    def drift(self, *options: str) -> list[tuple[str, str, str]]:
        """Return what check reports; its exit code has to be right."""
        done = self.run("check", "--json", *options)
        found = [(one["relation"], one["kind"], one["problem"]) for one in done.json["drift"]]
        assert done.code == (3 if found else 0), done.out + done.err
        return found


@pytest.fixture
def site(lmsschema: Program, upgraded_url: str, tmp_path: Path) -> Site:
    return Site(lmsschema, upgraded_url, tmp_path / "lmsschema.toml")


def partitions(site: Site) -> dict[str, dict[str, Any]]:
    """Return the partitions of audit_log that `partitions list` names, detached ones too."""
    tables = site.run("partitions", "list", "--json").json["tables"]
    [ours] = [table["partitions"] for table in tables if table["table"] == "audit_log"]
    return {one["name"]: one for one in ours}


def test_a_partitioned_table_from_the_command_line_to_the_database(site: Site) -> None:
    site.configure(POLICY)
    # named and not there, or partitioned otherwise: reported, and no command ends in a traceback
    assert site.drift() == [("audit_log", "table", "missing")]
    refused = site.run("partitions", "ensure")
    assert refused.code == 1
    assert "Your own migration makes it" in refused.err
    site.execute("CREATE TABLE audit_log (id bigint, at timestamptz) PARTITION BY RANGE (at)")
    assert site.drift() == [("audit_log", "table", "changed")]
    site.execute(
        "DROP TABLE audit_log",
        "CREATE TABLE audit_log (id bigint, day date) PARTITION BY RANGE (day)",
        "CREATE INDEX idx_audit_log_id ON audit_log (id)",
    )
    assert {problem for _, _, problem in site.drift()} == {"missing"}  # its partitions
    assert len(site.drift()) == 4
    assert site.run("doctor").code == 3
    # ensure, check, list
    assert site.run("partitions", "ensure").code == 0
    assert site.drift("--strict") == []
    assert site.run("doctor").code == 0
    assert len(partitions(site)) == 4
    assert all("_w" in name or name == "audit_log_default" for name in partitions(site))
    # an index that its partitions lack is seen as of learning_events
    site.execute("CREATE INDEX idx_audit_log_day ON ONLY audit_log (day)")
    assert ("audit_log_default", "index", "missing") in site.drift()
    site.execute("DROP INDEX idx_audit_log_day")
    # rows of the past, and their end
    site.execute("INSERT INTO audit_log VALUES (1, '2024-01-01')")
    assert site.run("partitions", "heal").code == 0
    assert "audit_log_2024_w01" in partitions(site)
    pruned = site.run("partitions", "prune", "--table", "audit_log", "--json")
    assert pruned.json["detached"] == ["audit_log_2024_w01"], pruned.err
    assert site.drift("--strict") == []
    restored = site.run("partitions", "restore", "audit_log_2024_w01", "--table", "audit_log")
    assert restored.code == 0, restored.err
    assert partitions(site)["audit_log_2024_w01"]["attached"]
    # a week that is lost is missed
    site.execute("DROP TABLE audit_log_2024_w01", "DROP TABLE audit_log_default")
    assert site.drift() == [("audit_log_default", "table", "missing")]
    assert site.run("doctor").code == 3


def test_a_policy_of_a_table_that_lmsschema_declares_is_refused(site: Site) -> None:
    site.configure('[tables.learning_events]\nkey = "event_timestamp"\n')
    refused = site.run("partitions", "list")
    assert refused.code == 2
    assert "lmsschema declares this table itself" in refused.err


def test_what_is_declared_with_a_reason_is_no_drift(site: Site) -> None:
    site.configure(EXTENSIONS)
    assert sorted(site.drift()) == [
        ("learning_events", "index", "missing"),
        ("users", "column", "missing"),
        ("users", "constraint", "missing"),
        ("users", "trigger", "missing"),
    ]
    text = site.run("check", "--sql").out
    assert "column phone is missing: reminders by SMS" in text
    assert "not undone: the configuration file declares it" in text
    assert site.run("adopt", "--dry-run").code == 3
    site.execute(SITE)
    # one that is not declared is drift still
    assert site.drift() == [("learning_events", "column", "unexpected")]
    site.configure(
        EXTENSIONS + '[[extensions]]\non = "learning_events"\ncolumn = "app"\nreason = "its app"\n'
    )
    assert site.drift() == []
    checked = site.run("check")
    assert "declared extensions\n  = users: column phone: reminders by SMS\n" in checked.out
    assert checked.out.endswith("5 declared extensions\n")
    adopted = site.run("adopt", "--dry-run", "--json")
    assert adopted.code == 0
    assert len(adopted.json["extensions"]) == 5
    # partitions are to have what their table has, and what is gone is missed
    site.execute("ALTER TABLE learning_events_default ALTER COLUMN app SET DEFAULT 'x'")
    assert site.drift() == [("learning_events_default", "column", "changed")]
    site.execute(
        "ALTER TABLE learning_events_default ALTER COLUMN app DROP DEFAULT",
        "DROP TRIGGER notify_phone ON users",
    )
    assert site.drift() == [("users", "trigger", "missing")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("extensions = 3", "extensions must be a list"),
        ("extensions = [3]", "extensions must be tables"),
        ('[[extensions]]\ncolumn = "phone"', "an extension does not say what it is"),
        ('[[extensions]]\non = "users"\nreason = "x"', "an extension does not say what it is"),
        ('[[extensions]]\non = "users"\ncolumn = "phone"', "column phone of users has no reason"),
        ('[[extensions]]\non = "users"\ntable = "x"', "unknown key extensions.table"),
    ],
)
def test_what_is_wrong_with_an_extension_is_said(site: Site, text: str, said: str) -> None:
    site.configure(text)
    refused = site.run("check")
    assert refused.code == 2
    assert said in refused.err
