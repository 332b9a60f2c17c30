"""The embedded PostgreSQL server: found, made, started and stopped without root and without setup.

Imports only the errors. Only the command line, the tests and the measuring of locks start it.
"""
