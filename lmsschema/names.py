"""The length limit of PostgreSQL's names, and how a longer name is shortened.

Also names that several rooms have to agree on.
"""

import hashlib

#: The longest name in bytes. PostgreSQL silently truncates longer ones, so that two may collide.
MAX_BYTES = 63

#: The partitioned tables and their partition keys: definitions and policies take them from here,
#: since an application that imports the tables does not plan partitions.
EVENTS, EVENTS_KEY = "learning_events", "event_timestamp"
GRADE_CHANGES, GRADE_CHANGES_KEY = "grade_changes", "changed_at"

#: The index profiles: that of the guide, which is the default, and the measured one.
PROFILES = FAITHFUL, LEAN = "faithful", "lean"

#: The table in which a database says which one it has.
SETTINGS = "lmsschema_settings"

#: The table with the revision that a database is at.
VERSION = "lmsschema_version"


def size(name: str) -> int:
    """Return the size of a name in bytes."""
    return len(name.encode())


def fits(name: str) -> bool:
    """Whether PostgreSQL keeps the name without truncating it."""
    return size(name) <= MAX_BYTES


def cut(name: str, size: int = MAX_BYTES) -> str:
    """Return the beginning of a name in at most ``size`` bytes, without splitting a character."""
    return name.encode()[:size].decode(errors="ignore")


def shortened(name: str) -> str:
    """Return the name; if it is too long, its beginning and a digest of the whole name."""
    if fits(name):
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{cut(name, MAX_BYTES - len(digest) - 1)}_{digest}"
