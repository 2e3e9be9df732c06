"""Names of keys in tokens: `pkcs11:token=Truc;object=hub` (RFC 7512)."""

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import unquote_to_bytes

from hub.errors import ConfigurationError

SCHEME: Final = "pkcs11:"
_SECRETS: Final = frozenset({"pin-value", "pin-source"})
_KNOWN: Final = frozenset({"token", "serial", "object", "id", "type"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUri:
    """Which key in which token; what is not said is whatever there is one of."""

    token: str | None = None
    serial: bytes | None = None
    object: str | None = None
    id: bytes | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read *text*; raises `ConfigurationError`, which says nothing of a PIN that stands in it."""
        path, _, query = text.removeprefix(SCHEME).partition("?")
        named = dict(_attributes(path, ";") + _attributes(query, "&"))
        if not text.startswith(SCHEME) or _SECRETS & named.keys():
            raise ConfigurationError(
                "a key in a token is named like pkcs11:token=Truc;object=hub, and its PIN nowhere in that: "
                "the PIN is a setting of its own"
            )
        if unknown := sorted(named.keys() - _KNOWN):
            raise ConfigurationError(
                f"{', '.join(unknown)} in the name of a key in a token is not understood: "
                f"say {', '.join(sorted(_KNOWN))}; the module is a setting of its own"
            )
        if not named.keys() & {"object", "id"} or named.get("type", b"private") != b"private":
            raise ConfigurationError("the name of a key in a token says object= or id=, of a private key")
        return cls(
            token=_text(named.get("token")),
            serial=named.get("serial"),
            object=_text(named.get("object")),
            id=named.get("id"),
        )


def is_in_token(name: str) -> bool:
    """Whether *name* is that of a key in a token, not a file's."""
    return name.startswith(SCHEME)


def _attributes(text: str, separator: str) -> list[tuple[str, bytes]]:
    pairs = (part.partition("=") for part in text.split(separator) if part)
    return [(name, unquote_to_bytes(value)) for name, _, value in pairs]


def _text(octets: bytes | None) -> str | None:
    try:
        return octets.decode() if octets is not None else None
    except UnicodeDecodeError as error:
        raise ConfigurationError("the name of a key in a token is UTF-8, other octets only in id=") from error
