"""Whoever changes the broker behind the axis's back is told by a check, and loses it to the next apply."""

import time
from collections.abc import Awaitable, Callable

import pytest
from pydantic import JsonValue

from hub.backends.rabbitmq.drift import facts_of
from hub.backends.rabbitmq.reconciler import Reconciler
from hub.backends.rabbitmq.topology import HubUser, MailboxTopology, topology
from hub.message.identifiers import MailboxName
from tests.support.broker import PrivateVhost, a_topology, password_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

Attack = Callable[[PrivateVhost], Awaitable[None]]
ALL: dict[str, JsonValue] = {"configure": ".*", "write": ".*", "read": ".*"}


def put(path: str, content: dict[str, JsonValue]) -> Attack:
    async def attack(axis: PrivateVhost) -> None:
        await axis.api.put(path.format(axis.name), content)

    return attack


def delete(path: str) -> Attack:
    async def attack(axis: PrivateVhost) -> None:
        await axis.api.delete(path.format(axis.name))

    return attack


async def retag(axis: PrivateVhost) -> None:
    known = await axis.api.record("users/H49")
    content = {"tags": "axis_mailbox,administrator", "password_hash": known["password_hash"]}
    await axis.api.put("users/H49", content)


async def listen_in(axis: PrivateVhost) -> None:
    await axis.api.put(f"queues/{axis.name}/ear", {"durable": True})
    await axis.api.post(f"bindings/{axis.name}/e/axis.submit/q/ear", {"routing_key": "#", "arguments": {}})


async def listen_in_at_anothers_key(axis: PrivateVhost) -> None:
    await axis.api.post(f"bindings/{axis.name}/e/axis.deliver/q/agency.H37", {"routing_key": "H49"})


async def take_the_place_of_a_queue(axis: PrivateVhost) -> None:
    """Bind an exchange of the queue's name, and take the queue's own binding away."""
    await axis.api.put(f"exchanges/{axis.name}/agency.H37", {"type": "fanout", "durable": True})
    await axis.api.post(f"bindings/{axis.name}/e/axis.deliver/e/agency.H37", {"routing_key": "H37"})
    await axis.api.delete(f"bindings/{axis.name}/e/axis.deliver/q/agency.H37/H37")


MENDED = {
    "wider permission": (put("permissions/{}/H49", ALL), "permission H49 is different"),
    "permission taken": (delete("permissions/{}/H49"), "permission H49 is missing"),
    "the hub's permission": (put("permissions/{}/hub", ALL), "permission hub is different"),
    "any topic": (delete("topic-permissions/{}/H49"), "topic permission H49 is missing"),
    "another's topic": (
        put("topic-permissions/{}/H49", {"exchange": "axis.submit", "write": ".*", "read": ".*"}),
        "topic permission H49 is different",
    ),
    "administrator": (retag, "user H49 is different: administrator,axis_mailbox instead of axis_mailbox"),
    "password": (
        put("users/H49", {"tags": "axis_mailbox", "password": "of-the-attacker"}),
        "user H49 is different: axis_mailbox with another password",
    ),
    "policy": (
        put(
            "policies/{}/axis.hub.working",
            {"pattern": "^hub", "definition": {"max-length": 1}, "priority": 100, "apply-to": "queues"},
        ),
        "policy axis.hub.working is different",
    ),
    "policy taken": (delete("policies/{}/axis.mailboxes"), "policy axis.mailboxes is missing"),
    "policy of one mailbox taken": (
        delete("policies/{}/axis.agency.H50"),
        "policy in force agency.H50 is different: axis.mailboxes instead of axis.agency.H50",
    ),
    "limits of its own": (
        put(
            "policies/{}/axis.agency.H49",
            {
                "pattern": "^agency.H49$",
                "definition": {"max-length": 1},
                "priority": 100,
                "apply-to": "queues",
            },
        ),
        "policy in force agency.H49 is different: axis.agency.H49 instead of axis.mailboxes",
    ),
    "an ear at intake": (listen_in, "binding axis.submit/#/ear is surplus"),
    "an ear at a mailbox": (listen_in_at_anothers_key, "binding axis.deliver/H49/agency.H37 is surplus"),
    "a queue's double": (take_the_place_of_a_queue, "binding axis.deliver/H37/agency.H37 is missing"),
    "no way to intake": (
        delete("bindings/{}/e/axis.submit/q/hub.intake/%23"),
        "binding axis.submit/#/hub.intake is missing",
    ),
}


@pytest.mark.parametrize(("attack", "told"), [pytest.param(*case, id=name) for name, case in MENDED.items()])
async def test_what_was_changed_is_told_and_mended(axis: PrivateVhost, attack: Attack, told: str) -> None:
    reconciler = Reconciler(axis.api)
    await attack(axis)

    found = [str(drift) for drift in await reconciler.drift(a_topology())]
    changes = await reconciler.apply(a_topology())

    assert any(told in each for each in found), found
    assert changes.left == ()
    assert await reconciler.drift(a_topology()) == []


async def a_stranger(axis: PrivateVhost) -> None:
    await axis.api.put("users/stranger", {"tags": "", "password": "x"})
    await axis.api.put(f"permissions/{axis.name}/stranger", ALL)


TOLD = {
    "a shadowing policy": (
        put(
            "policies/{}/shadow",
            {
                "pattern": "^hub.intake$",
                "definition": {"max-length": 1},
                "priority": 999,
                "apply-to": "queues",
            },
        ),
        "policy in force hub.intake is different: shadow instead of axis.hub.working",
    ),
    "an operator policy": (
        put(
            "operator-policies/{}/squeeze",
            {"pattern": "^agency.H49", "definition": {"max-length": 1}, "priority": 1, "apply-to": "queues"},
        ),
        "policy in force agency.H49 is different: axis.mailboxes under the operator policy squeeze",
    ),
    "a way past the mandatory flag": (
        put(
            "policies/{}/divert",
            {
                "pattern": "^axis.deliver$",
                "definition": {"alternate-exchange": "amq.fanout"},
                "priority": 1,
                "apply-to": "exchanges",
            },
        ),
        "policy in force exchange axis.deliver is different: divert instead of none",
    ),
    "a stranger": (a_stranger, "permission stranger is surplus"),
}


@pytest.mark.parametrize(("attack", "told"), [pytest.param(*case, id=name) for name, case in TOLD.items()])
async def test_what_is_not_ours_to_change_is_told_until_a_person_acts(
    axis: PrivateVhost, attack: Attack, told: str
) -> None:
    reconciler = Reconciler(axis.api)
    await attack(axis)

    changes = await reconciler.apply(a_topology())

    await axis.api.delete("users/stranger")
    assert any(told in str(drift) for drift in changes.left), changes.left


async def test_an_attackers_password_no_longer_opens(axis: PrivateVhost) -> None:
    await axis.api.put("users/H49", {"tags": "axis_mailbox", "password": "of-the-attacker"})

    await Reconciler(axis.api).apply(a_topology())

    async with axis.client("H49", password_of("H49")) as channel:
        assert not channel.is_closed


def test_a_thousand_mailboxes_are_compared_in_a_moment() -> None:
    mailboxes = [MailboxTopology(name=MailboxName(f"H{number}")) for number in range(1000)]
    wanted = topology(mailboxes, HubUser())
    began = time.process_time()

    facts = facts_of(wanted, (3, 10))

    assert len(facts) > 5000
    assert time.process_time() - began < 3, "the processor's seconds, not the clock's"
