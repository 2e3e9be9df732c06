"""How a webhook is signed, in the form of the Standard Webhooks 1.0: over id, instant and body together."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SHARED_PREFIX: Final = "whsec_"
PRIVATE_PREFIX: Final = "whsk_"
_SECRET_OCTETS: Final = (24, 64)
_SEED_OCTETS: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class HookKeys:
    """What signs: each key in force, so that a receiver may change over in its own time."""

    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    """Shared with the receiver; `v1`, HMAC-SHA256."""
    private_keys: tuple[Ed25519PrivateKey, ...] = field(default=(), repr=False)
    """Known to nobody else; `v1a`, ed25519."""

    def headers(self, identity: str, at: datetime, body: bytes) -> dict[str, str]:
        """Return the headers of one attempt; *identity* is the same for all attempts at one event."""
        stamp = str(int(at.timestamp()))
        headers = {"webhook-id": identity, "webhook-timestamp": stamp}
        signatures = list(self._signatures(f"{identity}.{stamp}.".encode() + body))
        return headers | ({"webhook-signature": " ".join(signatures)} if signatures else {})

    def _signatures(self, content: bytes) -> Iterator[str]:
        for secret in self.secrets:
            yield f"v1,{_text(hmac.new(secret, content, hashlib.sha256).digest())}"
        for key in self.private_keys:
            yield f"v1a,{_text(key.sign(content))}"


def read_secret(text: str) -> bytes:
    """Return the secret written as `whsec_…`; raises `ValueError` without the text in it."""
    octets = _octets(text, SHARED_PREFIX)
    least, most = _SECRET_OCTETS
    if not least <= len(octets) <= most:
        message = f"a webhook secret has {least} to {most} octets, this one has {len(octets)}"
        raise ValueError(message)
    return octets


def read_private_key(text: str) -> Ed25519PrivateKey:
    """Return the key written as `whsk_…`, with or without its public half; raises `ValueError`."""
    octets = _octets(text, PRIVATE_PREFIX)
    if len(octets) not in {_SEED_OCTETS, 2 * _SEED_OCTETS}:
        message = f"a webhook's private key has 32 or 64 octets, this one has {len(octets)}"
        raise ValueError(message)
    return Ed25519PrivateKey.from_private_bytes(octets[:_SEED_OCTETS])


def _octets(text: str, prefix: str) -> bytes:
    try:
        return base64.b64decode(text.removeprefix(prefix), validate=True)
    except (binascii.Error, ValueError):
        message = f"this is not {prefix} and base64"
        raise ValueError(message) from None


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
