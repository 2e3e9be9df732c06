"""Time stamps: what an authority outside says about when receipt sheets existed."""

from hub.backends.postgres.migrating import run_sql_file

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make room for the stamps, which nobody changes by mistake."""
    run_sql_file("0005_time_stamps.sql")


def downgrade() -> None:
    """Refuse: evidence is never dropped."""
    msg = "the schema only grows; restore a backup to go back"
    raise NotImplementedError(msg)
