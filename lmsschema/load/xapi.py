"""xAPI statements (1.0.3 and 2.0), one a line, as records; ``docs/load.md`` has the mapping."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import Raw

from lmsschema.load.categories import Categories, last_segment
from lmsschema.load.durations import seconds
from lmsschema.load.entities import entity_of, place_of
from lmsschema.load.mapping import ACTION, TYPE, EventFormat, canonical, clean, encode, uuid_of
from lmsschema.load.record import Entity, Record, RejectError, Voiding
from lmsschema.load.statement import (
    StatementObject,
    XapiStatement,
    decode_activities,
    decode_agent,
    decode_fields,
    decode_object,
    decode_result,
    decode_statement,
    decode_text,
)

VOIDED = "http://adlnet.gov/expapi/verbs/voided"

_SESSIONS = (
    "https://w3id.org/xapi/video/extensions/session-id",
    "https://w3id.org/xapi/cmi5/context/extensions/sessionid",
)
_RELATIONS = ("parent", "grouping", "category", "other")

_OWN = ("extensions", "contextActivities")

_NOTHING = Raw()
_EMPTY = {b"", b"null"}

#: Bytes of JSON up to which what it means is remembered.
_REMEMBERED = 2048

T = TypeVar("T")


class XapiFormat(EventFormat):
    """Makes records of statements."""

    name = "xapi"
    wrong = "not_a_statement"

    def _read(self, raw: bytes) -> Record | Voiding:
        line, changed = clean(raw)
        statement = decode_statement(line)
        try:
            own = (
                uuid_of(statement.id) if statement.id else self._made("statement", canonical(line))
            )
        except ValueError:
            raise RejectError("id_not_a_uuid", str(statement.id)) from None
        thing = _remembered(_thing, self.categories, statement.object)
        if statement.verb.id == VOIDED:
            return _voiding(thing.what, own)
        at = self._time(statement.timestamp or statement.stored)
        actor = _remembered(_actor, self.categories, statement.actor)
        fields = _fields(statement.context, "context")
        around = _remembered(_around, self.categories, fields.get("contextActivities", _NOTHING))
        extensions = _fields(fields.get("extensions", _NOTHING), "context.extensions")
        course = around.course or thing.course
        lesson = (around.lesson or thing.lesson) if course else None
        named = _session_of(extensions, fields.get("registration", _NOTHING))
        session, derived = self._session(named, actor, course, at)
        action = statement.verb.id
        category = self.categories.of(action, thing.kind)
        facts = [_member(key, value) for key, value in extensions.items()]
        facts += [_member(key, value) for key, value in fields.items() if key not in _OWN]
        facts += around.facts
        facts += thing.facts
        if len(action) > ACTION:
            facts.append(b'"verb":' + encode(action))
        if derived:
            facts.append(b'"session_derived":true')
        if actor is None or not actor.makeable or self.keep_actor:
            facts.append(b'"actor":' + bytes(statement.actor))
        return Record(
            id=own,
            at=at,
            actor=actor,
            course=course,
            lesson=lesson,
            section=thing.section if course else None,
            type=last_segment(action)[:TYPE],
            category=category or "interaction",
            action=action[:ACTION],
            session=session,
            context=b"{" + b",".join(facts) + b"}",
            data=_data(statement, thing.what),
            changed="nul" if changed else "",
            unknown_verb="" if category else action,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class _Thing:
    """What is acted on: the object, and which row it is."""

    what: StatementObject
    kind: str | None
    facts: list[bytes]
    course: Entity | None = None
    lesson: Entity | None = None
    section: Entity | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class _Around:
    """Where something is done: what the activities around say."""

    course: Entity | None
    lesson: Entity | None
    facts: list[bytes]


def _remembered(function: Callable[[Categories, bytes], T], categories: Categories, raw: Raw) -> T:
    """Return what a function makes of JSON: statements repeat whom and what they are about."""
    key = bytes(raw)
    if len(key) > _REMEMBERED:
        function = function.__wrapped__  # type: ignore[attr-defined]  # of lru_cache
    return function(categories, key)


@functools.lru_cache(maxsize=4096)
def _thing(categories: Categories, raw: bytes) -> _Thing:
    what = _part(decode_object, raw, "object")
    kind = what.definition.type if what.definition else None
    facts = [b'"object":' + encode(what.id)] if what.id else []
    facts += [b'"object_type":' + encode(kind)] if kind else []
    if what.objectType != "Activity":
        return _Thing(what, kind, facts)
    if kind in categories.courses:
        return _Thing(what, kind, facts, course=place_of(what))
    if kind in categories.lessons:
        return _Thing(what, kind, facts, lesson=place_of(what))
    return _Thing(what, kind, facts, section=place_of(what, _interaction(categories, kind)))


@functools.lru_cache(maxsize=4096)
def _actor(_: Categories, raw: bytes) -> Entity | None:
    return entity_of(_part(decode_agent, raw, "actor"))


@functools.lru_cache(maxsize=4096)
def _around(categories: Categories, raw: bytes) -> _Around:
    if raw in _EMPTY:
        return _Around(None, None, [])
    acts = _part(decode_activities, raw, "context.contextActivities")
    course = lesson = None
    for act in (*_all(acts.parent), *_all(acts.grouping)):
        kind = act.definition.type if act.definition else None
        if kind in categories.courses or (act.id or "").startswith("course-v1:"):
            course = course or place_of(act)
        elif kind in categories.lessons:
            lesson = lesson or place_of(act)
    ids = {
        relation: [act.id for act in _all(getattr(acts, relation)) if act.id]
        for relation in _RELATIONS
    }
    facts = [_key(relation) + encode(some) for relation, some in ids.items() if some]
    return _Around(course, lesson, facts)


def _interaction(categories: Categories, kind: str | None) -> str:
    """Return what a learner does in a section of that type."""
    lower = (kind or "").lower()
    if any(text in lower for text in categories.media):
        return "watch"
    category = next((one for text, one in categories.objects if text in lower), "")
    return {"social": "discussion", "assessment": "quiz"}.get(category, "read")


def _session_of(extensions: dict[str, Raw], registration: Raw) -> str | None:
    """Return the session that a statement names; a name that is no text stays JSON."""
    for key in _SESSIONS:
        if key in extensions:
            named = extensions[key]
            try:
                return decode_text(named)
            except msgspec.ValidationError:
                return bytes(named).decode()
    if bytes(registration) in _EMPTY:
        return None
    return _part(decode_text, registration, "context.registration") or None


def _part(decode: Any, raw: bytes | Raw, path: str) -> Any:  # noqa: ANN401  msgspec's decoders
    try:
        return decode(raw)
    except msgspec.ValidationError as error:
        text = str(error)
        inside = f"$.{path}"
        where = text.replace("`$", f"`{inside}") if "`$" in text else f"{text} - at `{inside}`"
        raise RejectError("not_a_statement", where) from None


def _fields(raw: Raw, path: str) -> dict[str, Raw]:
    """Return the members of an object as they are."""
    return {} if bytes(raw) in _EMPTY else _part(decode_fields, raw, path)


def _member(key: str, value: Raw) -> bytes:
    return _key(key) + bytes(value)


@functools.lru_cache(maxsize=4096)
def _key(name: str) -> bytes:
    return encode(name) + b":"


def _voiding(what: StatementObject, by: UUID) -> Voiding:
    if what.objectType != "StatementRef" or not what.id:
        raise RejectError("voids_no_statement")
    try:
        return Voiding(UUID(what.id), by)
    except ValueError:
        raise RejectError("id_not_a_uuid", what.id) from None


def _all(acts: list[StatementObject] | StatementObject) -> list[StatementObject]:
    return acts if isinstance(acts, list) else [acts]


def _data(statement: XapiStatement, what: StatementObject) -> bytes:
    """Return the result as it is, with the duration in seconds; attachments; an odd object."""
    result = bytes(statement.result)
    more = []
    if b'"duration"' in result or not result.startswith(b"{"):
        fields = _fields(statement.result, "result")
        duration = _part(decode_result, encode(fields), "result").duration
        length = seconds(duration) if duration else None
        if length is not None:
            more.append(b'"duration_seconds":' + encode(length))
        result = encode(fields)
    if bytes(statement.attachments) not in _EMPTY:
        more.append(b'"attachments":' + bytes(statement.attachments))
    if what.objectType not in {"Activity", "StatementRef"}:
        more.append(b'"object":' + bytes(statement.object))
    if not more:
        return result
    return result[:-1] + (b"," if result[1:-1].strip() else b"") + b",".join(more) + b"}"
