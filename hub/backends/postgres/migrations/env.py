"""Alembic runs this: the migrations go over the connection that `migrate` hands in, in its transaction."""

from alembic import context
from sqlalchemy import Connection

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection)
context.run_migrations()
