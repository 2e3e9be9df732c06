"""What a campaign's senders send: good and bad documents, urgent ones, copies; drawn from a seed."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import Enum, auto
from random import Random
from typing import Final
from uuid import uuid4

from adapters.kit.draft import AttachmentDraft, DocumentDraft, Party, Signer
from adapters.kit.envelope import compose_document
from adapters.kit.keyring import KeyRing, seal
from hub.message.identifiers import DocumentId, MailboxName, SubmissionId, agency_key, digest_of
from tests.chaos.ledger import Submitted

_NOBODY: Final = "Z98"
_SIGNATURE: Final = re.compile(rb"(<(?:\w+:)?Signature [^>]*>).*(</(?:\w+:)?Signature>)", re.DOTALL)
_MANY: Final = 5


class Kind(Enum):
    """What is special about a letter."""

    PLAIN = auto()
    URGENT = auto()
    WIDE = auto()
    LARGE = auto()
    REPEATED = auto()
    """The same submission is published a second time."""
    COPIED = auto()
    """The same bytes are submitted again under another name."""
    TAMPERED = auto()
    UNSIGNED = auto()
    TO_NOBODY = auto()
    FROM_A_STRANGER = auto()


WEIGHTS: Final = {
    Kind.PLAIN: 66,
    Kind.URGENT: 10,
    Kind.WIDE: 6,
    Kind.LARGE: 2,
    Kind.REPEATED: 5,
    Kind.COPIED: 4,
    Kind.TAMPERED: 2,
    Kind.UNSIGNED: 2,
    Kind.TO_NOBODY: 2,
    Kind.FROM_A_STRANGER: 1,
}
BAD: Final = frozenset({Kind.TAMPERED, Kind.UNSIGNED, Kind.TO_NOBODY, Kind.FROM_A_STRANGER})
"""What the hub has to refuse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A signed document, and what is written in the ledger before it goes out."""

    kind: Kind
    entry: Submitted
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes one mailbox's letters."""

    mailbox: MailboxName
    speakers: tuple[str, ...]
    recipients: tuple[str, ...]
    keys: KeyRing
    random: Random

    def write(self) -> Letter:
        """Return the next letter."""
        kind = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        return self.write_one(kind)

    def write_one(self, kind: Kind) -> Letter:
        """Return a letter of that *kind*."""
        draft = _SPOILT.get(kind, _unspoilt)(self._draft(kind))
        body = _DAMAGED.get(kind, _undamaged)(seal(compose_document(draft), self.keys).body)
        entry = Submitted(
            submission_id=_fresh_name(),
            digest=digest_of(body).hex(),
            sender=agency_key(draft.sender.code),
            mailbox=self.mailbox,
            document_id=draft.document_id,
            recipients=tuple(agency_key(each.code) for each in draft.recipients),
            is_valid=kind not in BAD,
            is_urgent=draft.priority > 0,
            content=draft.document_id,
            octets=len(body),
        )
        return Letter(kind=kind, entry=entry, body=body)

    def copy(self, letter: Letter) -> Letter:
        """Return the same bytes as a submission of its own."""
        return replace(
            letter,
            kind=Kind.PLAIN,
            entry=replace(letter.entry, submission_id=_fresh_name(), at=datetime.now(UTC)),
        )

    def _draft(self, kind: Kind) -> DocumentDraft:
        sender = self.random.choice(self.speakers)
        moment = datetime.now(UTC)
        octets = 150_000 if kind is Kind.LARGE else self.random.randrange(200, 6_000)
        return DocumentDraft(
            sender=Party(code=sender, name=f"Cơ quan {sender}"),
            recipients=tuple(Party(code=code, name=f"Cơ quan {code}") for code in self._addressees(kind)),
            document_id=DocumentId(f"{sender},{moment:%Y/%m/%d},{uuid4()}"),
            code_number=str(self.random.randrange(1, 10_000)),
            code_notation="CV-TL",
            promulgated_on=date(2026, 5, 29),
            subject="V/v thử lửa trục liên thông",
            signer=Signer(full_name="Trần Thử Lửa"),
            at=moment,
            priority=self.random.randrange(1, 5) if kind is Kind.URGENT else 0,
            attachments=(AttachmentDraft(name="van-ban.pdf", content=b"%PDF-1.4\n" + os.urandom(octets)),),
        )

    def _addressees(self, kind: Kind) -> Sequence[str]:
        most = _MANY if kind is Kind.WIDE else 2
        return self.random.sample(self.recipients, min(len(self.recipients), self.random.randint(1, most)))


def _unspoilt(draft: DocumentDraft) -> DocumentDraft:
    return draft


def _to_nobody(draft: DocumentDraft) -> DocumentDraft:
    return replace(draft, recipients=(*draft.recipients, Party(code=_NOBODY, name="Không có thật")))


def _from_a_stranger(draft: DocumentDraft) -> DocumentDraft:
    """Let the document name one of its recipients as its sender."""
    return replace(draft, sender=draft.recipients[0], recipients=(draft.sender,))


def _undamaged(body: bytes) -> bytes:
    return body


def _tampered(body: bytes) -> bytes:
    return body.replace("thử lửa trục".encode(), "thử lừa trục".encode(), 1)


def _unsigned(body: bytes) -> bytes:
    """Leave the element where a signature belongs, and nothing in it."""
    return _SIGNATURE.sub(rb"\1\2", body)


_SPOILT: Final[dict[Kind, Callable[[DocumentDraft], DocumentDraft]]] = {
    Kind.TO_NOBODY: _to_nobody,
    Kind.FROM_A_STRANGER: _from_a_stranger,
}
_DAMAGED: Final[dict[Kind, Callable[[bytes], bytes]]] = {Kind.TAMPERED: _tampered, Kind.UNSIGNED: _unsigned}


def _fresh_name() -> SubmissionId:
    return SubmissionId(str(uuid4()))
