"""Receipt sheets: signed bytes once for the receipts that became true together."""

from hub.backends.postgres.migrating import run_sql_file

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Move the bytes of receipts to sheets."""
    run_sql_file("0002_receipt_sheets.sql")


def downgrade() -> None:
    """Refuse: evidence is never dropped."""
    msg = "the schema only grows; restore a backup to go back"
    raise NotImplementedError(msg)
