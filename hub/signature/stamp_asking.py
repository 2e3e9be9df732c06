"""Asks a time stamp authority, and believes only an answer to that very question (RFC 3161)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hmac import compare_digest
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from rfc3161_client import (
    HashAlgorithm,
    TimeStampRequest,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from rfc3161_client.tsp import PKIStatus

from hub.errors import TemporaryFailure

REQUEST_TYPE: Final = "application/timestamp-query"
_SHA256: Final = "2.16.840.1.101.3.4.2.1"
_SKEW: Final = timedelta(minutes=10)
"""How far the authority's clock and the hub's may be apart before one of them is taken to be wrong."""
_BROKEN: Final = (ValueError, TypeError, OverflowError, VerificationError)


class StampTrouble(StrEnum):
    """Why there is no time stamp."""

    NO_ANSWER = "STAMP_NO_ANSWER"
    """Away, silent, too slow, or more octets than a stamp has."""
    UNREADABLE = "STAMP_UNREADABLE"
    NOT_GRANTED = "STAMP_NOT_GRANTED"
    OTHER_NONCE = "STAMP_OTHER_NONCE"
    """An answer to another request, or an old one again."""
    OTHER_DIGEST = "STAMP_OTHER_DIGEST"
    """For other octets, or by another digest than SHA-256."""
    OTHER_TIME = "STAMP_OTHER_TIME"
    """Not of the time at which it was asked for."""
    UNTRUSTED = "STAMP_UNTRUSTED"
    """Not signed by an authority below the anchors."""


class StampRefused(TemporaryFailure):
    """Nobody acts unless it lasts: no stamp that can be believed; the next attempt may give one."""

    def __init__(self, trouble: StampTrouble, reason: str) -> None:
        """Say with *trouble* and *reason* what is wrong."""
        super().__init__(f"{trouble}: {reason}")
        self.trouble = trouble
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A time stamp that was checked."""

    at: datetime
    """As the authority says, in UTC."""
    octets: bytes = field(repr=False)
    """The token itself, in DER form: it proves the same without the hub."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StampInquiry:
    """One question to an authority, with a nonce of its own."""

    digest: bytes
    _request: TimeStampRequest

    @classmethod
    def about(cls, subject: bytes) -> "StampInquiry":
        """Ask when *subject* existed, which is not empty."""
        builder = TimestampRequestBuilder().data(subject).hash_algorithm(HashAlgorithm.SHA256)
        return cls(
            digest=_sha256(subject),
            _request=builder.nonce(nonce=True).cert_request(cert_request=True).build(),
        )

    @property
    def octets(self) -> bytes:
        """The request, in DER form."""
        return self._request.as_bytes()

    def read(self, answer: bytes, anchors: Sequence[x509.Certificate], now: datetime) -> Token:
        """Return the token in *answer*, which came *now*; raises `StampRefused` where that is no proof."""
        try:
            response = decode_timestamp_response(answer)
            if PKIStatus(response.status) is not PKIStatus.GRANTED:
                raise StampRefused(StampTrouble.NOT_GRANTED, f"the answer has status {response.status}")
            self._compare(response)
            token = Token(at=_instant(response, now), octets=response.time_stamp_token())
        except _BROKEN as error:
            raise StampRefused(StampTrouble.UNREADABLE, "the answer is no time stamp") from error
        try:
            builder = VerifierBuilder(roots=list(anchors), nonce=self._request.nonce)
            builder.build().verify(response, self.digest)
        except _BROKEN as error:
            raise StampRefused(StampTrouble.UNTRUSTED, "no anchor stands behind the answer") from error
        return token

    def _compare(self, response: TimeStampResponse) -> None:
        imprint = response.tst_info.message_imprint
        if imprint.hash_algorithm.dotted_string != _SHA256 or not compare_digest(
            imprint.message, self.digest
        ):
            raise StampRefused(StampTrouble.OTHER_DIGEST, "the stamp is for something else")
        if response.tst_info.nonce != self._request.nonce:
            raise StampRefused(StampTrouble.OTHER_NONCE, "the stamp answers another request")


def _instant(response: TimeStampResponse, now: datetime) -> datetime:
    at = response.tst_info.gen_time
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    if abs(now - at) > _SKEW:
        raise StampRefused(StampTrouble.OTHER_TIME, f"the stamp is of {at.isoformat()}")
    return at


def _sha256(octets: bytes) -> bytes:
    digest = Hash(SHA256())
    digest.update(octets)
    return digest.finalize()
