"""Checks the SQL of revisions with the project's own rules, squawk and sqlfluff.

Imported by the command line alone.
"""
