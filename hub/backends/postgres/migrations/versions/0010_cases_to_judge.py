"""Campaigns: what is still to be judged is found at once."""

from hub.backends.postgres.migrating import run_sql_file

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the index."""
    run_sql_file("0010_cases_to_judge.sql")


def downgrade() -> None:
    """Refuse: evidence is never dropped."""
    msg = "the schema only grows; restore a backup to go back"
    raise NotImplementedError(msg)
