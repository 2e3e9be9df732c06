import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.kit.delivery import Accepted, Answer, ArrivedStatus, Delivery, Refused, Retry
from adapters.kit.draft import Party, StatusDraft
from adapters.kit.envelope import compose_status
from adapters.kit.mailbox import Mailbox
from adapters.kit.transaction import Transaction
from hub.message import properties
from hub.message.edxml import MessageKind, StatusCode
from hub.message.identifiers import AgencyCode, DocumentId
from hub.message.reject_reason import RejectReason
from hub.signature.signing import sign_envelope
from tests.integration.kit.conftest import LGSP, SENDER, UNIT, Axis, a_signed_document, settings_for
from tests.integration.kit.hub_twin import HubTwin
from tests.support.authority import agency_signing_key
from tests.support.waiting import until

EFFECTS = ("CREATE TABLE IF NOT EXISTS effects (delivery_id TEXT, attempt INTEGER)",)


class Registry:
    """An agency's handler that registers documents in the journal's own transaction."""

    def __init__(self, answer: Callable[[Delivery], Answer] = lambda _: Accepted()) -> None:
        self._answer = answer
        self.offered: list[Delivery] = []

    async def handle(self, delivery: Delivery, transaction: Transaction) -> Answer:
        self.offered.append(delivery)
        transaction.execute(
            "INSERT INTO effects VALUES (?, ?)", (str(delivery.delivery_id), delivery.consignment.attempt)
        )
        return self._answer(delivery)


@asynccontextmanager
async def receiving(
    axis: Axis,
    folder: Path,
    handle: Callable[[Delivery, Transaction], Awaitable[Answer]],
) -> AsyncIterator[Mailbox]:
    async with (
        Mailbox.open(settings_for(axis, LGSP, folder), tables=EFFECTS) as mailbox,
        asyncio.TaskGroup() as tasks,
    ):
        running = tasks.create_task(mailbox.run(handle))
        yield mailbox
        running.cancel()


async def effects(mailbox: Mailbox) -> list[tuple[str, int]]:
    return await mailbox.journal.write(lambda c: c.execute("SELECT * FROM effects").fetchall())


async def until_state(mailbox: Mailbox, delivery_id: object, state: str) -> str | None:
    def look(connection: sqlite3.Connection) -> tuple[str, str | None] | None:
        return connection.execute(
            "SELECT state, note FROM incoming WHERE delivery_id = ?", (str(delivery_id),)
        ).fetchone()

    async with asyncio.timeout(30):
        while (row := await mailbox.journal.write(look)) is None or row[0] != state:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return row[1]


async def test_a_document_is_handed_over_and_answered_with_its_arrival(
    axis: Axis, hub: HubTwin, tmp_path: Path
) -> None:
    registry, body = Registry(), a_signed_document(to=("00.07.H41", "H41"))
    async with receiving(axis, tmp_path, registry.handle) as mailbox:
        delivery_id = await hub.deliver(body, mailbox=LGSP, sender=SENDER, recipient=UNIT)

        (status,) = await hub.until_submitted(1, kind=MessageKind.STATUS)
        await until_state(mailbox, delivery_id, "answered")

        assert status.headers[properties.DELIVERY_ID] == str(delivery_id)
        assert b"<edXML:StatusCode>01</edXML:StatusCode>" in status.body
        assert b"<edXML:OrganId>00.07.H41</edXML:OrganId>" in status.body
        assert registry.offered[0].body == body
        assert await effects(mailbox) == [(str(delivery_id), 1)]


async def test_a_handled_delivery_is_dropped_and_its_status_published_again(
    axis: Axis, hub: HubTwin, tmp_path: Path
) -> None:
    registry, body = Registry(), a_signed_document()
    async with receiving(axis, tmp_path, registry.handle) as mailbox:
        delivery_id = await hub.deliver(body, mailbox=LGSP, sender=SENDER)
        (first,) = await hub.until_submitted(1)
        await until_state(mailbox, delivery_id, "answered")

        await hub.deliver(body, mailbox=LGSP, sender=SENDER, delivery_id=delivery_id, attempt=2)

        first, again = await hub.until_submitted(2)
        assert (again.body, again.correlation_id) == (first.body, first.correlation_id)
        assert len(await effects(mailbox)) == 1


async def test_a_refused_document_is_answered_with_02_and_the_reason(
    axis: Axis, hub: HubTwin, tmp_path: Path
) -> None:
    registry = Registry(lambda _: Refused(reason="Không thuộc thẩm quyền"))
    async with receiving(axis, tmp_path, registry.handle):
        await hub.deliver(a_signed_document(), mailbox=LGSP, sender=SENDER)

        (status,) = await hub.until_submitted(1)

        assert b"<edXML:StatusCode>02</edXML:StatusCode>" in status.body
        assert "Không thuộc thẩm quyền".encode() in status.body


