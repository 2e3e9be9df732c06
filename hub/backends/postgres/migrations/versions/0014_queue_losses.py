"""Watched queues, and what was lost out of them."""

from hub.backends.postgres.migrating import run_sql_file

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the tables."""
    run_sql_file("0014_queue_losses.sql")


def downgrade() -> None:
    """Refuse: evidence is never dropped."""
    msg = "the schema only grows; restore a backup to go back"
    raise NotImplementedError(msg)
