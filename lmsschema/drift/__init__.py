"""How a database differs from the declared schema, and the statements that undo a difference.

Imported by the command line alone.
"""
