"""Certificates that overlap, their revocation data, and the verdicts that messages were judged by."""

from hub.backends.postgres.migrating import run_sql_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add what is kept of certificates."""
    run_sql_file("0003_certificates.sql")


def downgrade() -> None:
    """Refuse: evidence is never dropped."""
    msg = "the schema only grows; restore a backup to go back"
    raise NotImplementedError(msg)
