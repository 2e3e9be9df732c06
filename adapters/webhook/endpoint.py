"""Where deliveries or events are POSTed, and on which terms."""

from dataclasses import dataclass, field
from pathlib import Path

from hub.transport.hook_signing import HookKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address of the agency's."""

    url: str = field(repr=False)
    """It may hold a secret of its own, and is logged nowhere."""
    host: str
    keys: HookKeys
    authorities: Path | None = None
    """PEM file with the authorities of its certificate; those that the machine trusts without it."""
    allow_private: bool = False
    """Whether it may be in our own network, or on this machine."""
    answer_seconds: float = 30.0
    """So long one request has, from the name's look-up to the last octet of the answer."""
    patience_seconds: float = 60.0
    """So long a document is tried here before the axis gets it back to offer it later."""
    first_pause: float = 1.0
    longest_pause: float = 30.0
    concurrency: int = 8
    enclose_octets: int = 256 * 1024
    """Envelopes up to this size travel inside the request; larger ones are fetched."""
