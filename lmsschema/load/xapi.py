"""xAPI statements (1.0.3 and 2.0), one a line, as records; ``docs/load.md`` has the mapping."""

from typing import Any
from uuid import UUID

import msgspec
from msgspec import Raw

from lmsschema.load.categories import last_segment
from lmsschema.load.durations import seconds
from lmsschema.load.entities import entity_of, place_of
from lmsschema.load.mapping import ACTION, TYPE, EventFormat, canonical, clean, encode
from lmsschema.load.record import Entity, Record, RejectError, Voiding
from lmsschema.load.statement import (
    StatementContext,
    StatementObject,
    XapiStatement,
    decode_agent,
    decode_context,
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


class XapiFormat(EventFormat):
    """Makes records of statements."""

    name = "xapi"
    wrong = "not_a_statement"

    def _read(self, raw: bytes) -> Record | Voiding:
        line, changed = clean(raw)
        statement = decode_statement(line)
        try:
            own = UUID(statement.id) if statement.id else self._made("statement", canonical(line))
        except ValueError:
            raise RejectError("id_not_a_uuid", str(statement.id)) from None
        what = _part(decode_object, statement.object, "object")
        if statement.verb.id == VOIDED:
            return _voiding(what, own)
        at = self._time(statement.timestamp or statement.stored)
        agent = _part(decode_agent, statement.actor, "actor")
        actor = entity_of(agent)
        fields, context = _parts_of(statement.context)
        course, lesson, section = self._places(what, context)
        session, derived = self._session(_session_of(context), actor, course, at)
        kind = what.definition.type if what.definition else None
        category = self.categories.of(statement.verb.id, kind)
        action = statement.verb.id
        facts = _facts(fields, context)
        facts |= {
            "object": encode(what.id) if what.id else b"",
            "object_type": encode(kind) if kind else b"",
            "verb": encode(action) if len(action) > ACTION else b"",
            "session_derived": b"true" if derived else b"",
        }
        if actor is None or not actor.makeable or self.keep_actor:
            facts["actor"] = bytes(statement.actor)
        data = _data(statement, what)
        return Record(
            id=own,
            at=at,
            actor=actor,
            course=course,
            lesson=lesson,
            section=section,
            type=last_segment(action)[:TYPE],
            category=category or "interaction",
            action=action[:ACTION],
            session=session,
            context=_json(facts),
            data=_json(data),
            changed="nul" if changed else "",
            unknown_verb="" if category else action,
        )

    def _places(
        self, what: StatementObject, context: StatementContext
    ) -> tuple[Entity | None, Entity | None, Entity | None]:
        """Return course, lesson and section: the object's own ones, else those around it."""
        course = lesson = section = None
        if acts := context.contextActivities:
            for act in (*_all(acts.parent), *_all(acts.grouping)):
                kind = act.definition.type if act.definition else None
                if kind in self.categories.courses or (act.id or "").startswith("course-v1:"):
                    course = course or place_of(act)
                elif kind in self.categories.lessons:
                    lesson = lesson or place_of(act)
        if what.objectType == "Activity":
            kind = what.definition.type if what.definition else None
            if kind in self.categories.courses:
                course = course or place_of(what)
            elif kind in self.categories.lessons:
                lesson = lesson or place_of(what)
            else:
                section = place_of(what, self._interaction(kind))
        return course, lesson if course else None, section if course else None

    def _interaction(self, kind: str | None) -> str:
        """Return what a learner does in a section of that type."""
        lower = (kind or "").lower()
        if any(text in lower for text in self.categories.media):
            return "watch"
        category = next((one for text, one in self.categories.objects if text in lower), "")
        return {"social": "discussion", "assessment": "quiz"}.get(category, "read")


def _session_of(context: StatementContext) -> str | None:
    """Return the session that a statement names; a name that is no text stays JSON."""
    extensions = context.extensions or {}
    for key in _SESSIONS:
        if key in extensions:
            named = extensions[key]
            try:
                return decode_text(named)
            except msgspec.ValidationError:
                return bytes(named).decode()
    return context.registration or None


def _part(decode: Any, raw: Raw, path: str) -> Any:  # noqa: ANN401  msgspec's decoders
    try:
        return decode(raw)
    except msgspec.ValidationError as error:
        text = str(error)
        inside = f"$.{path}"
        where = text.replace("`$", f"`{inside}") if "`$" in text else f"{text} - at `{inside}`"
        raise RejectError("not_a_statement", where) from None


def _parts_of(raw: Raw) -> tuple[dict[str, Raw], StatementContext]:
    """Return the context's fields as they are, and those that are understood."""
    if bytes(raw) in {b"", b"null"}:
        return {}, StatementContext()
    return _part(decode_fields, raw, "context"), _part(decode_context, raw, "context")


def _voiding(what: StatementObject, by: UUID) -> Voiding:
    if what.objectType != "StatementRef" or not what.id:
        raise RejectError("voids_no_statement")
    try:
        return Voiding(UUID(what.id), by)
    except ValueError:
        raise RejectError("id_not_a_uuid", what.id) from None


def _all(acts: list[StatementObject] | StatementObject) -> list[StatementObject]:
    return acts if isinstance(acts, list) else [acts]


def _facts(fields: dict[str, Raw], context: StatementContext) -> dict[str, bytes]:
    """Return what of the context is kept: all of it, but of activities only the ids."""
    facts = {key: bytes(value) for key, value in (context.extensions or {}).items()}
    facts |= {key: bytes(value) for key, value in fields.items() if key not in _OWN}
    for relation in _RELATIONS if context.contextActivities else ():
        ids = [act.id for act in _all(getattr(context.contextActivities, relation)) if act.id]
        if ids:
            facts[relation] = encode(ids)
    return facts


def _data(statement: XapiStatement, what: StatementObject) -> dict[str, bytes]:
    """Return the result as it is, with the duration in seconds; attachments; an odd object."""
    data: dict[str, bytes] = {}
    if bytes(statement.result) not in {b"", b"null"}:
        data = {
            key: bytes(value)
            for key, value in _part(decode_fields, statement.result, "result").items()
        }
        duration = _part(decode_result, statement.result, "result").duration
        length = seconds(duration) if duration else None
        if length is not None:
            data["duration_seconds"] = encode(length)
    if bytes(statement.attachments) not in {b"", b"null"}:
        data["attachments"] = bytes(statement.attachments)
    if what.objectType not in {"Activity", "StatementRef"}:
        data["object"] = bytes(statement.object)
    return data


def _json(fields: dict[str, bytes]) -> bytes:
    """Return an object of values that are JSON already; those without one are left out."""
    return b"{" + b",".join(encode(k) + b":" + v for k, v in fields.items() if v) + b"}"
