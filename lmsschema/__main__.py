"""The program's entry: runs a command and turns what went wrong into a message and a code."""

import gc
import os
import sys
from collections.abc import Sequence

from lmsschema.cli import help_text

#: Objects more than before that start a garbage collection: imports make many and leave no garbage.
_RARELY = 200_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``lmsschema`` with ``arguments`` (the process's own by default); return the exit code."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    completes = "_LMSSCHEMA_COMPLETE" in os.environ  # a shell asks what could come next
    if argv in ([], ["--help"], ["-h"]) and not completes:  # felt the most: it imports nothing
        (sys.stdout if argv else sys.stderr).write(help_text() + "\n")
        return 0 if argv else 2
    gc.set_threshold(_RARELY)
    from lmsschema.cli import _run

    try:
        return _run.run(argv)
    finally:
        gc.freeze()  # the process is at its end, which would look through all that was imported


if __name__ == "__main__":
    sys.exit(main())
