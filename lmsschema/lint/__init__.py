"""The revisions' SQL held against the project's rules, squawk and sqlfluff.

Imported by the command line alone.
"""
