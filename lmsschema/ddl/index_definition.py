"""What an index is, as a step says it, and as PostgreSQL and SQLAlchemy print it."""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Self

import psycopg

from lmsschema import names
from lmsschema.ddl import definition
from lmsschema.errors import LmsschemaError

_NAME = r'(?:"(?:[^"]|"")+"|\w+)'
_CREATION = re.compile(
    rf"CREATE (?P<unique>UNIQUE )?INDEX (?:CONCURRENTLY )?(?P<name>{_NAME}) ON (?:ONLY )?"
    rf"(?:{_NAME}\.)?(?P<table>{_NAME})(?: USING (?P<method>\w+))? ?(?P<rest>\(.*)",
    re.DOTALL,
)

#: A key: what is indexed, then how: collation, operator class with its parameters, order.
_KEY = re.compile(
    r"(?P<what>.+?)(?P<how>(?:\s+COLLATE\s+\S+)?"
    r'(?:\s+[\w."]+_ops(?:\s*\(.*\))?)?(?:\s+(?:ASC|DESC))?(?:\s+NULLS\s+(?:FIRST|LAST))?)',
    re.DOTALL | re.IGNORECASE,
)

_CALL = re.compile(r"(\w+)\(.*\)", re.DOTALL)

_ORDER = ("asc", "desc", "nulls", "first", "last")

_OPTION = re.compile(r"\s*(?P<name>\w+)\s*=\s*'?(?P<value>[^']*?)'?\s*")


@dataclasses.dataclass(frozen=True)
class IndexDefinition:
    """An index of a table.

    Attributes:
        name: The index's name.
        table: The table.
        columns: What is indexed, each with its operator class and order as PostgreSQL prints them,
            an expression in any words: ``user_id, event_timestamp DESC``.
        unique: Whether it is unique.
        method: The access method: ``btree``, ``gin``, ``brin``, …
        include: Columns that are stored besides: ``user_id, event_type``.
        where: The condition of the rows that are indexed, in any words; "" for all rows.
        options: Its storage parameters: ``{"pages_per_range": 32}``.
    """

    name: str
    table: str
    columns: str
    unique: bool = False
    method: str = dataclasses.field(default="btree", kw_only=True)
    include: str = dataclasses.field(default="", kw_only=True)
    where: str = dataclasses.field(default="", kw_only=True)
    options: Mapping[str, str | int] = dataclasses.field(default_factory=dict, kw_only=True)

    def __str__(self) -> str:
        return f"index {self.name}"

    @classmethod
    def parse(cls, creation: str) -> Self:
        """Return what a CREATE INDEX makes, as SQLAlchemy or PostgreSQL prints it.

        Raises:
            LmsschemaError: It says what a step does not, as NULLS NOT DISTINCT.
        """
        found = _CREATION.fullmatch(creation.strip())
        if found is None:
            raise LmsschemaError(f"this is no index that a step can make: {creation}")
        columns, rest = _parenthesized(found["rest"])
        clauses: dict[str, str] = {}
        for word in ("INCLUDE", "WITH"):
            if rest.startswith(f"{word} ("):
                clauses[word], rest = _parenthesized(rest.removeprefix(f"{word} "))
        if rest and not rest.startswith("WHERE "):
            raise LmsschemaError(f"no step can make an index with {rest}: {creation}")
        return cls(
            _unquoted(found["name"]),
            _unquoted(found["table"]),
            columns,
            bool(found["unique"]),
            method=found["method"] or "btree",
            include=clauses.get("INCLUDE", ""),
            where=rest.removeprefix("WHERE "),
            options=_options(clauses.get("WITH", "")),
        )

    @property
    def body(self) -> str:
        """What it is made of, as :func:`lmsschema.ddl.index.creation` takes it."""
        parts = ["UNIQUE "] if self.unique else []
        parts += [f"USING {self.method} ({self.columns})"]
        if self.include:
            parts.append(f" INCLUDE ({self.include})")
        if self.options:
            options = ", ".join(f"{name} = '{value}'" for name, value in self.options.items())
            parts.append(f" WITH ({options})")
        if self.where:
            parts.append(f" WHERE {self.where}")
        return "".join(parts)

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Each key's column or expression, and its collation, operator class and order."""
        return [_key(one) for one in _split(self.columns)]

    def equals(self, conn: psycopg.Connection, other: "IndexDefinition") -> bool:
        """Whether another definition says the same of the same table, whatever its name."""
        ours, theirs = self.keys, other.keys
        return (
            (self.table, self.unique, self.method) == (other.table, other.unique, other.method)
            and [how for _, how in ours] == [how for _, how in theirs]
            and _columns(self.include) == _columns(other.include)
            and _written(self.options) == _written(other.options)
            and bool(self.where) == bool(other.where)
            and all(
                first == second or definition.same(conn, self.table, first, second)
                for first, second in [
                    *((one, two) for (one, _), (two, _) in zip(ours, theirs, strict=True)),
                    (self.where, other.where),
                ]
            )
        )

    def part_names(self, partition: str) -> tuple[str, str]:
        """Return the names of its part on a partition: the first is the one that PostgreSQL gives.

        Another index may have that one: the second is this index's alone.
        """
        return self._usual(partition, ""), names.shortened(f"{partition}_{self.name}")

    def may_name(self, partition: str, name: str) -> bool:
        """Whether its part on a partition may have a name; PostgreSQL numbers what others have."""
        numbered = {self._usual(partition, str(number)) for number in range(1, 10)}
        return name in {*self.part_names(partition), *numbered}

    def _usual(self, partition: str, number: str) -> str:
        """Return the name that PostgreSQL gives a part, as its makeObjectName() shortens it."""
        words: list[str] = []
        for what in [*(key for key, _ in self.keys), *_columns(self.include)]:
            called = _CALL.fullmatch(what)
            word = what if what.isidentifier() else called[1] if called else "expr"
            taken = sum(one.rstrip("0123456789") == word for one in words if one != word)
            words.append(f"{word}{taken + 1}" if word in words else word)
        columns = "_".join(words)
        room = names.MAX_BYTES - len(f"__idx{number}")
        table = names.size(partition)
        rest = min(names.size(columns), names.MAX_BYTES)
        while table + rest > room:
            table, rest = (table - 1, rest) if table > rest else (table, rest - 1)
        return f"{names.cut(partition, table)}_{names.cut(columns, rest)}_idx{number}"


