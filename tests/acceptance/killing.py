"""Runs the program in a process that is killed when the server has answered so many times.

A run of this module's own process imports everything once and then forks for each run, so that
hundreds of kills take minutes. It reads ``count`` lines of JSON arguments, runs one each, and
answers each with the exit code (negative: the signal that ended it).
"""

import json
import os
import sys

from lmsschema.__main__ import main


def serve() -> None:
    """Answer requests until the end of input."""
    import alembic.command  # noqa: F401  the runs find it imported
    import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401  likewise

    from lmsschema.cli import _run, upgrade  # noqa: F401  likewise

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            silence = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(silence, descriptor)
            os._exit(main(json.loads(line)))
        sys.stdout.write(json.dumps({"pid": child}) + "\n")
        sys.stdout.flush()
        _, status = os.waitpid(child, 0)
        sys.stdout.write(json.dumps({"code": os.waitstatus_to_exitcode(status)}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
