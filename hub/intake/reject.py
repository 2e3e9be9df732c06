"""The other end of intake: what breaks a rule is refused, finally, with every reason."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from hub.errors import Violation
from hub.message.decision import Refuse
from hub.message.edxml import DocumentHeader, Header
from hub.message.identifiers import AgencyKey, agency_key
from hub.message.stages import ReceivedMessage
from hub.message.trust import Validation

_MOST_VIOLATIONS: Final = 600
"""Every recipient that a document may have and all that the judge lists; the receipt must fit the broker."""
_LONGEST_CODE: Final = 50
_LONGEST_DOCUMENT_ID: Final = 250
_LONGEST_LINE: Final = 1_000


def reject(
    received: ReceivedMessage,
    violations: Sequence[Violation],
    header: Header | None = None,
    validation: Validation | None = None,
) -> Refuse:
    """Refuse *received* for *violations*; *header* is given only where a signature vouches for it.

    What a refusal repeats of a message is bounded: it becomes keys of the database, properties of the broker
    and a receipt, and none of them holds whatever a stranger wrote.
    """
    said = None if header is None else _bounded(header)
    sender: AgencyKey | None = None if said is None else agency_key(said.sender)
    return Refuse(
        received=received,
        violations=tuple(violations[:_MOST_VIOLATIONS]),
        sender=sender,
        header=said,
        validation=validation,
    )


def _bounded(header: Header) -> Header | None:
    """Return *header* with its lines cut; None where its codes are longer than the schema knows any."""
    if len(header.sender) > _LONGEST_CODE or len(header.document_id) > _LONGEST_DOCUMENT_ID:
        return None
    if not isinstance(header, DocumentHeader):
        return header
    return replace(
        header,
        code_number=header.code_number[:_LONGEST_LINE],
        code_notation=header.code_notation[:_LONGEST_LINE],
        subject=header.subject[:_LONGEST_LINE],
    )
