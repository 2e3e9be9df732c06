"""Large bodies: how far an upload is, and for how long it stays."""

from hub.backends.postgres.migrating import run_sql_file

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make room for what is known of them; the octets lie in the blob store."""
    run_sql_file("0011_bodies.sql")


def downgrade() -> None:
    """Refuse: evidence is never dropped."""
    msg = "the schema only grows; restore a backup to go back"
    raise NotImplementedError(msg)
