"""Whether a time stamp is for a signature, and by an authority that the axis knows (RFC 3161).

rfc3161-client does the work; beside `stamp_asking`, this is the one module that knows its types.
The stamp of a XAdES-T signature is no part of what its signer signed: anybody may add one. One for something
else is the sign of broken software and refused; one by an unknown authority proves nothing and is noted.
"""

from collections.abc import Sequence
from datetime import UTC
from functools import cache
from hmac import compare_digest
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, Hash, HashAlgorithm
from rfc3161_client import TimeStampResponse, VerificationError, VerifierBuilder, decode_timestamp_response
from rfc3161_client.verify import Verifier

from hub.errors import RejectionCode, SignatureRejected
from hub.message.refusal import Sentence
from hub.message.signature_facts import Stamp, StampVerdict
from hub.signature.finding import SubIndication, adverse, rejected

_CLAUSE: Final = "ETSI EN 319 132-1 §5.3, RFC 3161 §2.4.2"
_GRANTED: Final = bytes.fromhex("3003020100")
"""PKIStatusInfo `granted`: a response is this and a token."""
_LONG_FORM: Final = 0x80
_DIGESTS: Final[MappingProxyType[str, HashAlgorithm]] = MappingProxyType(
    {
        "2.16.840.1.101.3.4.2.1": SHA256(),
        "2.16.840.1.101.3.4.2.2": SHA384(),
        "2.16.840.1.101.3.4.2.3": SHA512(),
    }
)


def judge_stamp(token: bytes, subject: bytes, anchors: Sequence[x509.Certificate], path: str) -> Stamp:
    """Return when *token* says that *subject* existed, and whether one of *anchors* stands behind that.

    Raises `SignatureRejected` where the token cannot be read or is for something else.
    """
    response = _read(token, path)
    imprint = response.tst_info.message_imprint
    algorithm = _DIGESTS.get(imprint.hash_algorithm.dotted_string)
    if algorithm is None:
        raise _invalid(path, Sentence("thuật toán băm yếu", "its digest is weak"))
    digest = Hash(algorithm)
    digest.update(subject)
    expected = digest.finalize()
    if not compare_digest(expected, imprint.message):
        raise _invalid(path, Sentence("không phải của chữ ký này", "it is for something else"))
    at = response.tst_info.gen_time
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return Stamp(at=at, verdict=_verdict(response, expected, tuple(anchors)))


def _read(token: bytes, path: str) -> TimeStampResponse:
    try:
        response = decode_timestamp_response(_sequence(_GRANTED + token))
        response.tst_info.message_imprint  # noqa: B018 - the parts are read when they are asked for
    except (ValueError, TypeError, VerificationError) as error:
        raise _invalid(path, Sentence("không đọc được", "it cannot be read")) from error
    return response


def _sequence(content: bytes) -> bytes:
    """Return *content* as a DER sequence."""
    length = len(content)
    if length < _LONG_FORM:
        return bytes([0x30, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x30, _LONG_FORM | len(octets)]) + octets + content


def _verdict(
    response: TimeStampResponse, digest: bytes, anchors: tuple[x509.Certificate, ...]
) -> StampVerdict:
    if not anchors:
        return StampVerdict.NO_ANCHOR
    try:
        _verifier(anchors).verify(response, digest)
    except (VerificationError, ValueError):
        return StampVerdict.NO_ANCHOR
    return StampVerdict.PASSED


@cache
def _verifier(anchors: tuple[x509.Certificate, ...]) -> Verifier:
    return VerifierBuilder(roots=list(anchors)).build()


def _invalid(path: str, reason: Sentence) -> SignatureRejected:
    finding = adverse(
        SubIndication.FORMAT_FAILURE,
        RejectionCode.TIMESTAMP_INVALID,
        path=f"{path}/Object",
        clause=_CLAUSE,
        reason_vi=reason.vi,
        reason_en=reason.en,
    )
    return rejected(finding)
