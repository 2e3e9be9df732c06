"""What intake decides about a message, and what became of the decision when it was committed."""

from dataclasses import dataclass
from typing import TypeAlias

from hub.errors import Violation
from hub.message.edxml import Header
from hub.message.identifiers import AgencyKey, DeliveryId, MessageId
from hub.message.outbox import OutboxEntry
from hub.message.stages import AuthorizedMessage, ReceivedMessage
from hub.message.trust import Validation


@dataclass(frozen=True, slots=True, kw_only=True)
class Admit:
    """The message passed every check."""

    authorized: AuthorizedMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """The message breaks rules; the sender is told all of them."""

    received: ReceivedMessage
    violations: tuple[Violation, ...]
    sender: AgencyKey | None = None
    """Known only where the signature held."""
    header: Header | None = None
    validation: Validation | None = None
    """The verdict on the signing certificate, where there was one."""


Decision: TypeAlias = Admit | Refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Committed: document and deliveries are safe, the acceptance is signed and stored."""

    message_id: MessageId
    deliveries: tuple[DeliveryId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """The same submission again; the stored receipt goes out once more and nothing else happens."""

    message_id: MessageId


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Refused and committed; the signed refusal is stored."""

    message_id: MessageId
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponed:
    """A status that came before the delivery it is about; nothing was written, ask again a little later."""


Outcome: TypeAlias = Accepted | Repeated | Rejected | Postponed


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What one commit did: an outcome for each decision, in order, and what was handed over."""

    outcomes: tuple[Outcome, ...]
    handed_over: tuple[OutboxEntry, ...]
    """Claimed for this process already, in the order in which their lanes want them published."""
    left_as_rows: int = 0
    """Entries that wait for another process to publish what lies before them, or for a parked mailbox."""
