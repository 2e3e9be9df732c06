"""Reads everything that proves what became of a message, in the exact bytes that were signed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hub.backends.postgres import validating
from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.statements import statement
from hub.backends.postgres.tracing import Dossier, read_dossier
from hub.backends.postgres.validating import KeptVerdict
from hub.evidence.chain import GENESIS, EventRow
from hub.evidence.members import SealedEvent
from hub.message.identifiers import MailboxName, MessageId, SheetId


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A document or status as it was received."""

    received_at: datetime
    mailbox: MailboxName
    body: bytes | None
    """None where it was refused; of a large one the claim check."""
    verdict: KeptVerdict | None
    """On its signer's certificate, with the data of the time; None where it is not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A document and all that was signed about it."""

    dossier: Dossier
    document: Letter
    statuses: Mapping[MessageId, Letter]
    sheets: Mapping[SheetId, bytes]
    stamps: Mapping[bytes, bytes]
    """Tokens, by the list of digests that was stamped."""
    hub_verdicts: tuple[KeptVerdict, ...]
    """On the hub's own certificates, about the time at which it signed its receipts."""
    events: tuple[SealedEvent, ...]


async def read_proof(connection: Transaction, message_id: MessageId) -> Proof:
    """Return what proves the life of the message, which exists; all of one snapshot."""
    dossier = await read_dossier(connection, message_id)
    wanted = sorted({message_id, *(each.message_id for each in dossier.statuses)})
    rows = await connection.fetch(statement("read_message_bodies"), wanted)
    letters = {
        MessageId(row["message_id"]): Letter(
            received_at=row["received_at"],
            mailbox=MailboxName(row["mailbox"]),
            body=row["body"],
            verdict=await validating.read(connection, MessageId(row["message_id"])),
        )
        for row in rows
    }
    sheets = await connection.fetch(statement("read_sheets_of_message"), message_id)
    stamps = await connection.fetch(statement("read_stamps_of_message"), message_id)
    return Proof(
        dossier=dossier,
        document=letters.pop(message_id),
        statuses=letters,
        sheets={SheetId(row["sheet_id"]): row["body"] for row in sheets},
        stamps={row["manifest"]: row["token"] for row in stamps},
        hub_verdicts=await validating.read_of_hub(connection, message_id),
        events=await _events(connection, dossier),
    )


async def _events(connection: Transaction, dossier: Dossier) -> tuple[SealedEvent, ...]:
    rows = await connection.fetch(statement("read_sealed_events"), [each.event_id for each in dossier.events])
    return tuple(
        SealedEvent(
            row=EventRow(
                event_id=row["event_id"],
                at=row["at"],
                name=row["name"],
                message_id=row["message_id"],
                delivery_id=row["delivery_id"],
                detail=row["detail"],
            ),
            position=row["position"],
            before=GENESIS if row["position"] == 1 else row["before"],
            link=row["link"],
        )
        for row in rows
    )
