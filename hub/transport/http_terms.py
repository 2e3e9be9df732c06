"""What a server of ours offers and how long it waits: address, TLS, times and sizes."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from hub.errors import ConfigurationError
from hub.transport.address import is_loopback

_MAX_BODY: Final = 16 * 1024 * 1024
_ANY_PORT: Final = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTerms:
    """Where to listen, and what no client may exceed."""

    host: str
    port: int
    """0 for any that is free."""
    certificate: Path | None = None
    """PEM file with our certificate and its chain; without it there is no TLS."""
    key: Path | None = None
    """PEM file with its key; in the certificate's file where it is not set."""
    header_seconds: float = 10.0
    """So long a client has for the greeting of TLS, and then for the header of a request."""
    body_seconds: float = 30.0
    """In each span of so many seconds a body moves by `slowest` octets a second, either way, or ends."""
    slowest: int = 1_024
    """Octets in a second."""
    max_header_octets: int = 64 * 1024
    max_body_octets: int = _MAX_BODY
    max_connections: int = 500
    keep_alive_seconds: float = 75.0
    """So long a connection stays open between requests."""
    grace_seconds: float = 10.0
    """So long what is under way when we stop has to end."""

    @property
    def scheme(self) -> str:
        """How the address begins."""
        return "http" if self.certificate is None else "https"

    def context(self) -> ssl.SSLContext | None:
        """Return what connections are protected with, TLS 1.2 at least; None where there is no certificate.

        Raises `ConfigurationError` where the files cannot be used.
        """
        if self.certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            # Without a password of ours OpenSSL would ask for one on the terminal.
            context.load_cert_chain(self.certificate, self.key, password="")
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"không dùng được chứng thư {self.certificate} hoặc khóa của nó / the certificate "
                f"{self.certificate} or its key cannot be used: name PEM files that we may read"
            ) from error
        return context


class HttpTable(BaseModel):
    """The table `[http]` of an adapter's settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=_ANY_PORT)]
    certificate: Path | None = None
    key: Path | None = None
    behind_proxy: bool = False
    """Whether something in front of us has ended TLS, so that we may listen without it on any address."""
    header_seconds: Annotated[float, Field(gt=0)] = 10.0
    body_seconds: Annotated[float, Field(gt=0)] = 30.0
    max_header_octets: Annotated[int, Field(ge=1_024)] = 64 * 1024
    max_body_octets: Annotated[int, Field(ge=1)] = _MAX_BODY
    max_connections: Annotated[int, Field(ge=1)] = 500
    keep_alive_seconds: Annotated[float, Field(gt=0)] = 75.0
    grace_seconds: Annotated[float, Field(ge=0)] = 10.0

    def terms(self, folder: Path) -> HttpTerms:
        """Return the terms; paths start from *folder*."""
        return HttpTerms(
            host=self.host,
            port=self.port,
            certificate=folder / self.certificate if self.certificate is not None else None,
            key=folder / self.key if self.key is not None else None,
            header_seconds=self.header_seconds,
            body_seconds=self.body_seconds,
            max_header_octets=self.max_header_octets,
            max_body_octets=self.max_body_octets,
            max_connections=self.max_connections,
            keep_alive_seconds=self.keep_alive_seconds,
            grace_seconds=self.grace_seconds,
        )

    def complaints(self, folder: Path) -> Iterator[str]:
        """Return everything that keeps us from listening as the table says."""
        if self.certificate is None and self.key is not None:
            yield "[http]: có key mà thiếu certificate / key is of no use without certificate"
        if self.certificate is None and not self.behind_proxy and not is_loopback(self.host):
            yield (
                f"[http]: {self.host} không có TLS, văn bản sẽ đi trần trên mạng; đặt certificate và key, "
                f"hoặc behind_proxy = true / {self.host} without TLS: documents cross the network in the "
                "clear; set certificate and key, or behind_proxy = true"
            )
        try:
            self.terms(folder).context()
        except ConfigurationError as error:
            yield f"[http]: {error}"
