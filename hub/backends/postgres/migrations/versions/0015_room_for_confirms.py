"""Room in the pages of deliveries for what the broker confirms."""

from hub.backends.postgres.migrating import run_sql_file

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Leave more than half of each new page free."""
    run_sql_file("0015_room_for_confirms.sql")


def downgrade() -> None:
    """Refuse: evidence is never dropped."""
    msg = "the schema only grows; restore a backup to go back"
    raise NotImplementedError(msg)
