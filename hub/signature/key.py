"""Which public keys are strong enough, and of the right kind for a signature method."""

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509 import Certificate

from hub.errors import RejectionCode
from hub.signature import profile
from hub.signature.finding import PASSED, Finding, SubIndication, adverse

RSA_BITS: Final = range(2048, 8193)
"""Shorter is weak; longer would let a stranger choose how long a verification takes."""
_EXPONENTS: Final = range(65_537, 2**256)
"""FIPS 186-5 §A.1.1; small ones make forged paddings work."""
CURVES: Final = frozenset({"secp256r1", "secp384r1"})
_CLAUSE: Final = "decision 0003: RSA of 2048 to 8192 bits, or ECDSA over P-256 or P-384"


def check_key(certificate: Certificate, path: str) -> Finding:
    """Return whether the key of *certificate* is one that the profile takes."""
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return _weak("?", path)
    match key:
        case rsa.RSAPublicKey() if key.key_size in RSA_BITS and key.public_numbers().e in _EXPONENTS:
            return PASSED
        case ec.EllipticCurvePublicKey() if key.curve.name in CURVES:
            return PASSED
        case _:
            return _weak(_name(key), path)


def fits(certificate: Certificate, signature_method: str) -> bool:
    """Whether *signature_method* is one for the kind of key that *certificate* has."""
    if isinstance(certificate.public_key(), rsa.RSAPublicKey):
        return signature_method in profile.RSA_METHODS
    return signature_method in profile.ECDSA_METHODS


def _name(key: PublicKeyTypes) -> str:
    match key:
        case rsa.RSAPublicKey():
            return f"RSA-{key.key_size}"
        case ec.EllipticCurvePublicKey():
            return key.curve.name
        case _:
            return type(key).__name__.removesuffix("PublicKey")


def _weak(name: str, path: str) -> Finding:
    crypto = SubIndication.CRYPTO_CONSTRAINTS_FAILURE
    return adverse(crypto, RejectionCode.WEAK_KEY, path=path, clause=_CLAUSE, key=name)
