"""A time stamp authority for tests, right or wrong in the one thing that is asked for (RFC 3161)."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

POLICY = "1.3.6.1.4.1.99999.1"


@dataclass(frozen=True, kw_only=True)
class StampAuthority:
    """A key whose certificate is its own root."""

    private_key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def stamp(self, subject: bytes, at: datetime, *, digest: str = "sha256") -> bytes:
        """Return a token that says that *subject* existed *at*."""
        info = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": POLICY,
                "message_imprint": {
                    "hash_algorithm": {"algorithm": digest},
                    "hashed_message": hashlib.new(digest, subject).digest(),
                },
                "serial_number": 1,
                "gen_time": at.astimezone(UTC).replace(microsecond=0),
            }
        ).dump()
        return self._signed(info, at)

    def _signed(self, info: bytes, at: datetime) -> bytes:
        der = self.certificate.public_bytes(Encoding.DER)
        certificate = asn1.Certificate.load(der)
        essence = tsp.SigningCertificateV2({"certs": [{"cert_hash": hashlib.sha256(der).digest()}]})
        attributes = cms.CMSAttributes(
            [
                {"type": "content_type", "values": ["tst_info"]},
                {"type": "message_digest", "values": [hashlib.sha256(info).digest()]},
                {"type": "signing_time", "values": [cms.Time({"utc_time": core.UTCTime(at)})]},
                {"type": "signing_certificate_v2", "values": [essence]},
            ]
        )
        value = self.private_key.sign(attributes.dump(), ec.ECDSA(SHA256()))
        signer = {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                {
                    "issuer_and_serial_number": {
                        "issuer": certificate.issuer,
                        "serial_number": certificate.serial_number,
                    }
                }
            ),
            "digest_algorithm": {"algorithm": "sha256"},
            "signed_attrs": attributes,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
            "signature": value,
        }
        signed = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [{"algorithm": "sha256"}],
                "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(info)},
                "certificates": [certificate],
                "signer_infos": [signer],
            }
        )
        return bytes(cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump())


def stamp_authority(name: str, since: datetime) -> StampAuthority:
    """Return an authority called *name*, self-signed, valid from *since* for ten years."""
    private_key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(since + timedelta(days=3650))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .sign(private_key, SHA256())
    )
    return StampAuthority(private_key=private_key, certificate=certificate)
