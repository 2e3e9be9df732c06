"""Where a signing key comes from: an encrypted file, or a token that it never leaves."""

from dataclasses import dataclass, field
from pathlib import Path

from hub.errors import ConfigurationError
from hub.signature.signing import SigningKey
from hub.signature.token_uri import TokenUri, is_in_token


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """A key by its name, and what opens it; nothing is read yet."""

    name: str
    """A PEM file's path, or `pkcs11:token=…;object=…`."""
    password: str = field(repr=False)
    """Of the file; the token's PIN."""
    module: Path | None = None
    certificates: Path | None = None
    """Of a key in a token; a file has its own."""

    @property
    def is_in_token(self) -> bool:
        """Whether to sign is to wait for a token."""
        return is_in_token(self.name)

    def load(self) -> SigningKey:
        """Return the key, ready to sign; raises `ConfigurationError`."""
        if self.is_in_token:
            return self._in_token()
        return SigningKey.from_pem(_octets(Path(self.name)), self.password.encode() or None)

    def _in_token(self) -> SigningKey:
        # Who has no token does not load what speaks to them.
        from hub.signature.token import TokenPlace  # noqa: PLC0415
        from hub.signature.token_key import key_in_token  # noqa: PLC0415

        if self.module is None or self.certificates is None:
            raise ConfigurationError(
                "a key in a token needs the module of the token's maker and a file with its certificates"
            )
        place = TokenPlace(uri=TokenUri.parse(self.name), module=self.module, pin=self.password)
        return key_in_token(place, _octets(self.certificates))


def _octets(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
