"""Nothing in the broker's address can weaken how the connection is protected."""

import pytest
from yarl import URL

from hub.errors import ConfigurationError
from hub.transport.address import broker_urls, is_loopback, unencrypted_advice


def test_each_node_has_its_port() -> None:
    urls = broker_urls("amqps://hub:secret@a,b:5999/axis")

    assert [(url.host, url.port) for url in urls] == [("a", 5671), ("b", 5999)]


@pytest.mark.parametrize(
    "option", ["no_verify_ssl=1", "cafile=/tmp/x", "cadata=eA==", "certfile=x", "keyfile=x"]
)
def test_an_option_that_would_weaken_tls_is_refused(option: str) -> None:
    with pytest.raises(ConfigurationError, match=option.split("=", maxsplit=1)[0]) as refused:
        broker_urls(f"amqps://hub:canary@broker/axis?{option}")

    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "address", ["", "broker", "http://u:canary@b/", "amqp:///axis", "amqp://u:canary/@b"]
)
def test_what_is_no_address_is_told_without_its_password(address: str) -> None:
    with pytest.raises(ConfigurationError, match="is not like amqps://") as refused:
        broker_urls(address)

    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_nobody_listens_in_on_the_machine_itself(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["localhost.example.vn", "10.0.0.1", "0.0.0.0", "::", "", None])
def test_everything_else_is_the_network(host: str | None) -> None:
    assert not is_loopback(host)


def test_a_plain_connection_over_the_network_is_advised_against() -> None:
    advice = unencrypted_advice(URL("amqp://hub:canary@broker:5672/axis"))

    assert advice is not None
    assert "amqps://" in advice
    assert unencrypted_advice(URL("amqps://hub:canary@broker:5671/axis")) is None
    assert unencrypted_advice(URL("amqp://hub:canary@127.0.0.1:5672/axis")) is None
