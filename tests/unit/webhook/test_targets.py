"""A webhook goes to machines of others, however written, unless the settings allow ours."""

import pytest

from adapters.webhook.targets import TargetRefused, addresses_of, is_public

OURS = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1%eth0",
    "fd00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "::10.0.0.1",
    "::ffff:224.0.0.1",
    "fec0::1",
    "64:ff9b:1::a00:1",
]
OTHERS = ["8.8.8.8", "203.162.4.190", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", OURS)
def test_our_own_machines_are_told_by_their_address(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OTHERS)
def test_and_those_of_others_too(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "0x7f.1"])
async def test_a_name_that_leads_to_this_machine_is_refused_unless_it_is_allowed(host: str) -> None:
    with pytest.raises(TargetRefused, match="private"):
        await addresses_of(host, 443, allow_private=False)

    assert set(await addresses_of(host, 443, allow_private=True)) <= {"127.0.0.1", "::1"}
