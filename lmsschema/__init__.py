"""Schema-as-code migrations and DDL for the PostgreSQL database of a learning management system."""

__version__ = "0.1.0"
