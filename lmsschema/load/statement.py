"""The parts of an xAPI statement, as they are decoded; their names are the specification's."""

import msgspec
from msgspec import Raw, Struct, field


class ActorAccount(Struct):
    """An account of an actor."""

    homePage: str  # noqa: N815  the specification's names
    name: str


class Agent(Struct):
    """Who acts: an agent or a group."""

    objectType: str = "Agent"  # noqa: N815
    account: ActorAccount | None = None
    mbox: str | None = None
    mbox_sha1sum: str | None = None
    openid: str | None = None
    name: str | None = None


class Verb(Struct):
    """What is done."""

    id: str


class Definition(Struct):
    """What an activity is."""

    type: str | None = None
    name: dict[str, str] | None = None


class StatementObject(Struct):
    """What is acted on."""

    id: str | None = None
    objectType: str = "Activity"  # noqa: N815
    definition: Definition | None = None


class Activities(Struct):
    """The activities around."""

    parent: list[StatementObject] | StatementObject = field(default_factory=list)
    grouping: list[StatementObject] | StatementObject = field(default_factory=list)
    category: list[StatementObject] | StatementObject = field(default_factory=list)
    other: list[StatementObject] | StatementObject = field(default_factory=list)


class StatementResult(Struct):
    """What is understood of the result."""

    duration: str | None = None


class XapiStatement(Struct):
    """A statement; what is raw is decoded later, or kept as it is."""

    actor: Raw
    verb: Verb
    object: Raw
    id: str | None = None
    context: Raw = Raw()
    timestamp: str | None = None
    stored: str | None = None
    result: Raw = Raw()
    attachments: Raw = Raw()


decode_statement = msgspec.json.Decoder(XapiStatement).decode
decode_agent = msgspec.json.Decoder(Agent).decode
decode_object = msgspec.json.Decoder(StatementObject).decode
decode_activities = msgspec.json.Decoder(Activities).decode
decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode
decode_result = msgspec.json.Decoder(StatementResult).decode
decode_text = msgspec.json.Decoder(str).decode