@pytest.mark.parametrize("how", ["asks for a retry", "raises"])
async def test_what_a_handler_cannot_take_goes_back_and_is_offered_again_on_the_next_attempt(
    axis: Axis, hub: HubTwin, tmp_path: Path, how: str
) -> None:
    def fail_once(delivery: Delivery) -> Answer:
        if delivery.consignment.attempt > 1:
            return Accepted()
        if how == "raises":
            raise RuntimeError("the agency's software is down")
        return Retry(reason="maintenance")

    body = a_signed_document()
    async with receiving(axis, tmp_path, Registry(fail_once).handle) as mailbox:
        delivery_id = await hub.deliver(body, mailbox=LGSP, sender=SENDER)
        (returned,) = await hub.until_returned(1)
        assert returned.headers[properties.DELIVERY_ID] == str(delivery_id)
        assert await effects(mailbox) == []

        await hub.deliver(body, mailbox=LGSP, sender=SENDER, delivery_id=delivery_id, attempt=2)

        await until_state(mailbox, delivery_id, "answered")
        assert await effects(mailbox) == [(str(delivery_id), 2)]


async def test_the_log_of_a_handler_that_failed_says_where_and_nothing_of_the_document(
    axis: Axis, hub: HubTwin, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail(delivery: Delivery, transaction: Transaction) -> Answer:
        content = delivery.header.subject
        raise RuntimeError(f"no room for {len(content)} characters")

    body = a_signed_document(to=("00.07.H41", "H41"))
    async with receiving(axis, tmp_path, fail):
        await hub.deliver(body, mailbox=LGSP, sender=SENDER, recipient=UNIT)
        await hub.until_returned(1)
        await until(lambda: hub.told, what="the reason")

    (told,) = hub.told
    assert told is not None
    assert told.reason == "the agency's handler failed: RuntimeError"
    log = capsys.readouterr().out
    assert "handler.failed" in log
    assert "in fail" in log
    assert "RuntimeError: no room for" in log
    assert "DocumentHeader(" not in log
    assert "V/v thử nghiệm" not in log


async def test_the_same_attempt_of_a_rejected_delivery_is_rejected_without_asking(
    axis: Axis, hub: HubTwin, tmp_path: Path
) -> None:
    registry, body = Registry(lambda _: Retry(reason="not now")), a_signed_document()
    async with receiving(axis, tmp_path, registry.handle):
        delivery_id = await hub.deliver(body, mailbox=LGSP, sender=SENDER)
        await hub.until_returned(1)

        await hub.deliver(body, mailbox=LGSP, sender=SENDER, delivery_id=delivery_id)

        await hub.until_returned(2)
        assert len(registry.offered) == 1
        assert hub.told == [RejectReason.of(delivery_id, 1, "not now")]


@pytest.mark.parametrize(
    ("flaw", "note"),
    [
        ("changed after signing", "SignatureRejected"),
        ("unsigned", "SignatureRejected"),
        ("under another sender's name", "the axis says G09"),
        ("for somebody else", "not among"),
        ("not XML", "well-formed"),
        ("called a status", "the axis says status"),
    ],
)
async def test_what_cannot_be_believed_is_rejected_with_a_note(
    axis: Axis, hub: HubTwin, tmp_path: Path, flaw: str, note: str
) -> None:
    registry, body, sender, kind = Registry(), a_signed_document(), SENDER, MessageKind.DOCUMENT
    match flaw:
        case "changed after signing":
            body = body.replace("đường truyền".encode(), "đường vòng".encode())
        case "unsigned":
            body = body[: body.index(b"<ds:Signature")] + body[body.index(b"</ds:Signature>") + 15 :]
        case "under another sender's name":
            sender = "G09"
        case "for somebody else":
            body = a_signed_document(to=("H99",))
        case "not XML":
            body = body[:-20]
        case "called a status":
            kind = MessageKind.STATUS
    async with receiving(axis, tmp_path, registry.handle) as mailbox:
        delivery_id = await hub.deliver(body, mailbox=LGSP, sender=sender, kind=kind)

        await hub.until_returned(1)

        assert note in (await until_state(mailbox, delivery_id, "rejected") or "")
        await until(lambda: hub.told, what="the reason")
        assert [each and note in each.reason for each in hub.told] == [True]
        assert registry.offered == []


async def test_documents_of_a_lane_are_handed_over_in_their_order(
    axis: Axis, hub: HubTwin, tmp_path: Path
) -> None:
    numbers: list[int] = []

    async def handle(delivery: Delivery, _transaction: Transaction) -> Answer:
        for _ in range(delivery.consignment.lane_number % 7):
            await asyncio.sleep(0)
        numbers.append(delivery.consignment.lane_number)
        return Accepted(statuses=())

    body = a_signed_document()
    async with receiving(axis, tmp_path, handle) as mailbox:
        last = [await hub.deliver(body, mailbox=LGSP, sender=SENDER) for _ in range(100)][-1]
        await until_state(mailbox, last, "answered")

    assert numbers == list(range(1, 101))


async def test_what_was_handed_out_before_and_never_settled_says_so(
    axis: Axis, hub: HubTwin, tmp_path: Path
) -> None:
    offered = asyncio.Event()

    async def dawdle(delivery: Delivery, transaction: Transaction) -> Answer:
        offered.set()
        return await asyncio.Future()

    body = a_signed_document(to=("00.07.H41", "H41"))
    async with receiving(axis, tmp_path, dawdle):
        before = await hub.deliver(body, mailbox=LGSP, sender=SENDER, recipient=UNIT)
        await asyncio.wait_for(offered.wait(), 30)
    registry = Registry()
    async with receiving(axis, tmp_path, registry.handle) as mailbox:
        fresh = await hub.deliver(body, mailbox=LGSP, sender=SENDER, recipient=UNIT)
        await until_state(mailbox, fresh, "answered")

    assert [(each.delivery_id, each.consignment.is_redelivered) for each in registry.offered] == [
        (before, True),
        (fresh, False),
    ]


async def test_two_consumers_of_one_mailbox_have_one_effect_for_a_delivery_that_both_got(
    axis: Axis, hub: HubTwin, tmp_path: Path
) -> None:
    both = asyncio.Barrier(2)

    class Slow(Registry):
        async def handle(self, delivery: Delivery, transaction: Transaction) -> Answer:
            await asyncio.wait_for(both.wait(), 30)
            return await super().handle(delivery, transaction)

    first, second, body, delivery_id = Slow(), Slow(), a_signed_document(), uuid4()
    async with (
        receiving(axis, tmp_path, first.handle) as mailbox,
        receiving(axis, tmp_path, second.handle),
    ):
        await hub.until_consumed(LGSP, by=2)
        for _ in range(2):  # as after a broken connection: the same delivery to either consumer
            await hub.deliver(body, mailbox=LGSP, sender=SENDER, delivery_id=delivery_id)
        await until_state(mailbox, delivery_id, "answered")
        await hub.until_submitted(1)

        assert await effects(mailbox) == [(str(delivery_id), 1)]
        assert len(first.offered) == len(second.offered) == 1


async def test_a_status_from_another_agency_reaches_its_handler_and_is_not_answered(
    axis: Axis, hub: HubTwin, tmp_path: Path
) -> None:
    arrived: asyncio.Queue[ArrivedStatus] = asyncio.Queue()

    async def note(status: ArrivedStatus, _transaction: Transaction) -> None:
        arrived.put_nowait(status)

    draft = StatusDraft(
        sender=Party(code=SENDER),
        original_sender=AgencyCode(LGSP),
        document_id=DocumentId("H41,2026/05/29,12/TB"),
        status=StatusCode.FINISHED,
        description="Đã xử lý xong",
        at=datetime.now(UTC),
    )
    body = sign_envelope(compose_status(draft), agency_signing_key(SENDER))
    async with (
        Mailbox.open(settings_for(axis, LGSP, tmp_path)) as mailbox,
        asyncio.TaskGroup() as tasks,
    ):
        running = tasks.create_task(mailbox.run(Registry().handle, status=note))
        delivery_id = await hub.deliver(body, mailbox=LGSP, sender=SENDER, kind=MessageKind.STATUS)

        status = await asyncio.wait_for(arrived.get(), 30)

        assert (status.delivery_id, status.header.status) == (delivery_id, StatusCode.FINISHED)
        await until_state(mailbox, delivery_id, "answered")
        assert hub.submitted == []
        running.cancel()


async def test_a_later_report_names_the_delivery_and_the_document(
    axis: Axis, hub: HubTwin, tmp_path: Path
) -> None:
    async with receiving(axis, tmp_path, Registry(lambda _: Accepted(statuses=())).handle) as mailbox:
        delivery_id = await hub.deliver(a_signed_document(), mailbox=LGSP, sender=SENDER)
        await until_state(mailbox, delivery_id, "answered")

        await mailbox.report(delivery_id, StatusCode.FINISHED)

        (status,) = await hub.until_submitted(1)
        assert status.headers[properties.DELIVERY_ID] == str(delivery_id)
        assert b"<edXML:StatusCode>06</edXML:StatusCode>" in status.body
