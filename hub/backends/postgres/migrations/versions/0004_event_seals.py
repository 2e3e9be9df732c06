"""Event seals: the audit log that the sealer chains behind the events."""

from hub.backends.postgres.migrating import run_sql_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make room for the chain, and let nobody change evidence by mistake."""
    run_sql_file("0004_event_seals.sql")


def downgrade() -> None:
    """Refuse: evidence is never dropped."""
    msg = "the schema only grows; restore a backup to go back"
    raise NotImplementedError(msg)
