"""What recipients say of what they reject: kept once, of their own deliveries only, in both stores."""

from uuid import uuid4

from hub.message.identifiers import DeliveryId, MailboxName
from hub.message.reject_reason import RejectReason
from tests.support.decisions import a_submission
from tests.support.store import HubProcess, StoreUnderTest

H41, H14 = MailboxName("H41"), MailboxName("H14")


async def consigned(hub: HubProcess) -> DeliveryId:
    accepted, handed_over = await hub.accept(a_submission().admitted())
    await hub.deliver(handed_over)
    return accepted.deliveries[0]


async def test_what_a_mailbox_says_of_its_delivery_is_kept_once(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    delivery, reasons = await consigned(hub), store.reject_reasons()

    await reasons.keep([(H41, RejectReason.of(delivery, 1, "no unit H41.07 here yet"))])
    await reasons.keep([(H41, RejectReason.of(delivery, 1, "something else"))])
    await reasons.keep([(H41, RejectReason.of(delivery, 2, "still none"))] * 2)

    assert await store.told() == {(delivery, 1): "no unit H41.07 here yet", (delivery, 2): "still none"}


async def test_nobody_speaks_of_what_is_not_his(hub: HubProcess, store: StoreUnderTest) -> None:
    delivery, reasons = await consigned(hub), store.reject_reasons()

    await reasons.keep(
        [
            (H14, RejectReason.of(delivery, 1, "not mine")),
            (H41, RejectReason.of(DeliveryId(uuid4()), 1, "of nothing")),
        ]
    )
    await reasons.keep([])

    assert await store.told() == {}
