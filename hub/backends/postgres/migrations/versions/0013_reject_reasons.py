"""Why recipients' systems rejected deliveries, in their own words."""

from hub.backends.postgres.migrating import run_sql_file

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the table."""
    run_sql_file("0013_reject_reasons.sql")


def downgrade() -> None:
    """Refuse: evidence is never dropped."""
    msg = "the schema only grows; restore a backup to go back"
    raise NotImplementedError(msg)
