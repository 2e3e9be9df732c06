"""One document as an account may see it: its life, its exact bytes, its signed receipts."""

from hub.backends.postgres.pool import Database
from hub.backends.postgres.statements import statement
from hub.backends.postgres.tracing import Dossier, find_messages
from hub.errors import NothingFound
from hub.message.identifiers import AgencyKey, MailboxName, MessageId, ReceiptId
from hub.operations.evidence import Evidence, export
from hub.operations.large_reading import IN_ROWS, Original, Originals
from hub.operations.rights import Account
from hub.operations.trace import Trace, trace


async def find(database: Database, name: str, account: Account) -> tuple[MessageId, ...]:
    """Return the messages that *name* may mean and *account* may see (see `find_messages`)."""
    if account.visible_to is not None:
        return tuple(each.dossier.message.message_id for each in await _seen(database, name, account))
    async with database.connection() as connection:
        return await find_messages(connection, name)


async def read(database: Database, message_id: MessageId, account: Account) -> Trace:
    """Return the life of the message; raises `NothingFound` also where *account* may not see it."""
    found = await _seen(database, str(message_id), account)
    exact = [each for each in found if each.dossier.message.message_id == message_id]
    if not exact:
        raise NothingFound(f"there is no document {message_id}")
    return exact[0]


async def exact_bytes(
    database: Database, message_id: MessageId, account: Account, originals: Originals = IN_ROWS
) -> Original:
    """Return the bytes that were accepted; of what was refused the axis keeps none."""
    await read(database, message_id, account)
    async with database.connection() as connection:
        row = await connection.fetchrow(statement("read_message_body"), message_id)
    if row is None or row["body"] is None:
        raise NothingFound("the axis keeps no bytes of what it refused")
    return await originals.open(MailboxName(row["mailbox"]), row["body"])


async def receipt(
    database: Database, message_id: MessageId, receipt_id: ReceiptId, account: Account
) -> bytes:
    """Return the signed sheet on which the receipt stands."""
    await read(database, message_id, account)
    async with database.connection() as connection:
        row = await connection.fetchrow(statement("read_sheet"), message_id, receipt_id)
    if row is None:
        raise NothingFound(f"there is no receipt {receipt_id} about this document")
    return bytes(row["body"])


async def evidence(
    database: Database, message_id: MessageId, account: Account, originals: Originals = IN_ROWS
) -> Evidence:
    """Return the file that proves the document's life without the axis."""
    await read(database, message_id, account)
    return await export(database, str(message_id), originals)


async def _seen(database: Database, name: str, account: Account) -> tuple[Trace, ...]:
    return tuple(each for each in await trace(database, name) if account.sees(*_parties(each.dossier)))


def _parties(dossier: Dossier) -> frozenset[AgencyKey | None]:
    sent_to = {each.recipient for each in dossier.deliveries if each.message_id == dossier.message.message_id}
    return frozenset({dossier.message.sender, *sent_to})
