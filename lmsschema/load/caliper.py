"""Caliper 1.1 and 1.2: events or envelopes, one a line; ``docs/load.md`` has the mapping."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Raw, Struct, field

from lmsschema.load.mapping import ACTION, TYPE, EventFormat, canonical, clean, encode, place
from lmsschema.load.record import Entity, Record, RejectError, identifier

_COURSES = {"CourseOffering", "CourseSection"}
_ASSESSED = {"Assessment", "AssessmentItem", "Question"}

#: What of an event is kept in learning_context and in event_data.
_CONTEXT = ("membership", "edApp", "referrer", "extensions", "profile")
_DATA = ("generated", "target")


class _Envelope(Struct):
    data: list[Raw] = field(default_factory=list)
    sendTime: Raw = Raw(b"null")  # noqa: N815  the specification's name; never changed


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class CaliperFormat(EventFormat):
    """Makes records of Caliper events; describes of entities are left out."""

    name = "caliper"

    def parts(self, raw: bytes) -> Iterable[bytes]:
        """Return an envelope for each event of one that has several."""
        if b'"data"' not in raw:
            return (raw,)
        try:
            envelope = _decode_envelope(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return (raw,)  # read says what is wrong
        if len(envelope.data) < 2:  # noqa: PLR2004  one is its own envelope
            return (raw,)
        begin = b'{"sendTime":' + bytes(envelope.sendTime) + b',"data":['
        return [begin + bytes(one) + b"]}" for one in envelope.data]

    def _read(self, raw: bytes) -> Record | None:
        line, changed = clean(raw)
        event, sent = _opened(_decode(line))
        kind, action = _text(event, "type"), _text(event, "action")
        if not event or (kind and not action and not kind.endswith("Event")):
            return None  # it describes something
        if not kind or not action:
            raise RejectError(self.wrong, "type or action is missing")
        own = _text(event, "id")
        try:
            event_id = UUID(own) if own else self._made("event", canonical(encode(event)))
        except ValueError:
            raise RejectError("id_not_a_uuid", own or "") from None
        at = self._time(_text(event, "eventTime") or sent)
        who = _iri(event.get("actor"))
        if not who:
            raise RejectError("actor_without_identifier")
        actor = Entity(identifier(f"iri:{who}"))
        what = _object(event.get("object"))
        course, section = self._places(event, what)
        named = _iri(event.get("session")) or _iri(event.get("federatedSession"))
        session, derived = self._session(named, actor, course, at)
        context = {key: event[key] for key in _CONTEXT if key in event}
        context |= {"object": what.get("id"), "object_type": what.get("type")}
        if derived:
            context["session_derived"] = True
        if self.keep_actor:
            context["actor"] = event["actor"]
        data = {key: event[key] for key in _DATA if key in event}
        category = self._category(kind, what.get("type"))
        name = f"{kind}/{action}"
        return Record(
            id=event_id,
            at=at,
            actor=actor,
            course=course,
            lesson=None,
            section=section,
            type=action.lower()[:TYPE],
            category=category or "interaction",
            action=name[:ACTION],
            session=session,
            context=encode(context),
            data=encode(data),
            changed="nul" if changed else "",
            unknown_verb="" if category else name,
        )

    def _category(self, kind: str, of: object) -> str | None:
        if of in _ASSESSED:
            return "assessment"
        if kind == "Event":  # of no profile
            return "progress" if of in _COURSES else "interaction"
        return self.categories.caliper.get(kind)

    def _places(
        self, event: dict[str, Any], what: dict[str, Any]
    ) -> tuple[Entity | None, Entity | None]:
        """Return the course, and the section, which is what is acted on."""
        group = _object(event.get("group"))
        if not group.get("id"):
            group = what if what.get("type") in _COURSES else _course_of(what)
        course = _place(group)
        if what.get("type") in _COURSES or course is None:
            return course, None
        assignable = _object(what.get("assignable")) if what.get("type") == "Attempt" else {}
        does = "quiz" if assignable or what.get("type") in _ASSESSED else "read"
        return course, _place(assignable if assignable.get("id") else what, does)


def _opened(found: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Return the event of an envelope, and when it was sent; an event as it is."""
    data = found.get("data")
    if not isinstance(data, list) or "eventTime" in found:
        return found, None
    event = data[0] if data else {}
    if not isinstance(event, dict):
        raise RejectError(CaliperFormat.wrong, "data has no objects")
    return event, _text(found, "sendTime")


def _course_of(what: dict[str, Any]) -> dict[str, Any]:
    """Return the course that an object is a part of."""
    for holder in (what, _object(what.get("extensions")), _object(what.get("assignable"))):
        part = _object(holder.get("isPartOf"))
        while part:
            if part.get("type") in _COURSES or "course-v1:" in str(part.get("id")):
                return part
            part = _object(part.get("isPartOf"))
    return {}


def _place(what: dict[str, Any], interaction: str = "read") -> Entity | None:
    iri = _iri(what)
    title = what.get("name")
    return place(iri, title if isinstance(title, str) else "", interaction) if iri else None


def _object(value: object) -> dict[str, Any]:
    """Return an entity, which may be written as its IRI alone."""
    if isinstance(value, dict):
        return value
    return {"id": value} if isinstance(value, str) else {}


def _iri(value: object) -> str | None:
    iri = _object(value).get("id")
    return iri if isinstance(iri, str) and iri.strip() else None


def _text(event: dict[str, Any], key: str) -> str | None:
    value = event.get(key)
    if value is None or isinstance(value, str):
        return value
    raise RejectError(CaliperFormat.wrong, f"{key} is no text")
