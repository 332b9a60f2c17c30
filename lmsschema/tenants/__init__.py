"""Tenants: one schema an institution, many of them in a database, and one run for all.

A tenant is a schema that has the version table: nobody registers it, and its revision is what the
table says. :mod:`found` lists them, :mod:`states` reads the partitions of all in one query,
:mod:`runs` gives them to worker processes. The command line imports this room; it knows no command.
"""
