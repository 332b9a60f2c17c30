"""What a DBA should know of a schema: findings, each with the command that ends it.

Imported by the command line alone.
"""
