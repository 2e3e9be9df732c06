"""The claim check: the ticket that travels through the broker where a large envelope lies in the blob store.

It stands for the envelope's exact bytes, by their SHA-256 and their number. Whatever is signed, answered or
proven speaks of the envelope's own digest, as if the envelope itself had travelled.
"""

import re
from dataclasses import dataclass
from typing import Final

from hub.message.identifiers import Digest

CLAIM_TYPE: Final = "application/vnd.truc.claim+json"
"""The AMQP `content_type` of a claim check; what else it has are the properties of the envelope."""
USUAL_LARGE_ABOVE: Final = 1024 * 1024
"""Octets from which on an envelope is checked in, unless the settings say otherwise."""
_FORM: Final = re.compile(rb'\{"claim":1,"sha256":"([0-9a-f]{64})","octets":([1-9][0-9]{0,14})\}')


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimCheck:
    """Which envelope is meant: that of this digest, so many octets long."""

    digest: Digest
    octets: int

    def as_body(self) -> bytes:
        """Return the one way in which this claim check is written."""
        return b'{"claim":1,"sha256":"%s","octets":%d}' % (self.digest.hex().encode(), self.octets)


def is_claim(content_type: str | None) -> bool:
    """Whether a message of *content_type* is a claim check rather than an envelope."""
    return content_type == CLAIM_TYPE


def read_claim(body: bytes) -> ClaimCheck:
    """Return the claim check that *body* is; raises `ValueError` for whatever `as_body` would not write."""
    found = _FORM.fullmatch(body)
    if found is None:
        msg = "not a claim check"
        raise ValueError(msg)
    return ClaimCheck(digest=Digest(bytes.fromhex(found[1].decode())), octets=int(found[2]))
