"""How a mailbox speaks to the service of large bodies, as values: addresses, headers, who asks for what.

Both sides go by this module. The proof travels as a compact JWS (`hub.signature.body_proof` signs and
verifies it) in `Authorization: Bearer …`, one for each request.

    POST  /v1/bodies            {"sha256": hex, "octets": n} begins an upload, or tells how far it got
    PATCH /v1/bodies/{sha256}   `Upload-Offset: n` and the next part; 204 with the new `Upload-Offset`
    HEAD  /v1/bodies/{sha256}   `Upload-Offset` and `Upload-Length` of one's own upload
    GET   /v1/bodies/{sha256}   the body, whole or a `Range` of it; `ETag` is its digest

What is asked twice is done once, so that a proof that is shown twice harms nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

from hub.message.identifiers import Digest, MailboxName

BODIES_PATH: Final = "/v1/bodies"
UPLOAD_OFFSET: Final = "Upload-Offset"
"""How much of a body has arrived for good: where the next part begins."""
UPLOAD_LENGTH: Final = "Upload-Length"
"""How long the whole body is."""
PART_TYPE: Final = "application/offset+octet-stream"
PART_OCTETS: Final = 8 * 1024 * 1024
"""Every part is so long, save the last, which is shorter."""
PROOF_LIFETIME: Final = timedelta(seconds=60)
CLOCK_LEEWAY: Final = timedelta(seconds=30)
"""How much the clocks of an agency and the hub may differ."""
PROOF_TYPE: Final = "truc-body+jwt"
AUDIENCE: Final = "truc-bodies"
_LONGEST_WORD: Final = 200
_END_OF_TIME: Final = 2**35


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyProof:
    """What a mailbox says with its signature: this one request, now."""

    mailbox: MailboxName
    method: str
    path: str
    issued_at: datetime
    expires_at: datetime
    proof_id: str

    @classmethod
    def of(cls, mailbox: MailboxName, method: str, path: str, now: datetime) -> "BodyProof":
        """Return what *mailbox* says for one request that it makes now."""
        return cls(
            mailbox=mailbox,
            method=method,
            path=path,
            issued_at=now,
            expires_at=now + PROOF_LIFETIME,
            proof_id=str(uuid4()),
        )

    def as_claims(self) -> dict[str, str | int]:
        """Return the claims of the JWS; names as in RFC 7519 and RFC 9449."""
        return {
            "sub": self.mailbox,
            "aud": AUDIENCE,
            "htm": self.method,
            "htu": self.path,
            "iat": int(self.issued_at.timestamp()),
            "exp": int(self.expires_at.timestamp()),
            "jti": self.proof_id,
        }

    def fault_at(self, now: datetime, *, method: str, path: str) -> str | None:
        """Return why this is no proof for that request at *now*; None where it is one."""
        if (self.method, self.path) != (method, path):
            return "the proof is for another request"
        if self.expires_at - self.issued_at > PROOF_LIFETIME:
            return "the proof is meant to live too long"
        if self.issued_at - CLOCK_LEEWAY > now:
            return "the proof comes from the future: look at the clock"
        if self.expires_at + CLOCK_LEEWAY < now:
            return "the proof has expired: look at the clock"
        return None


def path_of(digest: Digest) -> str:
    """Return the address of the body with *digest*."""
    return f"{BODIES_PATH}/{digest.hex()}"


def read_claims(claims: Mapping[str, object]) -> BodyProof:
    """Return what *claims* say; raises `ValueError` where they are not those of a proof."""
    if claims.get("aud") != AUDIENCE:
        msg = "the proof is for somebody else"
        raise ValueError(msg)
    return BodyProof(
        mailbox=MailboxName(_word(claims, "sub")),
        method=_word(claims, "htm"),
        path=_word(claims, "htu"),
        issued_at=_instant(claims, "iat"),
        expires_at=_instant(claims, "exp"),
        proof_id=_word(claims, "jti"),
    )


def _word(claims: Mapping[str, object], name: str) -> str:
    word = claims.get(name)
    if not isinstance(word, str) or not 0 < len(word) <= _LONGEST_WORD:
        msg = f"the proof has no {name}"
        raise ValueError(msg)
    return word


def _instant(claims: Mapping[str, object], name: str) -> datetime:
    seconds = claims.get(name)
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 < seconds < _END_OF_TIME:
        msg = f"the proof has no {name}"
        raise ValueError(msg)
    return datetime.fromtimestamp(seconds, UTC)
