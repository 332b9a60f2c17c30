"""Waiting for locks, and who blocks: short waits on a ladder, one run at a time, CONCURRENTLY.

Imported by ``ddl`` and by every room above it.
"""
