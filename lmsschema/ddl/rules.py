"""Rules that rows must keep, and the rows that break them: counted before anything is changed."""

import dataclasses
import itertools
from collections.abc import Sequence

from psycopg import errors, sql

from lmsschema.database.connection import Database
from lmsschema.database.quoting import identifier
from lmsschema.errors import UnsafeError


@dataclasses.dataclass(frozen=True)
class Rule:
    """What rows of a table have to keep.

    Attributes:
        name: What its violation is reported by: the constraint's name, or the column's.
        table: The table.
        broken: The condition, in SQL, of the rows that break it.
    """

    name: str
    table: str
    broken: str

    @property
    def query(self) -> str:
        """The query that finds the rows which break it."""
        return f"SELECT * FROM {identifier(self.table).as_string()} WHERE {self.broken}"  # noqa: S608  a revision's own text


def refuse_violations(
    database: Database, rules: Sequence[Rule], *, may_wait: bool = False
) -> list[Rule]:
    """Raise if rows break the rules; each table is read once for those of it that follow in a row.

    Locks: ACCESS SHARE on the tables, as every query.

    Args:
        database: Where.
        rules: The rules.
        may_wait: Return the rules about what is not there yet, instead of failing.

    Raises:
        UnsafeError: Names each rule that is broken, how many rows break it, and the query that
            finds them.
    """
    found: list[tuple[Rule, int]] = []
    later: list[Rule] = []
    for _, group in itertools.groupby(rules, key=lambda rule: rule.table):
        ours = list(group)
        try:
            found += _count(database, ours)
        except (errors.UndefinedColumn, errors.UndefinedTable):
            if not may_wait:
                raise
            for rule in ours:
                try:
                    found += _count(database, [rule])
                except (errors.UndefinedColumn, errors.UndefinedTable):
                    later.append(rule)
    if found:
        raise UnsafeError(
            "rows break the rules:\n"
            + "\n".join(
                f"  {rule.name}: {count} {'row' if count == 1 else 'rows'} of {rule.table}: "
                f"{rule.query};"
                for rule, count in found
            ),
            hint="Correct or delete those rows, then run it again.",
            details={
                "violations": [
                    {"rule": rule.name, "table": rule.table, "rows": count, "query": rule.query}
                    for rule, count in found
                ]
            },
        )
    return later


def _count(database: Database, rules: Sequence[Rule]) -> list[tuple[Rule, int]]:
    """Return the rules of one table that are broken, each with the number of rows that break it."""
    counts = sql.SQL(", ").join(
        sql.SQL("count(*) FILTER (WHERE {})").format(sql.SQL(rule.broken)) for rule in rules
    )
    with database.transaction(read_only=True) as conn:
        row = conn.execute(
            sql.SQL("SELECT {} FROM {}").format(counts, sql.Identifier(rules[0].table))
        ).fetchone()
    return [(rule, count) for rule, count in zip(rules, row or (), strict=True) if count]
