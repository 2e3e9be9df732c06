"""To which machines a webhook may go: what a name leads to is looked at, and exactly that is connected to."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

_NAT64: Final = IPv6Network("64:ff9b::/96")
_GLOBAL: Final = IPv6Network("2000::/3")
"""All of IPv6 that is given out to the Internet; what is outside has its own meaning somewhere, or none."""


class TargetRefused(Exception):
    """The name leads to a machine of ours, and the settings do not allow that."""


async def addresses_of(host: str, port: int, *, allow_private: bool) -> Sequence[str]:
    """Return the addresses of *host* that may be connected to, in the resolver's order.

    Raises `TargetRefused` where there is none, `OSError` where the name is not known.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(address) for *_, (address, *_) in found]
    allowed = [each for each in dict.fromkeys(addresses) if allow_private or is_public(each)]
    if not allowed:
        raise TargetRefused(f"{host} leads to a private address: allow_private = true allows it")
    return allowed


def is_public(address: str) -> bool:
    """Whether *address* is somebody else's machine on the Internet, however it is written."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = _enclosed(ip)
        if inner is not None:
            return is_public(str(inner))
        return ip in _GLOBAL and ip.is_global
    return ip.is_global and not ip.is_multicast


def _enclosed(ip: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address to which a translator would send what goes to *ip*."""
    if ip in _NAT64:
        return IPv4Address(ip.packed[-4:])
    return ip.ipv4_mapped or ip.sixtofour
