"""Whom and what records are about: identifiers of other systems, and the rows that they mean.

Rows that are made have ids made of their identifiers, so that two runs make the same ones. They are
made before the batch, in a transaction of their own: within it, others would wait for its end.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from uuid import UUID, uuid5

import psycopg
from psycopg import sql

from lmsschema.database.queries import query
from lmsschema.load import claim
from lmsschema.load.record import Entity, Kind, Missing, Record, RejectError, identifier, namespace
from lmsschema.locks.context import Context

#: So many identifiers are remembered at most, besides those of the batch.
_REMEMBERED = 200_000

_TABLES: dict[Kind, str] = {
    "user": "users",
    "course": "courses",
    "lesson": "lessons",
    "section": "sections",
}
_OWN = sql.SQL("t.institution_id = x.institution_id")

#: The longest address that users have.
_ADDRESS = 255

#: The lesson of the sections of which no lesson is known.
_CONTENT = Entity("content", "Content")

#: User, course, lesson and section of a row.
References = tuple[UUID | None, UUID | None, UUID | None, UUID | None]


@dataclasses.dataclass(frozen=True)
class _Wanted:
    """An identifier that is looked for.

    Attributes:
        entity: What it means.
        parent: The identifier of what it is a part of: a lesson's course, a section's lesson.
    """

    entity: Entity
    parent: str = ""


class Identities:
    """Finds the rows of an institution that identifiers mean, or makes them.

    Args:
        context: The database.
        institution: The institution.
        missing: What happens where nobody knows an identifier.
    """

    def __init__(self, context: Context, institution: UUID, missing: Missing) -> None:
        self._context = context
        self._institution = institution
        self._missing = missing
        self._known: dict[tuple[Kind, str], UUID] = {}

    def forget(self) -> None:
        """Forget what was found: a row may have been deleted since."""
        self._known.clear()

    def resolve(self, records: Iterable[Record]) -> None:
        """Find, or make, what a batch is about."""
        if len(self._known) > _REMEMBERED:
            self.forget()
        wanted: dict[Kind, dict[str, _Wanted]] = {kind: {} for kind in _TABLES}
        for record in {combination(one): one for one in records}.values():
            if record.actor:
                wanted["user"].setdefault(record.actor.key, _Wanted(record.actor))
            if record.course is None:
                continue
            course = record.course.key
            wanted["course"].setdefault(course, _Wanted(record.course))
            if record.lesson or record.section:
                lesson = record.lesson or _CONTENT
                within = identifier(course, lesson.key)
                wanted["lesson"].setdefault(within, _Wanted(lesson, course))
                if record.section:
                    key = identifier(within, record.section.key)
                    wanted["section"].setdefault(key, _Wanted(record.section, within))
        for kind, entities in wanted.items():  # what is referred to first
            new = {key: one for key, one in entities.items() if (kind, key) not in self._known}
            if new:
                self._find(kind, new)

    def references(self, record: Record) -> References:
        """Return the rows that a record refers to.

        Raises:
            RejectError: Nobody knows the user or the course, and that is not allowed.
        """
        user = self._one("user", record.actor)
        course = self._one("course", record.course)
        lesson = section = None
        if course is not None and record.course and (record.lesson or record.section):
            within = identifier(record.course.key, (record.lesson or _CONTENT).key)
            lesson = self._known.get(("lesson", within))
            if record.section and lesson:
                section = self._known.get(("section", identifier(within, record.section.key)))
        return user, course, lesson, section

    def _one(self, kind: Kind, entity: Entity | None) -> UUID | None:
        if entity is None:
            return None
        found = self._known.get((kind, entity.key))
        if found is None and entity.makeable and self._missing != "null":
            if self._missing == "create" and kind == "user":
                raise RejectError("email_taken", entity.email or entity.key)
            raise RejectError(f"unresolved_{kind}", entity.key)
        return found

    def _find(self, kind: Kind, wanted: Mapping[str, _Wanted]) -> None:
        with self._context.database.transaction() as conn:
            left = self._look_up(conn, kind, wanted)
        makes = self._missing == "create"
        if left and (makes or (kind == "user" and any(one.entity.email for one in left.values()))):
            claim.patiently(
                self._context,
                f"to make rows of {_TABLES[kind]}",
                lambda: self._make(kind, left),
            )

    def _look_up(
        self, conn: psycopg.Connection, kind: Kind, wanted: Mapping[str, _Wanted]
    ) -> dict[str, _Wanted]:
        """Remember what identifiers mean; return those that nobody knows."""
        statement = query("load/targets").format(
            table=sql.Identifier(_TABLES[kind]),
            condition=_OWN if kind in {"user", "course"} else sql.SQL("true"),
        )
        values = {"institution": self._institution, "kind": kind, "keys": list(wanted)}
        found: dict[str, UUID] = dict(conn.execute(statement, values).fetchall())
        self._known.update(((kind, key), target) for key, target in found.items())
        return {key: one for key, one in wanted.items() if key not in found}

    def _make(self, kind: Kind, wanted: Mapping[str, _Wanted]) -> None:
        """Make rows, and remember them once they are committed."""
        with claim.transaction(self._context, f" load identities {self._institution}") as conn:
            left = self._look_up(conn, kind, wanted)
            targets = self._by_email(conn, left) if kind == "user" else {}
            if self._missing == "create":
                made = {
                    key: one
                    for key, one in left.items()
                    if key not in targets
                    and one.entity.makeable
                    and (not one.parent or self._parent(kind, one) is not None)
                }
                ids = {key: uuid5(namespace(self._institution), f"{kind}:{key}") for key in made}
                self._insert(conn, kind, made, ids)
                targets |= ids
            statement = query("load/register").format(table=sql.Identifier(_TABLES[kind]))
            values = {"institution": self._institution, "kind": kind}
            conn.execute(statement, values | {"keys": list(targets), "ids": list(targets.values())})
        with self._context.database.transaction() as conn:
            self._look_up(conn, kind, left)

    def _by_email(self, conn: psycopg.Connection, wanted: Mapping[str, _Wanted]) -> dict[str, UUID]:
        """Return the users that have the addresses of some: the same person."""
        emails = {one.entity.email: key for key, one in wanted.items() if one.entity.email}
        found = conn.execute(
            query("load/users_by_email"),
            {"institution": self._institution, "emails": list(emails)},
        ).fetchall()
        return {emails[email]: target for email, target in found if email in emails}

    def _insert(
        self,
        conn: psycopg.Connection,
        kind: Kind,
        made: Mapping[str, _Wanted],
        ids: Mapping[str, UUID],
    ) -> None:
        if not made:
            return
        titles = [
            _address(one.entity, ids[key]) if kind == "user" else one.entity.title.strip()[:500]
            for key, one in made.items()
        ]
        conn.execute(
            query(f"load/make_{_TABLES[kind]}"),
            {
                "institution": self._institution,
                "ids": list(ids.values()),
                "titles": titles,
                "parents": [self._parent(kind, one) for one in made.values()],
                "interactions": [one.entity.interaction for one in made.values()],
            },
        )

    def _parent(self, kind: Kind, wanted: _Wanted) -> UUID | None:
        """Return what a lesson or a section is a part of."""
        if kind == "lesson":
            return self._known.get(("course", wanted.parent))
        return self._known.get(("lesson", wanted.parent))


def combination(record: Record) -> tuple[int, int, int, int]:
    """Return what is the same for records about the same entities, as long as these are there."""
    return id(record.actor), id(record.course), id(record.lesson), id(record.section)


def _address(entity: Entity, made: UUID) -> str:
    """Return a user's address: the one that the source has, else one that nobody can write to."""
    if entity.email and entity.email.strip() and len(entity.email) <= _ADDRESS:
        return entity.email
    return f"{made.hex}@pseudonym.invalid"
