"""Which addresses of the broker are taken; nothing in one can weaken how the connection is protected."""

from ipaddress import ip_address
from typing import Final

from yarl import URL

from hub.errors import ConfigurationError
from hub.message.places import each_place

PORTS: Final = {"amqp": 5672, "amqps": 5671}
WEAKENING: Final = frozenset({"cafile", "capath", "cadata", "certfile", "keyfile", "no_verify_ssl"})
"""Options of an address that the client library would follow past our own settings."""
EXTERNAL: Final = "external"
UNENCRYPTED_ADVICE: Final = (
    "passwords and documents cross the network in the clear: let the address begin with {scheme}:// and "
    "broker_ca name the authority of the broker's certificate"
)


def broker_urls(address: str) -> tuple[URL, ...]:
    """Return each node of *address*, with its port.

    Raises `ConfigurationError`, which has no password in it.
    """
    return tuple(_url(each) for each in each_place(address))


def _url(text: str) -> URL:
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in PORTS or not url.host:
        raise ConfigurationError(
            "the broker's address is not like amqps://user:password@host:5671/vhost: "
            "write special characters of the password as %XX"
        )
    if weakening := sorted(WEAKENING & url.query.keys()):
        raise ConfigurationError(
            f"the broker's address may not say {', '.join(weakening)}: certificates are named by broker_ca, "
            "broker_certificate and broker_key, and the broker's is always verified"
        )
    return url if url.port else url.with_port(PORTS[url.scheme])


def is_external(url: URL) -> bool:
    """Whether the broker shall know us by our certificate, not by a password."""
    return url.query.get("auth", "").lower() == EXTERNAL


def is_loopback(host: str | None) -> bool:
    """Whether *host* is this machine and nothing can listen in between."""
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def unencrypted_advice(url: URL) -> str | None:
    """Say what to do where *url* lets others listen; nothing where it does not."""
    if url.scheme in {"amqps", "https"} or is_loopback(url.host):
        return None
    return UNENCRYPTED_ADVICE.format(scheme=f"{url.scheme}s")
