"""What the tests of synthetic data share: what is asked for, and a digest of all rows."""

import hashlib

import psycopg
from psycopg import sql

from lmsschema.demo.fill import TABLES

#: What the tests ask for.
ASKED = (
    *("demo", "--events", "6000", "--seed", "7"),
    *("--until", "2026-11-26", "--institutions", "2"),
)

#: What its rows come to on every server, by however many workers they were made.
DIGEST = "5931cc41ff0c5caea4e9936a46efde94"

#: Columns that later revisions gave the tables: the rows' digest does not cover them.
LATER = ["language", "search", "withdrawn_at"]


def digest(url: str) -> str:
    """Return a digest of every row of every table, by the columns' text."""
    with psycopg.connect(url, options="-c TimeZone=UTC") as conn:
        parts = [
            sql.SQL(
                "SELECT md5(string_agg(md5(row::text), '' ORDER BY id)) FROM"
                " (SELECT id, to_jsonb(t) - %(later)s::text[] AS row FROM {} AS t) AS t"
            ).format(sql.Identifier(table))
            for table in TABLES
        ]
        union = sql.SQL(" UNION ALL ").join(parts)
        found = [row[0] for row in conn.execute(union, {"later": LATER})]
    return hashlib.md5("".join(map(str, found)).encode(), usedforsecurity=False).hexdigest()
