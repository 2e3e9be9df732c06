"""Judges time stamps over the hub's receipts (RFC 3161), with rfc3161-client where it is installed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from cryptography import x509

from hub.evidence.signed_xml import Unproved

_GRANTED: Final = bytes.fromhex("3003020100")
"""PKIStatusInfo `granted`: a response is this and a token."""
_LONG_FORM: Final = 0x80


def instant_of(token: bytes, manifest: bytes, anchors: Sequence[x509.Certificate]) -> datetime:
    """Return when *manifest* existed, as *token* says and one of *anchors* stands behind.

    Raises `Unproved` where it is not so, `ImportError` where the library is missing.
    """
    # Whoever judges evidence without stamps needs no more than cryptography and lxml.
    from rfc3161_client import (  # noqa: PLC0415
        VerificationError,
        VerifierBuilder,
        decode_timestamp_response,
    )

    try:
        response = decode_timestamp_response(_sequence(_GRANTED + token))
        imprint = response.tst_info.message_imprint.message
        at = response.tst_info.gen_time
    except (ValueError, TypeError, OverflowError) as error:
        raise Unproved("dấu thời gian không đọc được", "the time stamp cannot be read") from error
    if not compare_digest(imprint, sha256(manifest).digest()):
        raise Unproved("dấu thời gian là của danh sách khác", "the time stamp is for another list")
    try:
        VerifierBuilder(roots=list(anchors)).build().verify_message(response, manifest)
    except (ValueError, TypeError, VerificationError) as error:
        raise Unproved(
            "dấu thời gian không do tổ chức được tin cậy cấp", "no trusted authority gave the time stamp"
        ) from error
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def lists(manifest: bytes, body: bytes) -> bool:
    """Whether *body* stands in the list that was stamped: SHA-256 in hexadecimal, a line each."""
    return sha256(body).hexdigest().encode() in manifest.split(b"\n")


def _sequence(content: bytes) -> bytes:
    """Return *content* as a DER sequence."""
    length = len(content)
    if length < _LONG_FORM:
        return bytes([0x30, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x30, _LONG_FORM | len(octets)]) + octets + content
