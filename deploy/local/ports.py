"""Ports that nobody listens on."""

import random
import socket
from collections.abc import Iterable
from itertools import islice
from typing import Final

# Below the range from which Linux takes the source ports of outgoing connections (32768 and up): a port that
# a stopped stack remembers is then not taken by some client's connection before the stack starts again.
CANDIDATES: Final = range(20_000, 32_000)


def free_ports(count: int) -> tuple[int, ...]:
    """Find *count* different ports on the loopback address that are free right now."""
    candidates = random.sample(CANDIDATES, len(CANDIDATES))
    found = tuple(islice(filter(is_free, candidates), count))
    if len(found) < count:
        raise OSError(f"no {count} free ports between {CANDIDATES.start} and {CANDIDATES.stop}")
    return found


def is_free(port: int) -> bool:
    """Tell whether a server could listen on *port* now; connections that linger after a stop do not count."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def taken(ports: Iterable[int]) -> tuple[int, ...]:
    """Pick those of *ports* that somebody else listens on."""
    return tuple(port for port in ports if not is_free(port))
