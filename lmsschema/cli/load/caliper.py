"""``lmsschema load caliper``."""

from lmsschema.cli.load._events import events_command

command = events_command("caliper", "Caliper events, one a line", "events.jsonl")
