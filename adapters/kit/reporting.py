"""What a mailbox reports about documents, a verb for each status: taken, dealt with, refused, asked back."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from adapters.kit import incoming
from adapters.kit.answering import compose_recall, compose_report
from adapters.kit.draft import StatusDraft
from adapters.kit.error import UnfitDraft
from adapters.kit.journal import Journal
from hub.message.edxml import DocumentHeader, StatusCode
from hub.message.identifiers import AgencyCode, DeliveryId, SubmissionId, agency_key
from hub.message.mandate_role import MandateRole
from hub.message.receipt import Receipt

LONGEST_REASON: Final = 1_000
"""Characters of a reason; the axis takes more, people do not read it."""


class Reporter(ABC):
    """The verbs of a mailbox: each returns when its status is signed and journalled, as `post` does.

    They need nothing but the delivery's name, also after a restart. Each raises `UnfitDraft` where this
    mailbox has received no document in that delivery. A repeated or late status is no error on the axis.
    """

    def __init__(self, journal: Journal) -> None:
        """Read from *journal* what was received."""
        self.journal: Final = journal

    @abstractmethod
    async def post(
        self,
        draft: StatusDraft,
        *,
        about: DeliveryId | None = None,
        submission: SubmissionId | None = None,
        role: MandateRole | None = None,
    ) -> SubmissionId:
        """Sign and journal *draft*."""

    @abstractmethod
    async def receipts(self, submission: SubmissionId) -> Sequence[Receipt]:
        """Return the receipts about *submission*."""

    @abstractmethod
    async def sent_header(self, submission: SubmissionId) -> DocumentHeader:
        """Return what the document sent as *submission* says of itself."""

    async def register(self, delivery_id: DeliveryId, description: str = "") -> SubmissionId:
        """Tell the sender that the document is entered in the register (03)."""
        return await self.post_report(delivery_id, StatusCode.ACCEPTED, description)

    async def assign(self, delivery_id: DeliveryId, description: str = "") -> SubmissionId:
        """Tell the sender that somebody has been told to deal with it (04)."""
        return await self.post_report(delivery_id, StatusCode.ASSIGNED, description)

    async def process(self, delivery_id: DeliveryId, description: str = "") -> SubmissionId:
        """Tell the sender that it is being dealt with (05)."""
        return await self.post_report(delivery_id, StatusCode.PROCESSING, description)

    async def finish(self, delivery_id: DeliveryId, description: str = "") -> SubmissionId:
        """Tell the sender that it has been dealt with (06)."""
        return await self.post_report(delivery_id, StatusCode.FINISHED, description)

    async def refuse(self, delivery_id: DeliveryId, reason: str) -> SubmissionId:
        """Tell the sender that the document is not taken (02), for good; a *reason* is owed."""
        return await self.post_report(delivery_id, StatusCode.REFUSED, given_reason(reason))

    async def agree(self, delivery_id: DeliveryId, description: str = "") -> SubmissionId:
        """Agree to give the document back, or to its update (15)."""
        return await self.post_report(delivery_id, StatusCode.CHANGE_ACCEPTED, description)

    async def disagree(self, delivery_id: DeliveryId, reason: str) -> SubmissionId:
        """Keep the document as it is (16); a *reason* is owed."""
        return await self.post_report(delivery_id, StatusCode.CHANGE_REFUSED, given_reason(reason))

    async def recall(
        self, submission: SubmissionId, reason: str, *, recipients: Sequence[str] = ()
    ) -> tuple[SubmissionId, ...]:
        """Ask for a document back (13) that this mailbox sent as *submission*: one status for each recipient.

        *recipients* are all that the axis accepted it for, where nothing is given. Each answers with 15 or
        16. Raises `UnfitDraft` where the axis has not accepted it yet, or not for one of *recipients*.
        """
        header, now = await self.sent_header(submission), datetime.now(UTC)
        told, accepted = given_reason(reason), await self._deliveries(submission)
        asked = {agency_key(code): AgencyCode(code) for code in recipients or accepted}
        if not asked or asked.keys() - accepted.keys():
            missing = ", ".join(sorted(asked.keys() - accepted.keys())) or "anybody"
            raise UnfitDraft(f"the axis has not accepted {submission} for {missing}")
        drafts = [
            (compose_recall(header, code, told, now), accepted[agency_key(code)]) for code in asked.values()
        ]
        return tuple([await self.post(draft, about=delivery_id) for draft, delivery_id in drafts])

    async def post_report(
        self,
        delivery_id: DeliveryId,
        status: StatusCode,
        description: str = "",
        *,
        submission: SubmissionId | None = None,
        role: MandateRole | None = None,
    ) -> SubmissionId:
        """Sign and journal any status about a delivery; *submission* and *role* are those of `post`."""
        draft = await self.report_on(delivery_id, status, description)
        return await self.post(draft, about=delivery_id, submission=submission, role=role)

    async def report_on(self, delivery_id: DeliveryId, status: StatusCode, description: str) -> StatusDraft:
        """Return the status about a document that this mailbox has received."""
        document = await self.journal.write(
            lambda connection: incoming.reported_document(connection, delivery_id)
        )
        if document is None:
            raise UnfitDraft(f"this mailbox has received no document in delivery {delivery_id}")
        return compose_report(document, status, description, datetime.now(UTC))

    async def _deliveries(self, submission: SubmissionId) -> dict[str, DeliveryId]:
        return {
            subject.recipient: subject.delivery_id
            for receipt in await self.receipts(submission)
            for subject in receipt.subjects
            if subject.delivery_id is not None
        }


def given_reason(reason: str) -> str:
    """Return *reason*; raises `UnfitDraft` where there is none, or a longer one than people read."""
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise UnfitDraft(f"a reason has 1 to {LONGEST_REASON} characters, this one has {len(reason.strip())}")
    return reason.strip()
