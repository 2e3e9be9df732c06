"""The other end of intake: what breaks a rule is refused, finally, with every reason."""

from collections.abc import Sequence

from hub.errors import Violation
from hub.message.decision import Refuse
from hub.message.edxml import Header
from hub.message.identifiers import AgencyKey, agency_key
from hub.message.stages import ReceivedMessage


def reject(
    received: ReceivedMessage, violations: Sequence[Violation], header: Header | None = None
) -> Refuse:
    """Refuse *received* for *violations*; *header* is given only where a signature vouches for it."""
    sender: AgencyKey | None = None if header is None else agency_key(header.sender)
    return Refuse(received=received, violations=tuple(violations), sender=sender, header=header)
