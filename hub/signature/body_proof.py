"""Signs and verifies what a mailbox shows to the service of large bodies: a compact JWS (RFC 7515).

Written here rather than taken from a library of JOSE: those want to export the private key into a JWK, and
a key in a token never leaves it. The signing certificate and its chain come along (`x5c`), as with envelopes.
"""

import json
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from hub.errors import HubError
from hub.message.body_proof import PROOF_TYPE, BodyProof, read_claims
from hub.signature.key import check_key
from hub.signature.profile import MAX_BASE64_CHARACTERS, MAX_CERTIFICATES
from hub.signature.signing import PrivateKey, SigningKey, sign_octets

_LONGEST: Final = 40_000
"""Characters of a proof: five certificates, and room."""
_PARTS: Final = 3


class ProofRefused(HubError):
    """What was shown is no proof; the text says why, and may be shown to whoever it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedProof:
    """A proof whose signature holds, and who made it; whether to trust them is another question."""

    proof: BodyProof
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]


def sign_proof(proof: BodyProof, key: SigningKey) -> str:
    """Return *proof* signed with *key*, for `Authorization: Bearer`; a key in a token signs there."""
    chain = _x5c((key.certificate, *key.chain))
    header: dict[str, object] = {"alg": _algorithm(key.private_key), "typ": PROOF_TYPE, "x5c": chain}
    signed = f"{_packed(header)}.{_packed(proof.as_claims())}"
    return f"{signed}.{_base64url(sign_octets(signed.encode(), key))}"


def verify_proof(compact: str) -> SignedProof:
    """Return what *compact* says and who signed it; raises `ProofRefused` where no signature holds."""
    parts = compact.split(".") if len(compact) <= _LONGEST and compact.isascii() else []
    if len(parts) != _PARTS:
        raise ProofRefused("the proof is not a compact JWS")
    header, claims = _unpacked(parts[0]), _unpacked(parts[1])
    if header.keys() != {"alg", "typ", "x5c"} or header["typ"] != PROOF_TYPE:
        raise ProofRefused(f"the proof has a header of alg, typ ({PROOF_TYPE}) and x5c")
    certificate, *chain = _certificates(header["x5c"])
    if not _holds(f"{parts[0]}.{parts[1]}".encode(), _octets(parts[2]), certificate, header["alg"]):
        raise ProofRefused("the signature of the proof does not hold")
    try:
        return SignedProof(proof=read_claims(claims), certificate=certificate, chain=tuple(chain))
    except ValueError as error:
        raise ProofRefused(str(error)) from error


def _algorithm(key: PrivateKey | rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return "RS256"
    return "ES384" if key.curve.name == "secp384r1" else "ES256"


@lru_cache(maxsize=64)
def _x5c(certificates: tuple[x509.Certificate, ...]) -> tuple[str, ...]:
    return tuple(b64encode(each.public_bytes(Encoding.DER)).decode() for each in certificates)


def _packed(value: Mapping[str, object]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def _octets(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (NotBase64, ValueError) as error:
        raise ProofRefused("the proof is not base64url") from error


def _unpacked(text: str) -> dict[str, object]:
    try:
        value = json.loads(_octets(text))
    except (ValueError, RecursionError) as error:
        raise ProofRefused("the proof is not JSON") from error
    if not isinstance(value, dict):
        raise ProofRefused("the proof is not a JSON object")
    return value


def _certificates(encoded: object) -> list[x509.Certificate]:
    if not isinstance(encoded, list) or not 0 < len(encoded) <= MAX_CERTIFICATES:
        raise ProofRefused(f"the proof brings one to {MAX_CERTIFICATES} certificates")
    return [_certificate(each) for each in encoded]


def _certificate(encoded: object) -> x509.Certificate:
    if not isinstance(encoded, str) or len(encoded) > MAX_BASE64_CHARACTERS:
        raise ProofRefused("the proof brings no certificate")
    try:
        return _load(encoded)
    except ValueError as error:
        raise ProofRefused("the proof brings something that is no certificate") from error


@lru_cache(maxsize=1_000)
def _load(encoded: str) -> x509.Certificate:
    return x509.load_der_x509_certificate(b64decode(encoded, validate=True))


def _holds(octets: bytes, value: bytes, certificate: x509.Certificate, algorithm: object) -> bool:
    if check_key(certificate, "").violation is not None:
        return False
    try:
        key = certificate.public_key()
        if isinstance(key, rsa.RSAPublicKey) and algorithm == _algorithm(key):
            key.verify(value, octets, PKCS1v15(), SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm == _algorithm(key):
            key.verify(_in_der(value, key), octets, ec.ECDSA(_hash_for(key)))
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _hash_for(key: ec.EllipticCurvePublicKey) -> HashAlgorithm:
    return SHA384() if key.curve.name == "secp384r1" else SHA256()


def _in_der(value: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    """Turn r and s side by side (RFC 7518 §3.4) into DER; any other length is no signature."""
    size = (key.key_size + 7) // 8
    if len(value) != 2 * size:
        raise InvalidSignature
    return encode_dss_signature(int.from_bytes(value[:size], "big"), int.from_bytes(value[size:], "big"))
