"""Fresh databases at head, copied from a template in milliseconds.

The command line and the pytest plugin import this room.
"""
