"""Revisions: which there are, what they would do, and taking a database from one to another.

Imported by ``drift``, ``doctor``, ``createdb``, ``lint`` and above; the one room that runs Alembic.
"""
