"""Where the status of a certificate is published, as the certificate itself names it (RFC 5280 §4.2)."""

from functools import lru_cache
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import AuthorityInformationAccessOID

from hub.message.identifiers import Fingerprint

Addresses: TypeAlias = tuple[str, ...]
MOST_ADDRESSES: Final = 4
"""Of each kind in one certificate: more would be a way to make the hub work for a stranger."""
_LONGEST: Final = 1_000
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_UNREADABLE: Final = (x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError)


@lru_cache(maxsize=10_000)
def crl_addresses(certificate: x509.Certificate) -> Addresses:
    """Return where the CRL that covers *certificate* is published, by HTTP; parts by reason are left out."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, *_UNREADABLE):
        return ()
    whole = [point.full_name for point in points if point.reasons is None and point.crl_issuer is None]
    return web_addresses([name for names in whole for name in names or ()])


@lru_cache(maxsize=10_000)
def ocsp_addresses(certificate: x509.Certificate) -> Addresses:
    """Return who can be asked about *certificate* by OCSP over HTTP."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, *_UNREADABLE):
        return ()
    ocsp = AuthorityInformationAccessOID.OCSP
    return web_addresses([each.access_location for each in access if each.access_method == ocsp])


def host_of(address: str) -> str | None:
    """Return host of *address*, with the port where it is not the usual one; None where it may not be asked.

    Only HTTP and HTTPS may, without credentials in the address.
    """
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    usual = port is None or port == _DEFAULT_PORTS[parts.scheme]
    return parts.hostname if usual else f"{parts.hostname}:{port}"


@lru_cache(maxsize=10_000)
def fingerprint_of(certificate: x509.Certificate) -> Fingerprint:
    """Return the SHA-256 of *certificate* in DER form."""
    return Fingerprint(certificate.fingerprint(SHA256()))


def web_addresses(names: list[x509.GeneralName]) -> Addresses:
    """Return those of *names* that may be asked over HTTP, a few at most."""
    found = [name.value for name in names if isinstance(name, x509.UniformResourceIdentifier)]
    usable = [
        each for each in found if len(each) <= _LONGEST and each.isascii() and host_of(each) is not None
    ]
    return tuple(usable[:MOST_ADDRESSES])