def _key(text: str) -> tuple[str, str]:
    """Return what a key is made of, and the rest in PostgreSQL's words."""
    found = _KEY.fullmatch(text.strip())
    what, how = (found["what"], found["how"]) if found else (text, "")
    how = re.sub(r"\s*(\(.*\))", lambda one: re.sub(r"[\s']", "", one[1]), how)
    words = [one.upper() if one.lower() in _ORDER else one for one in how.split()]
    how = " ".join(one for one in words if one != "ASC")
    usual = "NULLS FIRST" if "DESC" in words else "NULLS LAST"
    return what.strip(), how.removesuffix(usual).strip()


def _columns(text: str) -> list[str]:
    return [_unquoted(one.strip()) for one in _split(text)]


def _options(text: str) -> dict[str, str | int]:
    found = [_OPTION.fullmatch(one) for one in _split(text)]
    return {one["name"]: one["value"] for one in found if one}


def _written(options: Mapping[str, str | int]) -> dict[str, str]:
    return {name: str(value).lower() for name, value in options.items()}


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _parenthesized(text: str) -> tuple[str, str]:
    """Return what is in the parentheses that a text begins with, and what follows them."""
    depth = 0
    for at, sign in _signs(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return text[1:at], text[at + 1 :].strip()
    raise LmsschemaError(f"a parenthesis is not closed: {text}")


def _split(text: str) -> Sequence[str]:
    """Return the parts between the commas that are in no parentheses."""
    parts, depth, start = [], 0, 0
    for at, sign in _signs(text):
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]] if text.strip() else []


def _signs(text: str) -> Iterator[tuple[int, str]]:
    """Yield the places of commas and parentheses outside of quotes."""
    quote = ""
    for at, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in ",()":
            yield at, sign
