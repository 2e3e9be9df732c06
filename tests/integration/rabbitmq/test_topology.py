"""The broker is made as the topology says, once, and told apart from what is not ours."""

import httpx
import pytest
from aiormq.abc import AbstractChannel
from aiormq.exceptions import AMQPError

from hub.backends.rabbitmq.definitions import CHUNKS
from hub.backends.rabbitmq.depths import QueueDepth, queue_depths
from hub.backends.rabbitmq.drift import Finding, Kind, Thing
from hub.backends.rabbitmq.management import ManagementAddress, ManagementApi, Record
from hub.backends.rabbitmq.reconciler import Reconciler
from hub.backends.rabbitmq.topology import EXCHANGES, HubUser, MailboxTopology, topology
from hub.errors import ConfigurationError, TemporaryFailure
from hub.message.identifiers import MailboxName
from tests.support.broker import (
    MAILBOXES,
    PrivateVhost,
    a_topology,
    password_of,
    rabbit_publisher,
    trusted,
    until,
)
from tests.support.entries import an_entry

pytestmark = pytest.mark.integration

H49, H37 = MAILBOXES[0], MAILBOXES[1]


async def test_applying_makes_everything(vhost: PrivateVhost) -> None:
    changes = await Reconciler(vhost.api).apply(a_topology())

    assert changes.left == ()
    assert {drift.finding for drift in changes.made} <= {Finding.MISSING, Finding.DIFFERENT}
    assert Thing(kind=Kind.QUEUE, name="agency.H49") in {drift.thing for drift in changes.made}


async def test_many_are_made_in_bulk_with_their_progress_told(vhost: PrivateVhost) -> None:
    many = [
        MailboxTopology(name=MailboxName(f"S{n:03}"), password="x") for n in range(CHUNKS[Kind.QUEUE] + 5)
    ]
    wanted = topology(many, HubUser(password="x"))
    told: list[tuple[int, int]] = []

    changes = await Reconciler(vhost.api).apply(wanted, lambda mended, of: told.append((mended, of)))

    assert changes.left == ()
    assert [mended for mended, _ in told] == sorted({mended for mended, _ in told})
    assert len(told) > len(Kind), "each kind is a step, and a hundred of a kind"
    assert await Reconciler(vhost.api).drift(wanted) == []
    made = await vhost.api.record(f"queues/{vhost.name}/agency.S104")
    assert {key: made[key] for key in ("type", "durable", "auto_delete", "exclusive")} == {
        "type": "quorum",
        "durable": True,
        "auto_delete": False,
        "exclusive": False,
    }


async def test_what_was_broken_off_is_gone_on_with(vhost: PrivateVhost) -> None:
    def break_off(mended: int, _of: int) -> None:
        if mended > len(EXCHANGES):
            raise BrokenOffError

    with pytest.raises(BrokenOffError):
        await Reconciler(vhost.api).apply(a_topology(), break_off)
    changes = await Reconciler(vhost.api).apply(a_topology())

    assert changes.left == ()
    assert Kind.EXCHANGE not in {drift.thing.kind for drift in changes.made}
    assert Kind.QUEUE in {drift.thing.kind for drift in changes.made}


class BrokenOffError(Exception):
    """An operator's Ctrl-C, say."""


async def test_a_refused_import_does_not_repeat_what_it_was_given(vhost: PrivateVhost) -> None:
    user: Record = {"name": "", "tags": 7, "password_hash": "hash-of-the-secret"}

    with pytest.raises((ConfigurationError, TemporaryFailure)) as caught:
        await vhost.api.import_definitions("users", [user])

    assert "an import of 1 users" in str(caught.value)
    assert "hash-of-the-secret" not in str(caught.value)


async def test_applying_again_changes_nothing(axis: PrivateVhost) -> None:
    changes = await Reconciler(axis.api).apply(a_topology())

    assert changes.made == ()
    assert changes.left == ()


