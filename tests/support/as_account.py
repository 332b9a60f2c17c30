"""Runs the program as another account: the arguments are its number, and the program's own.

The account may be unable to read Python's own files, since root's Python often lies below /root.
So all that the program might import is imported first.
"""

import importlib
import os
import pkgutil
import sys

import lmsschema
from lmsschema.__main__ import main

LATE = ("alembic.command", "alembic.config", "getpass", "hashlib", "stringprep", "encodings.idna")


def import_everything() -> None:
    for module in pkgutil.walk_packages(lmsschema.__path__, "lmsschema."):
        if not module.name.startswith(("lmsschema.testing", "lmsschema.__main__")):
            importlib.import_module(module.name)
    for name in LATE:
        importlib.import_module(name)
    import sqlalchemy

    sqlalchemy.create_engine("postgresql+psycopg://")


def import_the_embedded_server() -> None:
    for module in pkgutil.walk_packages(lmsschema.__path__, "lmsschema."):
        if module.name.startswith("lmsschema.cli.local"):
            importlib.import_module(module.name)
    for name in ("lmsschema.local_server.server", "hashlib", "json", "getpass"):
        importlib.import_module(name)


if __name__ == "__main__":
    uid, *arguments = sys.argv[1:]
    if arguments[0] == "local":
        import_the_embedded_server()
    else:
        import_everything()
    os.setgroups([])
    os.setgid(int(uid))
    os.setuid(int(uid))
    sys.exit(main(arguments))
