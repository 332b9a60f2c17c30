"""Fresh databases at head, copied from a template in milliseconds.

Imported by the command line and by the pytest plugin.
"""
