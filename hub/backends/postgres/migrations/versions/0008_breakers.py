"""Breakers: what a hub remembers of a mailbox that fails."""

from hub.backends.postgres.migrating import run_sql_file

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make room for what breakers know."""
    run_sql_file("0008_breakers.sql")


def downgrade() -> None:
    """Refuse: evidence is never dropped."""
    msg = "the schema only grows; restore a backup to go back"
    raise NotImplementedError(msg)