async def test_a_password_that_is_not_given_is_kept(axis: PrivateVhost) -> None:
    without = a_topology(*(MailboxTopology(name=name) for name in MAILBOXES))

    changes = await Reconciler(axis.api).apply(without)

    assert Kind.USER not in {drift.thing.kind for drift in changes.made}
    async with axis.client(H49) as channel:
        assert not channel.is_closed


async def test_a_new_user_without_a_password_is_the_operators_business(vhost: PrivateVhost) -> None:
    unheard_of = topology([MailboxTopology(name=MailboxName("X99"))], HubUser(password=password_of("hub")))

    with pytest.raises(ConfigurationError, match="apply the topology with a password"):
        await Reconciler(vhost.api).apply(unheard_of)


async def test_what_is_missing_or_different_is_found_and_mended(axis: PrivateVhost) -> None:
    reconciler = Reconciler(axis.api)
    await axis.api.delete(f"queues/{axis.name}/agency.H37")
    await axis.api.put(f"permissions/{axis.name}/H49", {"configure": ".*", "write": ".*", "read": ".*"})
    await axis.api.delete(f"policies/{axis.name}/axis.agency.H50")

    found = await reconciler.drift(a_topology())
    changes = await reconciler.apply(a_topology())

    assert {(drift.thing, drift.finding) for drift in found} == {
        (Thing(kind=Kind.QUEUE, name="agency.H37"), Finding.MISSING),
        (Thing(kind=Kind.POLICY_IN_FORCE, name="agency.H37"), Finding.MISSING),
        (Thing(kind=Kind.BINDING, name="axis.deliver/H37/agency.H37"), Finding.MISSING),
        (Thing(kind=Kind.PERMISSION, name="H49"), Finding.DIFFERENT),
        (Thing(kind=Kind.POLICY, name="axis.agency.H50"), Finding.MISSING),
        (Thing(kind=Kind.POLICY_IN_FORCE, name="agency.H50"), Finding.DIFFERENT),
    }
    assert changes.left == ()
    assert await reconciler.drift(a_topology()) == []


async def test_a_queue_with_other_arguments_is_told_and_left_alone(vhost: PrivateVhost) -> None:
    await vhost.api.put(f"queues/{vhost.name}/hub.intake", {"durable": True, "arguments": {}})

    changes = await Reconciler(vhost.api).apply(a_topology())

    left = {drift.thing: drift for drift in changes.left}
    assert left[Thing(kind=Kind.QUEUE, name="hub.intake")].finding is Finding.DIFFERENT
    assert "instead of" in str(left[Thing(kind=Kind.QUEUE, name="hub.intake")])


async def test_what_is_not_ours_is_neither_told_nor_touched(axis: PrivateVhost) -> None:
    await axis.api.put(f"queues/{axis.name}/somebody.else", {"durable": True})
    await axis.api.put(f"exchanges/{axis.name}/theirs", {"type": "direct", "durable": True})

    assert await Reconciler(axis.api).drift(a_topology()) == []
    assert await axis.waiting("somebody.else") == 0


async def test_a_queue_of_ours_beyond_the_topology_is_told_and_kept(axis: PrivateVhost) -> None:
    fewer = topology([MailboxTopology(name=H49)], HubUser())

    changes = await Reconciler(axis.api).apply(fewer)

    surplus = {drift.thing for drift in changes.left if drift.finding is Finding.SURPLUS}
    assert Thing(kind=Kind.QUEUE, name="agency.H37") in surplus
    assert Thing(kind=Kind.USER, name="H37") in surplus
    assert await axis.waiting("agency.H37") == 0


async def test_a_binding_that_listens_in_is_told(axis: PrivateVhost) -> None:
    await axis.api.put(f"queues/{axis.name}/ear", {"durable": True})
    await axis.api.post(f"bindings/{axis.name}/e/axis.submit/q/ear", {"routing_key": "#", "arguments": {}})

    found = await Reconciler(axis.api).drift(a_topology())

    assert [str(drift) for drift in found] == ["binding axis.submit/#/ear is surplus"]


