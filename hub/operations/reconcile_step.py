"""What can be done about a thing that the database has lost: one step each, all values."""

from dataclasses import dataclass
from typing import TypeAlias

from hub.backends.postgres.proven import ProvenReceipt
from hub.backends.postgres.reinstating import LostDocument, LostStatus
from hub.message.decision import Decision, Refuse
from hub.message.hindsight import Fact
from hub.message.identifiers import MessageId
from hub.operations.reconcile_plan import Advanced, Lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Reinstate:
    """An accepted document that comes back under its own names."""

    lost: Lost
    document: LostDocument

    @property
    def what(self) -> str:
        """Name it for a person."""
        return name_of(self.lost, self.document.admission.message_id)

    @property
    def why(self) -> str:
        """Say what proves it."""
        held = ", ".join(sorted({each.receipt.event.value for each in self.lost.receipts}))
        took = ", ".join(sorted({each.mailbox for each in self.lost.received}))
        proofs = [f"{self.lost.sent.mailbox} holds {held}"] if held else []
        return "; ".join([*proofs, *([f"{took} took it"] if took else [])])


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinstateStatus:
    """An accepted status that comes back, with what it did to its delivery."""

    lost: Lost
    status: LostStatus

    @property
    def what(self) -> str:
        """Name it for a person."""
        return name_of(self.lost, self.status.admission.message_id)

    @property
    def why(self) -> str:
        """Say what proves it."""
        return f"signed by its sender, and {self.status.forwarded.mailbox} took it"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRefusal:
    """A refusal that comes back, with the receipt that told it."""

    lost: Lost
    message_id: MessageId
    refusal: Refuse
    receipts: tuple[ProvenReceipt, ...]

    @property
    def what(self) -> str:
        """Name it for a person."""
        return name_of(self.lost, self.message_id)

    @property
    def why(self) -> str:
        """Say what proves it."""
        return f"{self.lost.sent.mailbox} holds SubmissionRejection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """What was submitted and never answered, judged as intake would have: nobody has anything of it."""

    lost: Lost
    decision: Decision

    @property
    def what(self) -> str:
        """Name it for a person."""
        return name_of(self.lost, None)

    @property
    def why(self) -> str:
        """Say what proves it."""
        return f"{self.lost.sent.mailbox} has submitted it, and no answer and no recipient knows of it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """A delivery that has got further than the database knows."""

    advanced: Advanced
    facts: tuple[Fact, ...]
    receipts: tuple[ProvenReceipt, ...]
    owes: bool
    """Whether a receipt that is missing may be issued: nobody holds one unread."""

    @property
    def what(self) -> str:
        """Name it for a person."""
        return f"delivery {self.advanced.delivery_id}"

    @property
    def why(self) -> str:
        """Say what proves it."""
        return ", ".join(
            each.event.value if each.event is not None else ("given back" if each.is_rejected else "taken")
            for each in self.facts
        )


Step: TypeAlias = Reinstate | ReinstateStatus | RecordRefusal | Submit | Settle


def name_of(lost: Lost, message_id: MessageId | None) -> str:
    """Name a lost message for a person."""
    named = f"message {message_id}, " if message_id is not None else ""
    return f"{named}{lost.sent.kind.value} {lost.sent.submission_id} of {lost.sent.mailbox}"
