"""Synthetic data of a learning management system, made on the server: ``lmsschema demo``."""