async def test_another_policy_that_shadows_ours_is_told(axis: PrivateVhost) -> None:
    policy = {
        "pattern": "^hub.intake$",
        "definition": {"max-length": 1},
        "priority": 999,
        "apply-to": "queues",
    }
    await axis.api.put(f"policies/{axis.name}/shadow", policy)

    found = await Reconciler(axis.api).drift(a_topology())

    assert [str(drift) for drift in found] == [
        "policy in force hub.intake is different: shadow instead of axis.hub.working"
    ]


async def test_a_closed_mailbox_keeps_its_queue_and_loses_its_rights(axis: PrivateVhost) -> None:
    closed = MailboxTopology(name=H49, is_open=False)
    others = (MailboxTopology(name=name) for name in (*MAILBOXES[1:], MailboxName("H50")))

    async with axis.client(H49) as channel:
        await Reconciler(axis.api).close_mailbox(H49)
        await until(lambda: is_closed(channel))

    assert await axis.waiting("agency.H49") == 0
    found = await Reconciler(axis.api).drift(topology([closed, *others], HubUser()))
    assert {str(drift.thing) for drift in found} == {
        "policy axis.agency.H50",
        "policy in force agency.H50",
    }, "only the limits of the fourth differ"
    with pytest.raises(AMQPError, match=r"got <Connection.Close"):
        async with axis.client(H49):
            pass


async def is_closed(channel: AbstractChannel) -> bool:
    return channel.is_closed


async def test_closing_a_mailbox_by_its_topology_takes_its_rights(axis: PrivateVhost) -> None:
    closed = a_topology(
        MailboxTopology(name=H49, is_open=False), *(MailboxTopology(name=n) for n in MAILBOXES[1:])
    )

    changes = await Reconciler(axis.api).apply(closed)

    taken = {drift.thing.kind for drift in changes.made if drift.thing.name == H49}
    assert taken == {Kind.PERMISSION, Kind.TOPIC_PERMISSION}


async def test_depths_are_told_at_once_and_never_as_zero_for_an_unknown_queue(axis: PrivateVhost) -> None:
    nobody = MailboxName("nobody")
    async with rabbit_publisher(axis) as (publisher, _), axis.client(H49) as channel:
        await publisher.publish(an_entry())
        await publisher.publish(an_entry())
        await channel.basic_get("agency.H49", timeout=15)

        async def is_told() -> bool:
            depths = await queue_depths(axis.api, [H49, H37, nobody])
            assert depths[nobody] is None
            assert depths[H37] == QueueDepth(ready=0, unsettled=0, consumers=0)
            return depths[H49] == QueueDepth(ready=1, unsettled=1, consumers=0)

        await until(is_told)


async def test_a_wrong_password_is_the_operators_business(vhost: PrivateVhost) -> None:
    address = ManagementAddress(
        url=management_url(vhost),
        user="nobody",
        password="wrong",
        vhost=vhost.name,
        tls=trusted(vhost.address),
    )

    async with ManagementApi(address) as api:
        with pytest.raises(ConfigurationError, match="check the user 'nobody'"):
            await api.version()


async def test_a_missing_virtual_host_is_the_operators_business(vhost: PrivateVhost) -> None:
    admin, password = vhost.address.broker_admin, vhost.address.broker_admin_password
    address = ManagementAddress(
        url=management_url(vhost),
        user=admin,
        password=password,
        vhost="no/such host",
        tls=trusted(vhost.address),
    )

    async with ManagementApi(address) as api:
        with pytest.raises(ConfigurationError, match="check that the virtual host 'no/such host' exists"):
            await Reconciler(api).apply(a_topology())


async def test_a_broker_that_does_not_answer_is_a_temporary_failure() -> None:
    nowhere = ManagementAddress(url="http://127.0.0.1:9", user="a", password="b")

    async with ManagementApi(nowhere) as api:
        with pytest.raises(TemporaryFailure, match="check that the broker runs") as caught:
            await api.version()
    assert isinstance(caught.value.__cause__, httpx.TransportError)


def management_url(vhost: PrivateVhost) -> str:
    return f"{vhost.address.management_scheme}://{vhost.address.management_servers}"
