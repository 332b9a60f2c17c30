"""PostgreSQL's names: how long one may be, and how a longer one is shortened.

And those that rooms which don't know each other have to agree on.
"""

import hashlib

#: PostgreSQL cuts a longer name without a word, so that two names may become one.
MAX_BYTES = 63

#: The guide's partitioned table and its partition key: definition and policy take them from here,
#: since an application that imports the tables does not plan partitions.
EVENTS, EVENTS_KEY = "learning_events", "event_timestamp"


def size(name: str) -> int:
    """Return the bytes that a name takes."""
    return len(name.encode())


def fits(name: str) -> bool:
    """Whether PostgreSQL keeps the name whole."""
    return size(name) <= MAX_BYTES


def cut(name: str, size: int = MAX_BYTES) -> str:
    """Return the beginning of a name, ``size`` bytes at most, no character halved."""
    return name.encode()[:size].decode(errors="ignore")


def shortened(name: str) -> str:
    """Return the name, or its beginning and a digest of the whole where it is too long."""
    if fits(name):
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{cut(name, MAX_BYTES - len(digest) - 1)}_{digest}"
