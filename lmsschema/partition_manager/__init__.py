"""``lmsschema partitions``: months made ahead of need, misplaced rows moved, old months pruned.

Imported by ``migration`` and above. What to make is planned in :mod:`lmsschema.partitions`.
"""
