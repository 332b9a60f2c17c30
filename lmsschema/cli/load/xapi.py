"""``lmsschema load xapi``."""

from lmsschema.cli.load._events import events_command

command = events_command("xapi", "xAPI statements, one a line", "statements.jsonl.gz")
