"""The seam: registry, messages, deliveries, outbox, receipts, events, cases."""

from hub.backends.postgres.migrating import run_sql_file

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create everything."""
    run_sql_file("0001_the_seam.sql")


def downgrade() -> None:
    """Refuse: evidence is never dropped."""
    msg = "the schema only grows; restore a backup to go back"
    raise NotImplementedError(msg)
