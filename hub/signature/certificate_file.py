"""Reads certificates out of the files in which agencies hand them in: PEM, DER or PKCS #12."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from hub.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFile:
    """A signer's certificate with those that came with it; never a key, even where the file has one."""

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]


def read_certificate_file(encoded: bytes, password: bytes | None = None) -> CertificateFile:
    """Return what *encoded* holds; *password* opens PKCS #12. Raises `ConfigurationError`."""
    try:
        found = _certificates(encoded, password)
    except (ValueError, TypeError, x509.InvalidVersion) as error:
        raise ConfigurationError(
            "the file is no certificate in PEM or DER form and no PKCS #12, or the password is another one"
        ) from error
    own = [each for each in found if not _is_authority(each)]
    if len(own) != 1:
        raise ConfigurationError(f"the file holds {len(own)} certificates of signers instead of one")
    return CertificateFile(certificate=own[0], chain=tuple(each for each in found if each != own[0]))


def _certificates(encoded: bytes, password: bytes | None) -> list[x509.Certificate]:
    if b"-----BEGIN CERTIFICATE" in encoded:
        return x509.load_pem_x509_certificates(encoded)
    try:
        return [x509.load_der_x509_certificate(encoded)]
    except ValueError:
        opened = pkcs12.load_pkcs12(encoded, password)
    own = [] if opened.cert is None else [opened.cert.certificate]
    return own + [each.certificate for each in opened.additional_certs]


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
