"""How long ``import lmsschema.tables`` takes, against SQLAlchemy with its PostgreSQL dialect alone.

Usage: python benchmarks/tables.py [--rounds N]

Starts a process for each, by turns, and prints the processor's time of the fastest and their ratio:
what else the machine does only adds to it.
"""

import argparse
import os
import resource
import subprocess
import sys

OURS = "import lmsschema.tables"
SQLALCHEMY = "import sqlalchemy, sqlalchemy.dialects.postgresql"
LIMIT = 1.1


def seconds(code: str) -> float:
    """Run Python with the code and return the processor's time that it took."""
    # with bytecode, as an application starts
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Measure; 1 if the limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    seconds(OURS)
    ours, theirs = [], []
    for _ in range(options.rounds):
        theirs.append(seconds(SQLALCHEMY))
        ours.append(seconds(OURS))
    ratio = min(ours) / min(theirs)
    print(f"imports ({options.rounds} rounds, processor time of the fastest)")
    print(f"  lmsschema.tables               {min(ours) * 1000:8.1f} ms")
    print(f"  sqlalchemy and its postgresql  {min(theirs) * 1000:8.1f} ms")
    print(f"  ratio {ratio:.3f}, at most {LIMIT:g}: {'yes' if ratio <= LIMIT else 'NO'}")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
