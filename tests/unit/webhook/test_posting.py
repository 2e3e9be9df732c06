"""The agency's endpoint is asked by the name in its certificate, and believed for nothing else."""

import ssl
from pathlib import Path

import pytest

from adapters.webhook.desk import utc_now
from adapters.webhook.endpoint import Endpoint
from adapters.webhook.posting import Poster, Unanswered
from deploy.local.tls import BrokerAuthority
from hub.errors import ConfigurationError
from tests.support.hook_endpoint import HookEndpoint, Said
from tests.unit.webhook.places import an_endpoint

BODY = b'{"type": "test"}'


async def ask(endpoint: Endpoint) -> tuple[int, bytes]:
    async with Poster.open(endpoint, utc_now) as poster:
        reply = await poster.post("id-1", BODY)
    return reply.status, reply.content


@pytest.mark.parametrize("status", [200, 302, 409, 500])
async def test_every_answer_comes_back_and_no_redirect_is_followed(status: int) -> None:
    async with HookEndpoint.open() as hook:
        elsewhere = (("location", f"{hook.url}/elsewhere"),)
        hook.answer = lambda asked: Said(status=status, content=b"{}", headers=elsewhere)

        assert await ask(an_endpoint(hook.url)) == (status, b"{}")

    (asked,) = hook.asked
    assert asked.body == BODY
    assert asked.headers["host"] == hook.url.removeprefix("http://").removesuffix("/truc")
    assert asked.headers["content-type"] == "application/json"


async def test_what_is_no_answer_says_so_in_a_sentence() -> None:
    async with HookEndpoint.open() as hook:
        hook.answer = lambda asked: Said(hangs_up=True)
        with pytest.raises(Unanswered, match="no answer"):
            await ask(an_endpoint(hook.url))
        hook.answer = lambda asked: Said(content=b"x" * 70_000)
        with pytest.raises(Unanswered, match="larger than"):
            await ask(an_endpoint(hook.url))
        with pytest.raises(Unanswered, match="private"):
            await ask(an_endpoint(hook.url, allow_private=False))
    with pytest.raises(Unanswered, match="no answer: ConnectError"):
        await ask(an_endpoint(hook.url))
    with pytest.raises(Unanswered, match="no answer: gaierror"):
        await ask(an_endpoint("https://nowhere.invalid/", "nowhere.invalid"))


async def test_an_endpoint_that_is_silent_is_left_in_time() -> None:
    async with HookEndpoint.open() as hook:
        hook.is_silent = True
        with pytest.raises(Unanswered, match=r"within 0\.2 seconds"):
            await ask(an_endpoint(hook.url, answer_seconds=0.2))


async def test_its_certificate_is_held_against_the_name_that_was_set(tmp_path: Path) -> None:
    authority = BrokerAuthority(tmp_path / "authority")
    authority.ensure()
    authority.issue_server(tmp_path / "server.pem", ("localhost",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    async with HookEndpoint.open(context) as hook:
        named = hook.url.replace("127.0.0.1", "localhost")
        believed = {"authorities": authority.certificate_file}

        assert await ask(an_endpoint(named, "localhost", **believed)) == (200, b"")
        with pytest.raises(Unanswered, match="certificate is not believed"):
            await ask(an_endpoint(named, "localhost"))


async def test_authorities_that_cannot_be_read_are_complained_about(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="PEM"):
        await ask(an_endpoint("https://a.vn/", authorities=tmp_path / "none.pem"))
