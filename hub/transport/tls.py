"""TLS for whoever connects to the broker: the name in the address is always verified."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID
from yarl import URL

from hub.errors import ConfigurationError
from hub.transport.address import broker_urls, is_external


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Whom we trust to be the broker, and the certificate that says who we are."""

    authorities: Path | None = None
    """PEM file with the authorities of the broker's certificate; the machine's own where it is not set."""
    certificate: Path | None = None
    """PEM file with our certificate and its chain."""
    key: Path | None = None
    """PEM file with its key; in the certificate's file where it is not set."""
    key_password: str | None = field(default=None, repr=False)

    def context(self) -> ssl.SSLContext:
        """Return what a connection is protected with: TLS 1.2 at least, host name and chain verified.

        Raises `ConfigurationError` where the files cannot be used.
        """
        context = _trusting(self.authorities)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate is not None:
            self._identify(context, self.certificate)
        return context

    def common_name(self) -> str | None:
        """Return whom our certificate names, which is who we are to a broker that is asked for `external`."""
        if self.certificate is None:
            return None
        try:
            own = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"broker_certificate {self.certificate} holds no certificate in PEM form: {_reason(error)}"
            ) from error
        names = own.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(names[0].value) if len(names) == 1 else None

    def complaints(self, address: str, user: str | None = None) -> tuple[str, ...]:
        """Return everything that keeps *address* from being used with these files, as *user* where named."""
        return tuple(self._complaints(address, user))

    def _complaints(self, address: str, user: str | None) -> Iterator[str]:
        try:
            url = broker_urls(address)[0]
        except ConfigurationError as error:
            yield str(error)
            return
        if self.certificate is None and (self.key is not None or self.key_password is not None):
            yield "broker_key is of no use without broker_certificate: name the certificate, too"
        if url.scheme == "amqp" and (self.authorities or self.certificate):
            yield "broker_ca and broker_certificate are for amqps:// only: let the address begin with it"
        try:
            if url.scheme == "amqps":
                self.context()
            if is_external(url):
                yield from _identity_complaints(url, self.common_name(), user)
        except ConfigurationError as error:
            yield str(error)

    def _identify(self, context: ssl.SSLContext, certificate: Path) -> None:
        try:
            # Without a password of ours OpenSSL would ask for one on the terminal.
            context.load_cert_chain(certificate, self.key, password=self.key_password or "")
        except (OSError, ValueError) as error:
            key = f"and broker_key {self.key} " if self.key else ""
            raise ConfigurationError(
                f"broker_certificate {certificate} {key}cannot be used ({_reason(error)}): name PEM files "
                "that we may read, a certificate with its own key, and broker_key_password where it has one"
            ) from error


NO_FILES: Final = TlsFiles()
"""The machine's own authorities, and no certificate of ours."""


def _trusting(authorities: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authorities)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"broker_ca {authorities} cannot be used ({_reason(error)}): name a PEM file that we may read, "
            "with the certificates of the broker's authority"
        ) from error


def _identity_complaints(url: URL, name: str | None, user: str | None) -> Iterator[str]:
    if url.scheme != "amqps":
        yield "auth=external needs amqps://: the broker knows us by our certificate"
    if name is None:
        yield (
            "auth=external needs broker_certificate: a certificate whose one common name is the broker user; "
            "or take auth=external out of the address and name user and password"
        )
    wanted = user or url.user
    if name is not None and wanted is not None and name != wanted:
        yield (
            f"broker_certificate belongs to {name!r}, and we are {wanted!r}: name the certificate that was "
            f"issued for {wanted!r}"
        )


def _reason(error: BaseException) -> str:
    """Say what is wrong without what OpenSSL adds for its own developers."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not PEM").replace("_", " ").lower()
    return str(error.strerror if isinstance(error, OSError) and error.strerror else error)
