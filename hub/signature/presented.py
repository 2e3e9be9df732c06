"""The certificates that come with a signature: read once, however many signatures they come with."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from hub.message.identifiers import Fingerprint
from hub.signature import profile
from hub.signature.key import check_key, fits

_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Presented:
    """A signer's certificate with those that came with it; whether to trust them is another question.

    Two are equal where all their octets are. That is told by the fingerprints: to compare, or to hash, the
    certificates themselves takes a hundred times as long.
    """

    certificate: x509.Certificate
    """The signer's."""
    chain: tuple[x509.Certificate, ...]
    """The others: material for a path, not yet one."""
    fingerprints: tuple[Fingerprint, ...]
    """Of all of them, the signer's first."""
    methods: frozenset[str]
    """The signature methods for the signer's kind of key; none where the profile does not take the key."""

    def __eq__(self, other: object) -> bool:
        """Tell whether *other* has the same certificates in the same order."""
        return isinstance(other, Presented) and self.fingerprints == other.fingerprints

    def __hash__(self) -> int:
        """Hash what is compared."""
        return hash(self.fingerprints)

    @property
    def signed_by(self) -> Fingerprint:
        """Fingerprint of the signer's certificate."""
        return self.fingerprints[0]


def presented(certificate: x509.Certificate, chain: Sequence[x509.Certificate] = ()) -> Presented:
    """Return *certificate* as it is presented with *chain*."""
    return Presented(
        certificate=certificate,
        chain=tuple(chain),
        fingerprints=tuple(Fingerprint(each.fingerprint(SHA256())) for each in (certificate, *chain)),
        methods=_methods_for(certificate),
    )


@lru_cache(maxsize=_REMEMBERED)
def read_presented(encoded: tuple[bytes, ...]) -> Presented:
    """Return what is presented in DER form, the signer's certificate first.

    Raises `ValueError` or `x509.InvalidVersion` where one of them is no certificate of RFC 5280.
    """
    certificate, *chain = [_read(each) for each in encoded]
    return presented(certificate, chain)


@lru_cache(maxsize=_REMEMBERED)
def _read(der: bytes) -> x509.Certificate:
    certificate = x509.load_der_x509_certificate(der)
    if certificate.not_valid_before_utc > certificate.not_valid_after_utc:
        raise ValueError("the certificate is never valid")
    if certificate.serial_number <= 0:
        raise ValueError("the serial number is not positive (RFC 5280 §4.1.2.2)")
    return certificate


def _methods_for(certificate: x509.Certificate) -> frozenset[str]:
    if check_key(certificate, "").violation is not None:
        return frozenset()
    return frozenset(each for each in profile.SIGNATURE_METHODS if fits(certificate, each))
