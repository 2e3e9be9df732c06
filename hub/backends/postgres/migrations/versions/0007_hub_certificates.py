"""The hub's own certificates: what was known of their revocation while they were used."""

from hub.backends.postgres.migrating import run_sql_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make room for the verdicts, which nobody changes by mistake."""
    run_sql_file("0007_hub_certificates.sql")


def downgrade() -> None:
    """Refuse: evidence is never dropped."""
    msg = "the schema only grows; restore a backup to go back"
    raise NotImplementedError(msg)
