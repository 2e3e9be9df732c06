"""The dry run: whether dead letters would pass today, by the rules, certificates and routes of the moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hub.backends.postgres.campaign_items import CampaignCase, StoredLetter
from hub.errors import RejectionCode, Violation
from hub.intake.line import Failed, IntakeLine
from hub.message.decision import Refuse
from hub.message.delivery_state import Trigger
from hub.message.directory import Directory
from hub.message.identifiers import AgencyKey, MailboxName
from hub.message.stages import ReceivedMessage
from hub.operations.case_batch import hindrance
from hub.operations.large_reading import IN_ROWS, Originals
from hub.operations.replaying import HELD_ALREADY, objection

_OF_OTHERS: Final = frozenset(
    {
        RejectionCode.UNKNOWN_RECIPIENT,
        RejectionCode.RECIPIENT_CLOSED,
        RejectionCode.RECIPIENT_NOT_CONNECTED,
    }
)
"""A document has many recipients: about the one of this case the route tells."""
_UNREACHED: Final = "nobody receives for its recipient any more: agency, mandate or mailbox has ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """Judges cases as of one moment; touches nothing."""

    line: IntakeLine
    directory: Directory
    at: datetime
    trigger: Trigger
    new_mailbox: MailboxName | None = None
    originals: Originals = IN_ROWS

    def judge(self, cases: Sequence[CampaignCase]) -> list[tuple[int, str | None]]:
        """Return for each case why it would not pass, or None; pure CPU work, safe to run in a thread."""
        return [(each.case_id, self._objection(each)) for each in cases]

    def _objection(self, case: CampaignCase) -> str | None:
        against = hindrance(case.outcome, case.state, self.trigger)
        if against is not None or self.trigger is not Trigger.REPLAYED:
            return against
        if case.is_held:
            return HELD_ALREADY
        return self._unreached(case) or self._refusal(case)

    def _unreached(self, case: CampaignCase) -> str | None:
        if case.recipient is None or case.mailbox is None:
            return _UNREACHED
        if self.new_mailbox is not None:
            return objection(self.new_mailbox, case.recipient, self.directory, self.at)
        return None if self._is_reached(case.mailbox, case.recipient) else _UNREACHED

    def _is_reached(self, mailbox: MailboxName, recipient: AgencyKey) -> bool:
        """Whether the delivery line would find a mailbox (`hub.delivery.route`)."""
        is_open = self.directory.is_open(mailbox)
        return is_open or self.directory.mailbox_for(recipient, self.at) is not None

    def _refusal(self, case: CampaignCase) -> str | None:
        if case.letter is None:
            return None
        decided = self.line.examine(self._received(case.letter), self.directory)
        if isinstance(decided, Failed):
            return f"the hub itself fails on it: {decided.error}"
        if not isinstance(decided, Refuse):
            return None
        told = [_told(each) for each in decided.violations if each.code not in _OF_OTHERS]
        return "; ".join(told) or None

    def _received(self, letter: StoredLetter) -> ReceivedMessage:
        return ReceivedMessage(
            body=letter.body,
            digest=letter.digest,
            mailbox=letter.submitted_by,
            submission_id=letter.submission_id,
            transport_id="",
            reported_delivery=None,
            received_at=self.at,
            large=self.originals.envelope(letter.submitted_by, letter.body),
        )


def _told(broken: Violation) -> str:
    return f"{broken.code} {broken.path}: {broken.vi} / {broken.en}"
