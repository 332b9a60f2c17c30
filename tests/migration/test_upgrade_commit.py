"""A revision is said to be applied once its transaction is committed, never before."""

from collections.abc import Callable

import pytest

from lmsschema.database.connection import Database
from lmsschema.errors import LmsschemaError
from lmsschema.migration import position, revisions
from lmsschema.migration.upgrade import upgrade

Open = Callable[..., Database]

REFUSE_AT_COMMIT = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF new.version_num = '{}' THEN
            RAISE EXCEPTION 'not today' USING DETAIL = 'the moon is full';
        END IF;
        RETURN NULL;
    END
    $$;
    CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON lmsschema_version
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@pytest.mark.parametrize("revision", ["0003_analytics", "0004_integrity"])
def test_a_revision_whose_commit_fails_is_not_said_to_be_applied(
    database_url: str, opened: Open, revision: str
) -> None:
    database = opened(database_url)
    upgrade(database, "0001_foundation")
    database.conn.execute(REFUSE_AT_COMMIT.format(revision).encode())
    applied: list[str] = []
    with pytest.raises(LmsschemaError) as failed:
        upgrade(database, on_applied=lambda one: applied.append(one.revision))
    before = revisions.parent(revision)
    assert position.current(database) == before
    assert applied == [one for one in ("0002_progress", "0003_analytics") if one <= str(before)]
    assert f"revision {revision} failed: not today" in failed.value.message
    assert "statement: COMMIT" in failed.value.message
    assert failed.value.details["statement"] == "COMMIT"
    database.conn.execute("DROP FUNCTION refuse CASCADE")
    assert upgrade(database).after == revisions.head()
