"""Differences between a database and the declared schema, and the statements that fix them.

Only the command line imports this room.
"""
