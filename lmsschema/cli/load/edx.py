"""``lmsschema load edx``."""

from lmsschema.cli.load._events import events_command

command = events_command("edx", "tracking logs of Open edX", "tracking.log.gz")
