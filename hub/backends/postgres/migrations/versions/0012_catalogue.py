"""The catalogue of agencies: numbers, versions, and when each entry changed."""

from hub.backends.postgres.migrating import run_sql_file

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the columns and what keeps them."""
    run_sql_file("0012_catalogue.sql")


def downgrade() -> None:
    """Refuse: evidence is never dropped."""
    msg = "the schema only grows; restore a backup to go back"
    raise NotImplementedError(msg)
