"""The embedded PostgreSQL server: created, started and stopped without root and without setup.

This room imports only the errors. Only the command line, the tests and the measurement of locks
start the server.
"""
