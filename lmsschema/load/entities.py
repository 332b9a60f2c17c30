"""Who and what a statement is about, as identifiers."""

import hashlib

from lmsschema.load.mapping import place
from lmsschema.load.record import Entity, RejectError, identifier
from lmsschema.load.statement import Agent, StatementObject


def entity_of(agent: Agent) -> Entity | None:
    """Return who acts; None for a group without an identifier."""
    email = None
    if agent.account is not None:
        key = f"account:{agent.account.homePage}|{agent.account.name}"
    elif agent.mbox:
        mbox = agent.mbox.lower()
        email = mbox.removeprefix("mailto:")
        # the specification's own way to name a mailbox without its address
        key = "mbox_sha1sum:" + hashlib.sha1(mbox.encode()).hexdigest()  # noqa: S324
    elif agent.mbox_sha1sum:
        key = "mbox_sha1sum:" + agent.mbox_sha1sum.lower()
    elif agent.openid:
        key = "openid:" + agent.openid
    elif agent.objectType == "Group":
        return None
    else:
        raise RejectError("actor_without_identifier")
    return Entity(identifier(key), email=email, makeable=agent.objectType != "Group")


def place_of(act: StatementObject, interaction: str = "read") -> Entity | None:
    """Return a course, a lesson or a section."""
    if not act.id or not act.id.strip():
        return None
    names = act.definition.name if act.definition and act.definition.name else {}
    title = names.get("en-US") or names.get("en") or next(iter(names.values()), "")
    return place(act.id, title, interaction)
