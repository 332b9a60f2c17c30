"""The command line: one module per command, listed here without importing any of them.

The program's own help is written from this table alone, so that printing it imports no command.
"""

#: Command → what it does, in the order of the help. The module has the command's name.
COMMANDS = {
    "upgrade": "Bring the database to the newest revision, or to REVISION.",
    "plan": "Print the SQL that upgrade would run; change nothing.",
    "current": "Show the revision that the database is at.",
    "history": "List the revisions, oldest first.",
    "downgrade": "Take the database back to REVISION.",
    "stamp": "Record REVISION as the database's, without running anything.",
    "adopt": "Take over a database that was built by hand from the guide.",
    "check": "Compare the database with the declared schema.",
    "doctor": "Report problems: indexes, constraints, locks, partitions.",
    "ddl": "Print the whole schema as one SQL script.",
    "createdb": "Create a database at head, copied from a template.",
    "dropdb": "Drop a database.",
    "demo": "Fill a database with synthetic data.",
    "partitions": "Monthly partitions: ensure, list, check, heal, prune ...",
    "indexes": "Index profiles: show, plan, set, advise.",
    "tenants": "Many schemas at once: list, upgrade, check, partitions.",
    "local": "The embedded server: start, stop, status, url, psql, destroy.",
    "lint": "Lint the SQL of the revisions (for contributors).",
    "revision": "Write a new, empty revision (for contributors).",
}

#: The exit code of what a signal has ended, but for the signal's number, as in a shell.
INTERRUPTED = 128

#: Commands that have subcommands.
GROUPS = ("partitions", "indexes", "tenants", "tenants partitions", "local")

HELP = """\
Usage: lmsschema [OPTIONS] COMMAND [ARGS]...

  Schema-as-code for the PostgreSQL database of a learning management system.

  The database is the one that --url names, else LMSSCHEMA_DATABASE_URL, else
  DATABASE_URL, else libpq's variables (PGHOST ...), else the configuration
  file's (lmsschema.toml, pyproject.toml), else an embedded server.

  Example: lmsschema upgrade --url postgresql://dba@db.example/lms

Options:
  --url URL, --schema NAME, --json, --debug  Same as after the command.
  -V, --version, -h, --help  Show the version, or this message, and exit.

Commands:
{commands}
"""


def help_text() -> str:
    """Return the program's help, as ``lmsschema --help`` prints it."""
    width = max(map(len, COMMANDS))
    rows = (f"  {name:<{width}}  {what}" for name, what in COMMANDS.items())
    return HELP.format(commands="\n".join(rows)).rstrip("\n")
