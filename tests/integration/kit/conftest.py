"""A real broker with the real topology for two agencies, and the hub's twin behind it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import JsonValue

from adapters.kit.broker import BrokerAddress
from adapters.kit.draft import AttachmentDraft, DocumentDraft, Party, Signer
from adapters.kit.envelope import compose_document
from adapters.kit.inspection import Trust
from adapters.kit.keyring import KeyRing
from adapters.kit.settings import KitSettings
from deploy.local.address import new_record
from deploy.local.broker import Broker
from deploy.local.programs import Release, chosen_release, ensure_fetched
from deploy.local.stack import say
from hub.backends.rabbitmq.management import ManagementAddress, ManagementApi
from hub.backends.rabbitmq.reconciler import Reconciler
from hub.backends.rabbitmq.topology import HubUser, MailboxTopology, topology
from hub.message.identifiers import DocumentId, MailboxName
from hub.signature.signing import sign_envelope
from tests.integration.kit.hub_twin import HubTwin
from tests.support.authority import agency_signing_key, session_anchors

PASSWORD = "mailbox-password"
HUB_KEY = "TRUC"
SENDER, LGSP, UNIT = "G22", "H41", "H41.07"


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Where everything is."""

    broker: Broker
    vhost: str

    def url(self, user: str) -> str:
        return f"amqp://{user}:{PASSWORD}@127.0.0.1:{self.broker.record.amqp_port}/{self.vhost}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.timeout(180))


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    home = tmp_path_factory.mktemp("kit-broker")
    release = chosen_release() or Release.MACHINE
    ensure_fetched(release, say)
    broker = Broker(home / "broker", replace(new_record(home), broker_release=release))
    try:
        broker.start()
        yield broker
    finally:  # also of a node that did not start in time; killed, for nothing of it is kept
        broker.kill()
        broker.stop()


@pytest.fixture
async def axis(node: Broker) -> Axis:
    """Give each test a virtual host of its own.

    Emptying one by deleting it would not do: RabbitMQ 3.10 loses a quorum queue whose name was deleted and
    declared again when it is killed afterwards.
    """
    vhost = f"kit-{uuid4().hex[:8]}"
    record = node.record
    address = ManagementAddress(
        url=f"http://127.0.0.1:{record.management_port}",
        user=record.broker_admin,
        password=record.broker_admin_password,
        vhost=vhost,
    )
    mailboxes = [MailboxTopology(name=MailboxName(name), password=PASSWORD) for name in (SENDER, LGSP)]
    async with ManagementApi(address) as api:
        await api.put(f"vhosts/{vhost}", {})
        everything: dict[str, JsonValue] = {"configure": ".*", "write": ".*", "read": ".*"}
        await api.put(f"permissions/{vhost}/{record.broker_admin}", everything)
        await Reconciler(api).apply(topology(mailboxes, HubUser(password=PASSWORD)))
    return Axis(broker=node, vhost=vhost)


@pytest.fixture
async def hub(axis: Axis) -> AsyncIterator[HubTwin]:
    twin = await HubTwin.open(axis.url("hub"), agency_signing_key(HUB_KEY))
    yield twin
    await twin.close()


def settings_for(axis: Axis, mailbox: str, folder: Path) -> KitSettings:
    name = MailboxName(mailbox)
    return KitSettings(
        broker=BrokerAddress(url=axis.url(mailbox), mailbox=name),
        keys=KeyRing(own=agency_signing_key(mailbox)),
        trust=Trust(
            mailbox=name,
            agencies=session_anchors(),
            hub=session_anchors(),
            hub_certificates=frozenset({agency_signing_key(HUB_KEY).fingerprint}),
        ),
        journal=folder / f"{mailbox}.journal",
    )


def a_draft(*, sender: str = SENDER, to: tuple[str, ...] = (LGSP,), size: int = 2_000) -> DocumentDraft:
    return DocumentDraft(
        sender=Party(code=sender, name=f"Cơ quan {sender}"),
        recipients=tuple(Party(code=code, name=f"Cơ quan {code}") for code in to),
        document_id=DocumentId(f"{sender},2026/05/29,{uuid4()}"),
        code_number="12",
        code_notation="TB-TN",
        promulgated_on=date(2026, 5, 29),
        subject="V/v thử nghiệm đường truyền",
        signer=Signer(full_name="Trần Thị Thử"),
        at=datetime.now(UTC),
        attachments=(AttachmentDraft(name="thong-bao.pdf", content=b"%PDF-1.4\n" + b"x" * size),),
    )


def a_signed_document(
    *, sender: str = SENDER, to: tuple[str, ...] = (LGSP,), signer: str | None = None
) -> bytes:
    return sign_envelope(
        compose_document(a_draft(sender=sender, to=to)), agency_signing_key(signer or sender)
    )
