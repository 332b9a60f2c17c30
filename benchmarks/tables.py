"""How long ``import lmsschema.tables`` takes, compared with SQLAlchemy and its PostgreSQL dialect.

The import builds no table, so the first use of one is measured as well, without a limit.

Usage: python benchmarks/tables.py [--rounds N]

Starts a process for each, alternating, and prints the processor time until the import is done, of
the fastest round (other load on the machine only adds to it) and the median.
"""

import argparse
import os
import statistics
import subprocess
import sys

OURS = "import sqlalchemy, sqlalchemy.dialects.postgresql, lmsschema.tables"
USED = "import sqlalchemy, sqlalchemy.dialects.postgresql; from lmsschema.tables import users"
SQLALCHEMY = "import sqlalchemy, sqlalchemy.dialects.postgresql"
LIMIT = 1.1


def seconds(code: str) -> float:
    """Run Python with the code and return the processor time from its start to the code's end."""
    # with bytecode, as an application starts
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    timed = f"{code}\nimport time; print(time.process_time())"
    done = subprocess.run(
        [sys.executable, "-c", timed], env=environment, check=True, capture_output=True
    )
    return float(done.stdout)


def main() -> int:
    """Measure; 1 if the limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    seconds(OURS)
    seconds(USED)
    ours, used, theirs = [], [], []
    for _ in range(options.rounds):
        theirs.append(seconds(SQLALCHEMY))
        ours.append(seconds(OURS))
        used.append(seconds(USED))
    ratio = min(ours) / min(theirs)
    print(f"imports ({options.rounds} rounds, processor time of the fastest; median)")
    for name, times in (
        ("sqlalchemy and its postgresql", theirs),
        ("and lmsschema.tables", ours),
        ("and a table of it", used),
    ):
        print(f"  {name:<30} {min(times) * 1000:8.1f} ms {statistics.median(times) * 1000:8.1f} ms")
    print(f"  import: ratio {ratio:.3f}, at most {LIMIT:g}: {'yes' if ratio <= LIMIT else 'NO'}")
    print(f"  with a table: ratio {min(used) / min(theirs):.3f}")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
