"""Tracking logs of Open edX, one event a line; ``docs/load.md`` has the mapping."""

import hashlib
import re
from typing import Any

import msgspec

from lmsschema.load.mapping import ACTION, TYPE, EventFormat, clean, encode, place
from lmsschema.load.record import Entity, Record, RejectError, identifier

_decode = msgspec.json.Decoder(dict[str, Any]).decode

_BLOCK = re.compile(r"(?:ccx-)?block-v1:|i4x:")
_HTML_ID = re.compile(r"[0-9a-f]{32}")
_SECTIONS = ("problem_id", "usage_key", "block_id", "id", "module_id")

#: What of the context is kept; never addresses and programs of people.
_CONTEXT = ("org_id", "path", "enterprise_uuid", "course_user_tags")


class EdxFormat(EventFormat):
    """Makes records of tracking events."""

    name = "edx"

    def _read(self, raw: bytes) -> Record:
        line, changed = clean(raw[max(raw.find(b"{"), 0) :])  # behind the prefix of a system's log
        event = _decode(line)
        around = event.get("context")
        context: dict[str, Any] = around if isinstance(around, dict) else {}
        name = event.get("name") or event.get("event_type")
        if not isinstance(name, str):
            raise RejectError(self.wrong, "name and event_type are missing")
        time = event.get("time") or event.get("timestamp")
        if time is not None and not isinstance(time, str):
            raise RejectError("timestamp_unreadable", str(time))
        at = self._time(time)
        data = _data(event.get("event", event.get("data")))
        user = context.get("user_id") or event.get("user_id")
        host = context.get("host") or event.get("host") or ""
        actor = Entity(identifier(f"edx:{host}", str(user))) if user else None
        course_id = context.get("course_id") or data.get("course_id")
        course = place(course_id) if isinstance(course_id, str) and course_id.strip() else None
        named = context.get("session") or event.get("session")
        session, derived = self._session(str(named) if named else None, actor, course, at)
        category = self.categories.of_edx(name)
        facts = {key: context[key] for key in _CONTEXT if context.get(key)}
        facts["event_source"] = event.get("event_source")
        if derived:
            facts["session_derived"] = True
        if self.keep_actor and actor:
            facts["actor"] = actor.key
        if len(name) > ACTION:
            facts["verb"] = name
        inner, inner_changed = clean(encode(data))  # it may have been text, with escapes of its own
        return Record(
            id=self._made("event", hashlib.sha256(line).hexdigest()),
            at=at,
            actor=actor,
            course=course,
            lesson=None,
            section=_section(context, data, category) if course else None,
            type="url_visited" if name.startswith("/") else name.rsplit(".", 1)[-1][:TYPE],
            category=category or "interaction",
            action=name[:ACTION],
            session=session,
            context=encode(facts),
            data=inner,
            changed="nul" if changed or inner_changed else "",
            unknown_verb="" if category else name,
        )


def _data(value: object) -> dict[str, Any]:
    """Return an event's data: an object, or a text that may be one; old servers cut it."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return {"text": value} if value else {}
    if isinstance(value, dict):
        return value
    return {} if value is None else {"value": value}


def _section(context: dict[str, Any], data: dict[str, Any], category: str | None) -> Entity | None:
    module = context.get("module")
    found = [module.get("usage_key")] if isinstance(module, dict) else []
    found += [data.get(key) for key in _SECTIONS]
    keys = [key for key in found if isinstance(key, str)]
    does = {"assessment": "quiz", "social": "discussion"}.get(category or "", "read")
    for key in keys:
        if _BLOCK.match(key):
            title = module.get("display_name") if isinstance(module, dict) else None
            return place(key, title if isinstance(title, str) else "", does)
    html = next((key for key in keys if _HTML_ID.fullmatch(key)), None)  # of a video
    return place(f"html-id:{html}", interaction="watch") if html else None
