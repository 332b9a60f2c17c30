"""Connections to a database, and what its catalogs say: psycopg alone, no SQLAlchemy.

Imported by every room above it; imports only what is pure (``tables`` excepted) and the errors.
"""
