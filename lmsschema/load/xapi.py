"""xAPI statements (1.0.3 and 2.0), one a line, as records; ``docs/load.md`` has the mapping."""

import dataclasses
import hashlib
import json
import re
from datetime import UTC, datetime, tzinfo
from typing import Any
from uuid import UUID, uuid5

import msgspec
from msgspec import Raw

from lmsschema.load.categories import Categories, last_segment
from lmsschema.load.durations import seconds
from lmsschema.load.entities import entity_of, place
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
    encode,
)

VOIDED = "http://adlnet.gov/expapi/verbs/voided"

_SESSIONS = (
    "https://w3id.org/xapi/video/extensions/session-id",
    "https://w3id.org/xapi/cmi5/context/extensions/sessionid",
)
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_RELATIONS = ("parent", "grouping", "category", "other")

#: The longest event_type and event_action.
_TYPE, _ACTION = 50, 100

_OWN = ("extensions", "contextActivities")


@dataclasses.dataclass(frozen=True)
class XapiFormat:
    """Makes records of statements.

    Args:
        namespace: Of the ids that are made.
        categories: What is known of verbs.
        zone: The time zone of times without an offset; None: they are rejected.
        since: The earliest time.
        until: The first time that is too late.
        keep_actor: Whether the actor is part of ``learning_context``, for users may be unknown.
    """

    namespace: UUID
    categories: Categories
    zone: tzinfo | None
    since: datetime
    until: datetime
    keep_actor: bool = False
    name: str = "xapi"

    def read(self, raw: bytes) -> Record | Voiding | None:
        """Return the record of a statement.

        Raises:
            RejectError: It can't be loaded.
        """
        if not raw.strip():
            return None
        try:
            return self._read(raw)
        except msgspec.ValidationError as error:
            raise RejectError("not_a_statement", str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RejectError("not_json", str(error)) from None
        except RecursionError:
            raise RejectError("not_json", "nested too deeply") from None

    def _read(self, raw: bytes) -> Record | Voiding:
        line, changed = _clean(raw)
        statement = decode_statement(line)
        try:
            own = UUID(statement.id) if statement.id else self._made("statement", _canonical(line))
        except ValueError:
            raise RejectError("id_not_a_uuid", str(statement.id)) from None
        what = _part(decode_object, statement.object, "object")
        if statement.verb.id == VOIDED:
            return _voiding(what, own)
        at = self._time(statement)
        agent = _part(decode_agent, statement.actor, "actor")
        actor = entity_of(agent)
        fields, context = _parts_of(statement.context)
        course, lesson, section = self._places(what, context)
        session, derived = self._session(context, actor, course, at)
        kind = what.definition.type if what.definition else None
        category = self.categories.of(statement.verb.id, kind)
        action = statement.verb.id
        facts = _facts(fields, context)
        facts |= {
            "object": encode(what.id) if what.id else b"",
            "object_type": encode(kind) if kind else b"",
            "verb": encode(action) if len(action) > _ACTION else b"",
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
            type=last_segment(action)[:_TYPE],
            category=category or "interaction",
            action=action[:_ACTION],
            session=session,
            context=_json(facts),
            data=_json(data),
            changed="nul" if changed else "",
            unknown_verb="" if category else action,
        )

    def _time(self, statement: XapiStatement) -> datetime:
        """Return when it happened."""
        text = statement.timestamp or statement.stored
        if not text:
            raise RejectError("timestamp_missing")
        at = self._instant(text)
        if not self.since <= at < self.until:
            raise RejectError("timestamp_out_of_range", text)
        return at

    def _instant(self, text: str) -> datetime:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise RejectError("timestamp_unreadable", text) from None
        if at.tzinfo is None:
            if self.zone is None:
                raise RejectError("timestamp_without_offset", text)
            at = at.replace(tzinfo=self.zone)
        try:
            return at.astimezone(UTC)
        except OverflowError:
            raise RejectError("timestamp_out_of_range", text) from None

    def _places(
        self, what: StatementObject, context: StatementContext
    ) -> tuple[Entity | None, Entity | None, Entity | None]:
        """Return course, lesson and section: the object's own ones, else those around it."""
        course = lesson = section = None
        if acts := context.contextActivities:
            for act in (*_all(acts.parent), *_all(acts.grouping)):
                kind = act.definition.type if act.definition else None
                if kind in self.categories.courses or (act.id or "").startswith("course-v1:"):
                    course = course or place(act)
                elif kind in self.categories.lessons:
                    lesson = lesson or place(act)
        if what.objectType == "Activity":
            kind = what.definition.type if what.definition else None
            if kind in self.categories.courses:
                course = course or place(what)
            elif kind in self.categories.lessons:
                lesson = lesson or place(what)
            else:
                section = place(what, self._interaction(kind))
        return course, lesson if course else None, section if course else None

    def _interaction(self, kind: str | None) -> str:
        """Return what a learner does in a section of that type."""
        lower = (kind or "").lower()
        if any(text in lower for text in self.categories.media):
            return "watch"
        category = next((one for text, one in self.categories.objects if text in lower), "")
        return {"social": "discussion", "assessment": "quiz"}.get(category, "read")

    def _session(
        self, context: StatementContext, actor: Entity | None, course: Entity | None, at: datetime
    ) -> tuple[UUID, bool]:
        """Return the session, and whether it was made of the user, the course and the day."""
        extensions = context.extensions or {}
        named = next((bytes(extensions[key]) for key in _SESSIONS if key in extensions), None)
        if named is None and context.registration:
            named = encode(context.registration)
        if named is not None:
            try:
                return UUID(decode_text(named)), False
            except (ValueError, msgspec.ValidationError):
                return self._made("session", named.decode()), False
        parts = (actor.key if actor else "", course.key if course else "", f"{at:%Y-%m-%d}")
        return self._made("session", "|".join(parts)), True

    def _made(self, kind: str, of: str) -> UUID:
        return uuid5(self.namespace, f"{kind}:{of}")


def _clean(raw: bytes) -> tuple[bytes, bool]:
    """Return a line without NUL, which PostgreSQL has in no text, and whether it had any.

    Raises:
        RejectError: It is not UTF-8, or has half of a surrogate pair, which is no character.
    """
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            raise RejectError("not_utf8", f"byte {error.start} of the line") from None
    line = _NUL.sub(rb"\1\\ufffd", raw) if b"\\u0000" in raw else raw
    if _SURROGATE.search(line):
        try:
            json.dumps(json.loads(line), ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise RejectError("lone_surrogate") from None
        except json.JSONDecodeError as error:
            raise RejectError("not_json", str(error)) from None
    return line, line != raw


def _canonical(line: bytes) -> str:
    """Return what is the same for the same statement, however it is written."""
    text = json.dumps(json.loads(line), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


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
