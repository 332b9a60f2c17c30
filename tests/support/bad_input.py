"""What test_bad_input and test_bad_databases share."""

import psycopg

SECRET = "p4ssw0rd"


def objects(url: str) -> int:
    """How many relations and types users made in a database."""
    with psycopg.connect(url) as conn:
        row = conn.execute(
            "SELECT (SELECT count(*) FROM pg_class WHERE oid >= 16384)"
            " + (SELECT count(*) FROM pg_type WHERE oid >= 16384)"
            " + (SELECT count(*) FROM pg_namespace WHERE oid >= 16384)"
        ).fetchone()
    assert row is not None
    return int(row[0])
