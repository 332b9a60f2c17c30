"""Connections to a database and queries of its catalogs, with psycopg and without SQLAlchemy.

Every room above may import this one. It imports only the errors and modules without I/O.
"""
