"""The hub's own certificates in the database, and what was known of them while receipts were signed."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub.backends.postgres import validating
from hub.backends.postgres.pool import Database
from hub.backends.postgres.statements import statement
from hub.backends.postgres.validating import KeptVerdict
from hub.message.identifiers import Fingerprint
from hub.signature.source import fingerprint_of


class PostgresHubCertificates:
    """What evidence says of whoever signed receipts; only ever appended to."""

    def __init__(self, database: Database) -> None:
        """Keep everything in *database*."""
        self._database = database

    async def enter(self, certificate: x509.Certificate, chain: tuple[x509.Certificate, ...]) -> None:
        """Know *certificate*, and those above it, as the hub's: its status is asked for from now on."""
        above = [each.public_bytes(Encoding.DER) for each in chain]
        async with self._database.transaction() as transaction:
            await transaction.execute(
                statement("enter_hub_certificate"),
                fingerprint_of(certificate),
                certificate.public_bytes(Encoding.DER),
                above,
                certificate.not_valid_after_utc,
            )

    async def keep(self, fingerprint: Fingerprint, verdict: KeptVerdict) -> None:
        """Keep *verdict* on the certificate, with all that it was reached by; the same one is kept once."""
        found = verdict.validation
        async with self._database.transaction() as transaction:
            await validating.keep(transaction, [found])
            await transaction.execute(
                statement("keep_hub_validation"), fingerprint, found.validation_id, verdict.received_at
            )
