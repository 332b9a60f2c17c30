"""The program's entry point: runs a command and returns its exit code."""

import gc
import os
import sys
from collections.abc import Sequence

from lmsschema.cli import help_text

#: New objects that start a garbage collection: imports create many objects and leave no garbage.
_RARELY = 200_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``lmsschema`` with ``arguments`` (the process's own by default); return the exit code."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    completes = "_LMSSCHEMA_COMPLETE" in os.environ  # a shell asks for completions
    if argv in ([], ["--help"], ["-h"]) and not completes:  # answered without any import
        (sys.stdout if argv else sys.stderr).write(help_text() + "\n")
        return 0 if argv else 2
    gc.set_threshold(_RARELY)
    from lmsschema.cli import _run

    try:
        return _run.run(argv)
    finally:
        gc.freeze()  # spares a last collection through all imported objects as the process ends


if __name__ == "__main__":
    sys.exit(main())
