"""Names and codes, each of its own type, so that they cannot be mistaken for one another."""

import hashlib
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NewType
from uuid import UUID

AgencyCode = NewType("AgencyCode", str)
"""An agency's code as somebody wrote it: `000.00.00.H49`, `H49`, `H37.02.02`."""
AgencyKey = NewType("AgencyKey", str)
"""The canonical form of a code; two codes name the same agency exactly when their keys are equal."""
MailboxName = NewType("MailboxName", str)
"""Name of a connected endpoint: its broker user, its routing key and the end of its queue's name."""
SubmissionId = NewType("SubmissionId", str)
"""The sender's own name for one submission (AMQP `correlation_id`); its digest where the sender gave none."""
MessageId = NewType("MessageId", UUID)
"""The hub's name for an accepted or refused message."""
DeliveryId = NewType("DeliveryId", UUID)
"""One thing that goes to one recipient; the same through all retries, restarts and replays."""
ReceiptId = NewType("ReceiptId", UUID)
SheetId = NewType("SheetId", UUID)
"""The document in which receipts travel: that of the first receipt on it."""
DocumentId = NewType("DocumentId", str)
"""`DocumentId` of an edXML header: opaque, unique per sender (vendors write it in at least three forms)."""
Digest = NewType("Digest", bytes)
"""SHA-256 over exact bytes."""
Fingerprint = NewType("Fingerprint", bytes)
"""SHA-256 over a certificate in DER form."""

_LEVEL_ONE = re.compile(r"[A-Z][0-9]{2}")
_ZEROS = re.compile(r"0+")
_LONGEST_KEPT: Final = 64
_BELOW_MILLISECONDS: Final = 80


def agency_key(code: str) -> AgencyKey:
    """Return the canonical key of *code*, whichever of the three forms in live use it is written in.

    QĐ 20/2020 codes grow from left to right (`H37.02.02`); the codes of QCVN 102:2016 and of the form before
    it run from right to left and are padded with zero groups (`000.00.00.H49`, `00.14.H29`).
    """
    return _key_once(code) if len(code) <= _LONGEST_KEPT else _key(code)


def _key(code: str) -> AgencyKey:
    groups = code.strip().upper().split(".")
    if not _LEVEL_ONE.fullmatch(groups[0]) and _LEVEL_ONE.fullmatch(groups[-1]):
        groups.reverse()
    while len(groups) > 1 and _ZEROS.fullmatch(groups[-1]):
        groups.pop()
    return AgencyKey(".".join(groups))


_key_once: Final = lru_cache(maxsize=4_096)(_key)
"""The same codes come again and again; but strangers write them, so few are kept, and only short ones."""


def document_code(number: str | None, notation: str | None) -> str | None:
    """Return number and notation as people write them, `12/VPCP-TH`; None where there is neither."""
    return "/".join(part for part in (number, notation) if part) or None


def digest_of(body: bytes) -> Digest:
    """Return the SHA-256 of *body*."""
    return Digest(hashlib.sha256(body).digest())


def first_id_of(at: datetime) -> UUID:
    """Return a name before those of everything that is named from *at* on (UUIDv7)."""
    return UUID(int=int(at.timestamp() * 1000) << _BELOW_MILLISECONDS)


def named_at(identifier: UUID) -> datetime:
    """Return when *identifier* was given, to the millisecond (UUIDv7)."""
    return datetime.fromtimestamp((identifier.int >> _BELOW_MILLISECONDS) / 1000, UTC)
