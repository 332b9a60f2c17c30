"""Problems of a schema and its sessions: findings, each with the commands that fix it.

Only the command line imports this room.
"""
