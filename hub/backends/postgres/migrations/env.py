"""Alembic runs this: the migrations go through the connection that `migrate` hands over, in its transaction."""

from alembic import context
from sqlalchemy import Connection

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection)
context.run_migrations()
