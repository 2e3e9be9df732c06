"""Breakers: when a mailbox in trouble was last heard of."""

from hub.backends.postgres.migrating import run_sql_file

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make room for the last word of a mailbox in trouble."""
    run_sql_file("0009_heard.sql")


def downgrade() -> None:
    """Refuse: evidence is never dropped."""
    msg = "the schema only grows; restore a backup to go back"
    raise NotImplementedError(msg)
