"""The project's own rules for the SQL of a revision: what neither squawk nor sqlfluff finds.

They look at words; what stands in comments, literals and function bodies is not a word.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator

from lmsschema import names

#: Alembic updates its one row, by the key.
_VERSION_TABLE = "lmsschema_version"

#: Words between UPDATE, DELETE or MERGE and the table.
_BEFORE_A_TABLE = frozenset({"FROM", "INTO", "ONLY"})

#: A comment in a statement that exempts it from a rule; the reason is required.
_IGNORED = re.compile(r"lint: ignore ([a-z-]+): \S")


@dataclasses.dataclass(frozen=True)
class LexedStatement:
    """A statement, split into words by sqlfluff's lexer.

    Attributes:
        line: Its first line, from 1.
        words: Its keywords, names, literals and operators, as they are written.
        comments: The comments before and in it.
    """

    line: int
    words: tuple[str, ...]
    comments: tuple[str, ...] = ()

    @property
    def upper(self) -> tuple[str, ...]:
        """The words in capitals."""
        return tuple(word.upper() for word in self.words)

    def has(self, *words: str) -> bool:
        """Whether it contains these words, one after the other."""
        found = self.upper
        return any(found[i : i + len(words)] == words for i in range(len(found)))


@dataclasses.dataclass(frozen=True)
class Breach:
    """A rule that a statement violates, and what to do about it."""

    line: int
    rule: str
    message: str
    help: str


def check(statements: Iterable[LexedStatement]) -> list[Breach]:
    """Return the rules that the statements of one revision violate, by line."""
    found = list(statements)
    breaches = [
        breach for statement in found for rule in _OF_A_STATEMENT for breach in rule(statement)
    ]
    breaches += _second_outside_a_transaction(found)
    breaches += _unbatched_writes(found)
    ignored = {
        (statement.line, rule)
        for statement in found
        for comment in statement.comments
        for rule in _IGNORED.findall(comment)
    }
    kept = [breach for breach in breaches if (breach.line, breach.rule) not in ignored]
    return sorted(kept, key=lambda breach: (breach.line, breach.rule))


def _partition_of(statement: LexedStatement) -> Iterator[Breach]:
    if statement.upper[:1] == ("CREATE",) and statement.has("PARTITION", "OF"):
        yield Breach(
            statement.line,
            "partition-of",
            "a partition created with PARTITION OF: it blocks every reader of the table",
            "Let the partition manager create partitions: lmsschema partitions ensure.",
        )


def _concurrently_if_not_exists(statement: LexedStatement) -> Iterator[Breach]:
    if statement.has("CONCURRENTLY", "IF", "NOT", "EXISTS"):
        yield Breach(
            statement.line,
            "concurrently-if-not-exists",
            "CONCURRENTLY with IF NOT EXISTS keeps an invalid index of an earlier, failed attempt",
            "Remove IF NOT EXISTS; drop an invalid index first.",
        )


def _long_names(statement: LexedStatement) -> Iterator[Breach]:
    for word in dict.fromkeys(statement.words):
        name = word[1:-1].replace('""', '"') if word[0] == '"' else word
        if (word[0] == '"' or word[0].isidentifier()) and not names.fits(name):
            yield Breach(
                statement.line,
                "name-too-long",
                f"{name} has {names.size(name)} bytes, of which PostgreSQL keeps {names.MAX_BYTES}",
                "Choose a shorter name.",
            )


def _second_outside_a_transaction(statements: list[LexedStatement]) -> Iterator[Breach]:
    outside = [statement for statement in statements if _runs_outside_a_transaction(statement)]
    for statement in outside[1:]:
        yield Breach(
            statement.line,
            "second-non-transactional",
            "a second statement that runs outside a transaction: after a failure between the two, "
            "the next run fails at the first one, which is already done",
            "Move it to a revision of its own.",
        )


def _runs_outside_a_transaction(statement: LexedStatement) -> bool:
    words = statement.upper
    if not words:
        return False
    if "CONCURRENTLY" in words and words[0] in {"CREATE", "DROP", "REINDEX", "ALTER"}:
        return True
    return words[0] == "VACUUM" or words[:2] in {
        (verb, noun)
        for verb in ("CREATE", "DROP", "ALTER", "REINDEX")
        for noun in ("DATABASE", "TABLESPACE", "SYSTEM")
        if (verb, noun) not in {("ALTER", "DATABASE"), ("ALTER", "TABLESPACE")}
    }


def _unbatched_writes(statements: list[LexedStatement]) -> Iterator[Breach]:
    made = {_VERSION_TABLE}
    for statement in statements:
        made |= set(_table_made(statement))
        for verb, table in _written(statement):
            if table not in made and "LIMIT" not in statement.upper:
                whole = "" if "WHERE" in statement.upper else " of the whole table"
                yield Breach(
                    statement.line,
                    "unbatched-write",
                    f"{verb} {table}{whole} in one transaction: its rows stay locked until the "
                    "revision ends, and VACUUM can't remove their old versions until then",
                    "Write in batches, outside of a revision. If there are few rows, say so in the "
                    "statement: -- lint: ignore unbatched-write: REASON",
                )


def _table_made(statement: LexedStatement) -> Iterator[str]:
    words = statement.upper
    if words[:1] == ("CREATE",) and "TABLE" in words[:4]:
        at = words.index("TABLE") + 1
        yield _name_at(statement, at + 3 if words[at : at + 3] == ("IF", "NOT", "EXISTS") else at)


def _written(statement: LexedStatement) -> Iterator[tuple[str, str]]:
    """Yield each UPDATE, DELETE or MERGE of a statement with the table that it writes to."""
    words = statement.upper
    if words[:1] not in {("UPDATE",), ("DELETE",), ("MERGE",), ("WITH",)}:
        return
    for i, word in enumerate(words):
        # FOR UPDATE locks, and MERGE says UPDATE or DELETE after THEN
        if word in {"UPDATE", "DELETE", "MERGE"} and words[i - 1 : i] not in {("FOR",), ("THEN",)}:
            after = (j for j in range(i + 1, len(words)) if words[j] not in _BEFORE_A_TABLE)
            at = next(after, None)
            if at is not None:
                yield word, _name_at(statement, at)


def _name_at(statement: LexedStatement, at: int) -> str:
    """Return the name that begins at a word, without its schema and without quotes."""
    words = statement.words
    while words[at + 1 : at + 2] == (".",):
        at += 2
    name = words[at]
    return name[1:-1].replace('""', '"') if name[0] == '"' else name.lower()


_OF_A_STATEMENT: tuple[Callable[[LexedStatement], Iterator[Breach]], ...] = (
    _partition_of,
    _concurrently_if_not_exists,
    _long_names,
)
