"""Alembic's environment of the application: all that lmsschema needs is in one call."""

import os

from alembic import context
from bookmarks import metadata
from sqlalchemy import NullPool, create_engine

import lmsschema.alembic

if context.is_offline_mode():
    lmsschema.alembic.configure(dialect_name="postgresql", literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    engine = create_engine(os.environ["BOOKMARKS_URL"], poolclass=NullPool)
    with engine.connect() as connection:
        lmsschema.alembic.configure(connection, target_metadata=metadata)
        with context.begin_transaction():
            context.run_migrations()
