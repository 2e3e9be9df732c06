"""What exists on the broker, as values."""

import re
from pathlib import Path

import pytest

from hub.backends.rabbitmq.definitions import SECTIONS, definitions_of
from hub.backends.rabbitmq.drift import Kind, Thing, compare, facts_of, policy_content, queue_content
from hub.backends.rabbitmq.observation import is_password, password_hash
from hub.backends.rabbitmq.topology import (
    EXCHANGES,
    HUB_POLICIES,
    HUB_QUEUES,
    SHARED_POLICY,
    MailboxTopology,
    Topology,
    topology,
)
from hub.errors import ConfigurationError
from hub.message.identifiers import MailboxName

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "topology.md"
MAILBOX = MailboxName("<mailbox>")
OLD, NEW = (3, 10), (4, 2)


def of(*names: str) -> Topology:
    return topology([MailboxTopology(name=MailboxName(name)) for name in names])


def section(title: str) -> str:
    return PAGE.read_text("utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_column(title: str) -> set[str]:
    return set(re.findall(r"^\| `([^`]+)`", section(title), re.MULTILINE))


def test_the_page_names_every_exchange() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (\w+) \|", section("Exchanges"), re.MULTILINE)

    assert set(rows) == {(exchange.name, exchange.kind) for exchange in EXCHANGES}


def test_the_page_names_every_queue_with_its_bindings() -> None:
    written = set(
        re.findall(r"^\| `([^`]+)` \| `([^`]+)`(?:, `([^`]+)`)? \|", section("Queues"), re.MULTILINE)
    )
    bindings = of("X").bindings

    assert written == {
        (b.queue.replace(".X", ".<mailbox>"), b.exchange, b.routing_key.replace("X", "<mailbox>"))
        for b in bindings
    }


def test_the_page_names_every_policy_with_its_values() -> None:
    rows = [
        line.strip("| ").split(" | ") for line in section("Policies").splitlines() if line.startswith("| `")
    ]
    names = ("axis.mailboxes", "axis.hub.working", "axis.hub.last")
    policies = {policy.name: policy.definition for policy in of("X").policies}

    for key, *values in rows:
        for name, value in zip(names, values, strict=True):
            written = value.strip("`").replace("15 days", str(15 * 86_400_000))
            assert written == str(policies[name].get(key.strip("`"), "–")), (name, key)
    assert {key.strip("`") for key, *_ in rows} == {key for policy in policies.values() for key in policy}


def test_the_page_names_every_right() -> None:
    rows = re.findall(
        r"^\| `([^`]+)` \(tag `(\w+)`\) \| (.+) \|$", section("Users and permissions"), re.MULTILINE
    )
    written = {
        name: (tag, [c.strip("`") for c in cells.replace(r"\|", "¦").split(" | ")])
        for name, tag, cells in rows
    }

    for user in of("X").users:
        tag, (configure, write, read, keys) = written[user.name.replace("X", "<mailbox>")]
        rights = user.permission
        assert rights is not None
        assert (tag, configure, write) == (user.tag, rights.configure, rights.write)
        assert read.replace("¦", "|") == rights.read.replace("X", "<mailbox>")
        topic = user.topic_permission
        assert keys == ("–" if topic is None else topic.write.replace("X", "<mailbox>"))


def test_every_queue_has_exactly_one_policy_of_ours() -> None:
    everything = of("H49", "H4", "LGSP.T1", "LGSPxT1")

    for queue in everything.queues:
        assert sum(policy.matches(queue.name) for policy in everything.policies) == 1, queue.name


def test_a_mailbox_with_limits_of_its_own_has_a_policy_above_everybodys() -> None:
    small = MailboxTopology(name=MailboxName("LGSP.T1"), max_messages=7)
    wanted = topology([MailboxTopology(name=MailboxName("LGSPxT1")), small])

    (own,) = (policy for policy in wanted.policies if policy.name == "axis.agency.LGSP.T1")
    facts = facts_of(wanted, OLD)

    assert own.definition == SHARED_POLICY.definition | {"max-length": 7}
    assert own.priority > SHARED_POLICY.priority
    assert facts[Thing(kind=Kind.POLICY_IN_FORCE, name="agency.LGSP.T1")] == own.name
    assert facts[Thing(kind=Kind.POLICY_IN_FORCE, name="agency.LGSPxT1")] == SHARED_POLICY.name


def test_policies_do_not_grow_with_the_mailboxes() -> None:
    assert of("H49").policies == of(*(f"S{number}" for number in range(1_000))).policies


@pytest.mark.parametrize("name", ["", "a b", "h*", "#", ".x", "x/y", "$", "x" * 101, "Ủy.ban"])
def test_a_name_that_means_something_to_the_broker_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be named like this"):
        of(name)


def test_a_closed_mailbox_keeps_its_queue_and_has_no_rights() -> None:
    closed = topology([MailboxTopology(name=MailboxName("H49"), is_open=False)])

    assert "agency.H49" in {queue.name for queue in closed.queues}
    (user,) = (user for user in closed.users if user.name == "H49")
    assert user.permission is None
    assert user.topic_permission is None


def test_every_message_has_somewhere_to_go_but_from_the_last_queues() -> None:
    working, last = HUB_POLICIES

    assert working.definition["dead-letter-exchange"] == "hub.dead"
    assert "dead-letter-exchange" not in last.definition
    assert {queue.name for queue in HUB_QUEUES if queue.is_last} == {"hub.dead_letter", "hub.invalid"}


def test_the_last_queues_have_no_delivery_limit_on_any_version() -> None:
    last = next(queue for queue in HUB_QUEUES if queue.is_last)

    assert queue_content(last, OLD)["arguments"] == {"x-queue-type": "quorum"}
    assert queue_content(last, NEW)["arguments"] == {"x-queue-type": "quorum", "x-delivery-limit": -1}


def test_policies_apply_to_what_each_version_calls_quorum_queues() -> None:
    assert policy_content(HUB_POLICIES[0], OLD)["apply-to"] == "queues"
    assert policy_content(HUB_POLICIES[0], NEW)["apply-to"] == "quorum_queues"


def test_everything_that_can_be_missing_can_be_imported() -> None:
    wanted = of("H49")

    importable = definitions_of(wanted, OLD, "axis")

    assert {thing for thing in facts_of(wanted, OLD) if thing.kind in SECTIONS} == set(importable)
    assert set(Kind) - SECTIONS.keys() == {Kind.POLICY_IN_FORCE}, "which follows from the policies"


def test_equal_topologies_do_not_differ() -> None:
    assert compare(facts_of(of("H49"), OLD), facts_of(of("H49"), OLD)) == []


def test_rights_that_are_surplus_are_taken_before_what_restricts_them() -> None:
    found = compare({}, facts_of(of("H49"), OLD))

    kinds = [drift.thing.kind.value for drift in found if drift.thing.name == "H49"]
    assert kinds == ["permission", "topic permission", "user"]


def test_a_password_is_recognised_by_its_hash() -> None:
    stored = password_hash("bí mật")

    assert is_password("bí mật", stored)
    assert not is_password("bi mat", stored)
    assert password_hash("bí mật") != stored


def test_the_hash_is_the_one_that_rabbitmq_computes() -> None:
    # The example of RabbitMQ's own page on passwords.
    assert (
        password_hash("test12", bytes.fromhex("908DC60A"))
        == "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
    )


def test_passwords_are_not_shown() -> None:
    shown = repr(topology([MailboxTopology(name=MailboxName("H49"), password="hidden")]))

    assert "hidden" not in shown
