import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from adapters.kit import incoming, outgoing
from adapters.kit.delivery import ArrivedSheet
from adapters.kit.evidence import export
from adapters.kit.journal import Journal
from adapters.kit.outgoing import Outgoing
from hub.errors import ConfigurationError
from hub.message.edxml import MessageKind
from hub.message.identifiers import DeliveryId, Fingerprint, MailboxName, SubmissionId, digest_of
from hub.message.receipt_xml import write_receipt
from hub.operations.reconcile_evidence import Evidence
from hub.operations.reconcile_reading import HubTrust, read_evidence
from hub.signature.signing import sign_receipt
from tests.support.authority import AT, agency_signing_key, session_anchors
from tests.support.receipts import a_receipt
from tests.unit.kit.test_incoming import MAX_OFFERS, a_delivery

HUB = agency_signing_key("HUB")
TRUST = HubTrust(anchors=session_anchors(), certificates=frozenset({HUB.fingerprint}))
MAILBOX = MailboxName("H41")


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = await Journal.open(tmp_path / "m.journal")
    yield journal
    await journal.close()


async def sends(journal: Journal, body: bytes, *, at: datetime = AT) -> Outgoing:
    message = Outgoing(
        submission_id=SubmissionId(str(uuid4())),
        kind=MessageKind.DOCUMENT,
        digest=digest_of(body),
        about_delivery=None,
        body=body,
    )
    await journal.write(lambda connection: outgoing.insert(connection, [message], owner=None, at=at))
    await journal.write(lambda connection: outgoing.mark_confirmed(connection, [message], at=at))
    return message


async def holds_a_receipt(journal: Journal) -> bytes:
    body = sign_receipt(write_receipt(a_receipt()), HUB)
    sheet = ArrivedSheet(
        consignment=a_delivery().consignment, receipts=(a_receipt(),), body=body, digest=digest_of(body)
    )
    (arrived,) = sheet.each()
    await journal.write(
        lambda connection: incoming.keep_receipt(connection, arrived, sheet=digest_of(body), at=AT)
    )
    return body


def exported(journal: Journal, tmp_path: Path, *, since: datetime | None = None, at: datetime = AT) -> Path:
    folder = tmp_path / uuid4().hex
    export(journal.path, MAILBOX, folder, at=at, since=since)
    return folder


def read(*folders: Path, trust: HubTrust = TRUST) -> Evidence:
    return read_evidence(folders, trust)


async def test_what_was_sent_is_read_back_byte_for_byte(journal: Journal, tmp_path: Path) -> None:
    message = await sends(journal, b"<edXML>v\xc4\x83n b\xe1\xba\xa3n</edXML>")

    (sent,) = read(exported(journal, tmp_path)).sent

    assert (sent.submission_id, sent.digest, sent.body()) == (
        message.submission_id,
        message.digest,
        message.body,
    )
    assert (sent.mailbox, sent.is_decided) == (MAILBOX, False)


async def test_what_was_received_is_read_back_with_its_place(journal: Journal, tmp_path: Path) -> None:
    delivery = a_delivery(attempt=3)
    await journal.write(
        lambda connection: incoming.receive(connection, delivery, max_offers=MAX_OFFERS, at=AT)
    )

    (received,) = read(exported(journal, tmp_path)).received

    assert received.delivery_id == delivery.delivery_id
    assert (received.attempt, received.lane_number, received.is_urgent) == (3, 1, False)
    assert not received.is_rejected


async def test_a_receipt_is_read_back_as_it_was_signed(journal: Journal, tmp_path: Path) -> None:
    body = await holds_a_receipt(journal)

    (held,) = read(exported(journal, tmp_path)).held

    assert (held.receipt, held.sheet.body) == (a_receipt(), body)


async def test_a_receipt_of_somebody_else_proves_nothing(journal: Journal, tmp_path: Path) -> None:
    await holds_a_receipt(journal)
    stranger = HubTrust(anchors=session_anchors(), certificates=frozenset({Fingerprint(b"\0" * 32)}))

    evidence = read(exported(journal, tmp_path), trust=stranger)

    assert evidence.held == []
    assert len(evidence.doubts) == 1


async def test_changed_bytes_are_noticed(journal: Journal, tmp_path: Path) -> None:
    await sends(journal, b"<edXML/>")
    folder = exported(journal, tmp_path)
    (file,) = (folder / "sent").iterdir()
    file.write_bytes(b"<edXML>other</edXML>")

    (sent,) = read(folder).sent

    with pytest.raises(ConfigurationError, match="does not hold the bytes"):
        sent.body()


async def test_only_what_happened_since_is_exported_where_that_was_asked(
    journal: Journal, tmp_path: Path
) -> None:
    await sends(journal, b"<edXML>old</edXML>", at=AT - timedelta(days=9))
    recent = await sends(journal, b"<edXML>new</edXML>")

    evidence = read(exported(journal, tmp_path, since=AT - timedelta(days=1)))

    assert [each.submission_id for each in evidence.sent] == [recent.submission_id]
    assert evidence.since == {MAILBOX: AT - timedelta(days=1)}


async def test_two_exports_of_one_mailbox_count_once(journal: Journal, tmp_path: Path) -> None:
    await sends(journal, b"<edXML/>")
    await holds_a_receipt(journal)
    first, second = exported(journal, tmp_path), exported(journal, tmp_path, at=AT + timedelta(hours=1))

    evidence = read(second, first)

    assert (len(evidence.sent), len(evidence.held)) == (1, 1)
    assert evidence.exported_at == {MAILBOX: AT + timedelta(hours=1)}


async def test_a_name_in_the_list_leads_nowhere_else(journal: Journal, tmp_path: Path) -> None:
    folder = exported(journal, tmp_path)
    line = {"what": "receipt", "delivery_id": str(DeliveryId(UUID(int=1))), "sheet": "../../secret"}
    with (folder / "evidence.jsonl").open("a") as file:
        file.write(json.dumps(line | {"received_at": AT.isoformat()}) + "\n")

    with pytest.raises(ConfigurationError, match="not a list of evidence"):
        read(folder)


def test_a_journal_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no journal"):
        export(tmp_path / "absent.db", MAILBOX, tmp_path / "out", at=datetime.now(UTC))

    assert not (tmp_path / "absent.db").exists()


def test_a_folder_without_evidence_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no evidence"):
        read(tmp_path)
