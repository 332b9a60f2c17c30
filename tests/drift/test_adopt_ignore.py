"""`lmsschema adopt` leaves out what `lmsschema check` leaves out."""

import psycopg

from lmsschema.migration import revisions
from tests.support.program import Program


def test_what_is_meant_to_be_is_no_difference(lmsschema: Program, upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute(
            "DROP TABLE lmsschema_version; CREATE INDEX idx_site_names ON users (username, email);"
            "COMMENT ON COLUMN users.email IS 'private'; ALTER TABLE courses SET (fillfactor = 90)"
        )
    ignore = ("--ignore", "users.idx_site_*", "--ignore", "users.email:comment")
    refused = lmsschema("adopt", "--url", upgraded_url, *ignore, "--json")
    assert refused.code == 3
    assert [one["attribute"] for one in refused.json["differences"]] == ["storage parameters"]
    assert refused.json["ignored"] == 2
    every = (*ignore, "--ignore", "courses:storage parameters")
    done = lmsschema("adopt", "--url", upgraded_url, *every)
    assert (done.code, done.out) == (
        0,
        f"equal to {revisions.head()}: recorded: base -> {revisions.head()}; 3 ignored\n",
    )
    assert lmsschema("check", "--url", upgraded_url, *every).code == 0
