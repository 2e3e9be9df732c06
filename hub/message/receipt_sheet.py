"""Receipt sheets: receipts for one sender that become true together travel under one signature."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeVar

from hub.message.identifiers import AgencyKey, DocumentId, MailboxName, MessageId, SheetId
from hub.message.receipt import Receipt, ReceiptEvent
from hub.message.receipt_xml import write_content, write_sheet

MAX_RECEIPTS: Final = 200
MAX_OCTETS: Final = 1_000_000
"""Of one sheet without its signature; a receipt that is larger by itself stands alone."""

_Group: TypeAlias = tuple[MailboxName, AgencyKey | None, object]
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptSheet:
    """One receipt, or several for the same agency behind the same mailbox, as one XML document."""

    receipts: tuple[Receipt, ...]
    body: bytes = field(repr=False)

    @property
    def sheet_id(self) -> SheetId:
        """Name of the sheet: that of its first receipt, which stands on no other."""
        return SheetId(self.receipts[0].receipt_id)

    @property
    def mailbox(self) -> MailboxName:
        """Whose queue it goes to."""
        return self.receipts[0].mailbox

    @property
    def recipient(self) -> AgencyKey:
        """The agency whose messages it speaks of; the mailbox, where nothing in them could be believed."""
        return self.receipts[0].sender or AgencyKey(self.mailbox)

    @property
    def correlation_id(self) -> str:
        """The submission it answers or, where there are several, its own name."""
        return self._common(lambda each: each.submission_id) or str(self.sheet_id)

    @property
    def message_id(self) -> MessageId | None:
        """The message it is about, where that is one."""
        return self._common(lambda each: each.message_id)

    @property
    def document_id(self) -> DocumentId | None:
        """The document it is about, where that is one."""
        return self._common(lambda each: each.document_id)

    @property
    def event(self) -> ReceiptEvent | None:
        """What it proves, where that is one thing."""
        return self._common(lambda each: each.event)

    def _common(self, read: Callable[[Receipt], _Value]) -> _Value | None:
        first = read(self.receipts[0])
        return first if all(read(each) == first for each in self.receipts) else None


def write_sheets(receipts: Sequence[Receipt]) -> list[ReceiptSheet]:
    """Write *receipts* on as few sheets as may be, in canonical form and without signatures.

    A sheet is for one agency behind one mailbox, so that showing it reveals nobody else's traffic. What
    answers a message of which nothing could be believed stands alone.
    """
    groups: dict[_Group, list[tuple[Receipt, bytes]]] = {}
    for receipt in receipts:
        alone = receipt.receipt_id if receipt.sender is None else None
        group = groups.setdefault((receipt.mailbox, receipt.sender, alone), [])
        group.append((receipt, write_content(receipt)))
    return [
        ReceiptSheet(
            receipts=tuple(receipt for receipt, _ in part),
            body=write_sheet([content for _, content in part]),
        )
        for group in groups.values()
        for part in _parts(group)
    ]


def _parts(group: Sequence[tuple[Receipt, bytes]]) -> Iterator[list[tuple[Receipt, bytes]]]:
    """Cut *group*, in its order, into parts within the limits of a sheet."""
    part: list[tuple[Receipt, bytes]] = []
    octets = 0
    for receipt, content in group:
        if part and (len(part) == MAX_RECEIPTS or octets + len(content) > MAX_OCTETS):
            yield part
            part, octets = [], 0
        part.append((receipt, content))
        octets += len(content)
    yield part
