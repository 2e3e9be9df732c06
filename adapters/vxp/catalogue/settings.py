"""The table `[catalogue]`: where the catalogue of agencies comes from, and where its copy lies."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from adapters.vxp.catalogue.source import ConsoleAddress
from hub.errors import ConfigurationError
from hub.transport.address import is_loopback

_SCHEMES: Final = ("http", "https")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueSettings:
    """What keeps the copy of the catalogue."""

    folder: Path
    console: ConsoleAddress | None
    file: Path | None
    every: timedelta


class CatalogueTable(BaseModel):
    """The table as it stands in the settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    folder: Path = Path("catalogue")
    """Of the gateway's own: it can be deleted, and is made again."""
    url: str | None = None
    """Of the hub's console, without a path."""
    token: SecretStr = SecretStr("")
    """Of an account of the console (`truc accounts token`); a viewer's is enough."""
    ca: Path | None = None
    """PEM file with the authorities of the console's certificate; the machine's where not set."""
    file: Path | None = None
    """Instead of an address: what `truc agency export` has written, for where the console is out of reach."""
    refresh_seconds: Annotated[float, Field(gt=0)] = 300.0

    def complaints(self) -> Iterator[str]:
        """Return everything that is wrong with the table."""
        if (self.url is None) == (self.file is None):
            yield "[catalogue]: cần url hoặc file, chỉ một / say url or file, one of the two"
        if self.url is None:
            return
        parts = urlsplit(self.url)
        if parts.scheme not in _SCHEMES or not parts.hostname:
            yield "[catalogue]: url phải là địa chỉ http(s) / url has to be an address of http(s)"
        elif parts.scheme != "https" and not is_loopback(parts.hostname):
            yield (
                "[catalogue]: url phải dùng https, nếu không mã truy cập đi trần trên mạng / url has to be "
                "https: the token would cross the network in the clear"
            )
        if not self.token.get_secret_value():
            yield "[catalogue]: thiếu token / token is missing (`truc accounts token`)"

    def settings(self, folder: Path) -> CatalogueSettings:
        """Return the settings; paths start from *folder*. Raises `ConfigurationError`."""
        if complaints := list(self.complaints()):
            raise ConfigurationError("\n  ".join(complaints))
        console = None
        if self.url is not None:
            console = ConsoleAddress(
                url=self.url.rstrip("/"), token=self.token, authorities=self._authorities(folder)
            )
        return CatalogueSettings(
            folder=folder / self.folder,
            console=console,
            file=folder / self.file if self.file is not None else None,
            every=timedelta(seconds=self.refresh_seconds),
        )

    def _authorities(self, folder: Path) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=folder / self.ca if self.ca is not None else None)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"[catalogue]: không đọc được chứng thư trong {self.ca} / {self.ca} holds no certificate in "
                "PEM form"
            ) from error
