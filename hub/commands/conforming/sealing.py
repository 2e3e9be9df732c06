"""A detached JWS (RFC 7515, appendix F) over a report: who made it, and that nobody has changed it since."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

from hub.errors import OperationRefused
from hub.signature.certificates import TrustAnchors, check_certificate, subject_of
from hub.signature.signing import SigningKey

ALGORITHM: Final = "ES256"
TYPE: Final = "truc-conformance+jws"
_PARTS: Final = 3


class _Registry(jws.JWSRegistry):
    """Lets a report be as long as it is, and certificates come along; 512 octets of header hold none."""

    max_header_length = 40_000
    max_payload_length = 10_000_000


_REGISTRY: Final = _Registry(algorithms=[ALGORITHM])


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """Whose signature holds."""

    signed_by: str
    fingerprint: str


def seal(report: bytes, key: SigningKey) -> str:
    """Return the signature over *report*, which is not repeated in it; the certificates come along."""
    encoded = key.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = [each.public_bytes(Encoding.DER) for each in (key.certificate, *key.chain)]
    head = {"alg": ALGORITHM, "typ": TYPE, "x5c": [b64encode(each).decode() for each in chain]}
    whole = jws.serialize_compact(head, report, ECKey.import_key(encoded), registry=_REGISTRY)
    header, _, signature = whole.split(".")
    return f"{header}..{signature}"


def verify(report: bytes, signature: str, anchors: TrustAnchors, at: datetime) -> Seal:
    """Return who signed *report*; raises `OperationRefused` where the signature does not hold."""
    parts = signature.strip().split(".")
    if len(parts) != _PARTS or parts[1]:
        raise OperationRefused("the signature is no detached JWS")
    whole = f"{parts[0]}.{urlsafe_b64encode(report).decode()}.{parts[2]}"
    try:
        certificate, *chain = _certificates(_header(parts[0]).get("x5c"))
        public = certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        jws.deserialize_compact(whole, ECKey.import_key(public), registry=_REGISTRY)
    except (JoseError, ValueError, TypeError) as error:
        raise OperationRefused(f"the signature does not hold: {error}") from error
    finding = check_certificate(certificate, tuple(chain), anchors, at)
    if finding.violation is not None:
        raise OperationRefused(f"the report was signed by a stranger: {finding.violation.en}")
    return Seal(signed_by=subject_of(certificate), fingerprint=certificate.fingerprint(SHA256()).hex())


def _header(encoded: str) -> Mapping[str, object]:
    header = json.loads(urlsafe_b64decode(encoded.encode()))
    return header if isinstance(header, dict) else {}


def _certificates(chain: object) -> list[x509.Certificate]:
    if not isinstance(chain, list) or not chain:
        raise ValueError("it brings no certificate")
    return [x509.load_der_x509_certificate(b64decode(str(each))) for each in chain]
