"""Endpoints, mailboxes and deliveries for tests of the webhook adapter without an axis."""

from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID, uuid4

from adapters.kit.broker import BrokerAddress
from adapters.kit.delivery import Consignment, Delivery, ReceivedAttachment
from adapters.kit.inspection import Trust
from adapters.kit.keyring import KeyRing
from adapters.kit.octets import InMemory
from adapters.kit.settings import KitSettings
from adapters.webhook.endpoint import Endpoint
from hub.message.edxml import BusinessType, DocumentHeader
from hub.message.identifiers import AgencyCode, AgencyKey, DeliveryId, DocumentId, MailboxName, MessageId
from hub.transport.hook_signing import HookKeys, read_secret
from tests.support.authority import agency_signing_key, session_anchors
from tests.support.hook_endpoint import SECRET

MAILBOX = "H41"
PDF = b"%PDF-1.4\n" + b"x" * 500
AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def an_endpoint(url: str, host: str = "127.0.0.1", **terms: object) -> Endpoint:
    """Return an endpoint on this machine that is asked once and not for long."""
    settled: dict[str, object] = {
        "allow_private": True,
        "answer_seconds": 2.0,
        "patience_seconds": 0.0,
        "first_pause": 0.01,
        "longest_pause": 0.01,
    }
    settled["keys"] = HookKeys(secrets=(read_secret(SECRET),))
    return Endpoint(url=url, host=host, **(settled | terms))  # type: ignore[arg-type]


def kit_without_a_broker(folder: Path) -> KitSettings:
    """Return settings of a mailbox whose broker is away for good."""
    name = MailboxName(MAILBOX)
    return KitSettings(
        broker=BrokerAddress(url=f"amqp://{MAILBOX}:none@127.0.0.1:1/axis", mailbox=name),
        keys=KeyRing(own=agency_signing_key(MAILBOX)),
        trust=Trust(
            mailbox=name, agencies=session_anchors(), hub=session_anchors(), hub_certificates=frozenset()
        ),
        journal=folder / "webhook.journal",
    )


def a_delivery(*attachments: tuple[str, bytes], delivery_id: UUID | None = None) -> Delivery:
    """Return a document as the kit hands it over."""
    return Delivery(
        consignment=Consignment(
            delivery_id=DeliveryId(delivery_id or uuid4()),
            attempt=1,
            message_id=MessageId(uuid4()),
            sender=AgencyKey("G22"),
            recipient=AgencyKey(MAILBOX),
            lane="ordinary",
            lane_number=7,
            correlation_id="",
        ),
        header=DocumentHeader(
            sender=AgencyCode("000.00.00.G22"),
            recipients=(AgencyCode(MAILBOX),),
            document_id=DocumentId("G22,2026/11/20,1"),
            code_number="12",
            code_notation="TB-VP",
            promulgated_on=date(2026, 11, 20),
            subject="V/v thử nghiệm",
            business_type=BusinessType.NEW,
            priority=0,
            due_on=None,
            secrecy=None,
        ),
        attachments=tuple(
            ReceivedAttachment(
                content_id=str(place),
                name=name,
                content_type="application/pdf",
                is_zip_container=False,
                stored=InMemory(content=content),
            )
            for place, (name, content) in enumerate(attachments, start=1)
        ),
        envelope=InMemory(content=b"<edXML>signed</edXML>"),
    )
