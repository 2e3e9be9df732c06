"""The operators' desk: cases by cause, campaigns, overlays, accounts, alerts, breakers, search."""

from hub.backends.postgres.migrating import run_sql_file

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make room for the desk and the console; what waits already is sorted by its cause."""
    run_sql_file("0006_operators_desk.sql")


def downgrade() -> None:
    """Refuse: evidence is never dropped."""
    msg = "the schema only grows; restore a backup to go back"
    raise NotImplementedError(msg)
