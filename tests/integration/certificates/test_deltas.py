"""Delta CRLs are fetched from where the lists name them, and judged by together with these."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from hub.signature.signing import SigningKey
from tests.integration.certificates.conftest import Keeper, ServedAuthority, Watcher, Watching
from tests.support.revocation_list import RevocationList

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)


@dataclass(slots=True, kw_only=True)
class Site:
    """What a CA publishes by HTTP, by path; everything else is not found."""

    files: dict[str, bytes]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        body = self.files.get(path)
        head = b"HTTP/1.1 404 Not Found" if body is None else b"HTTP/1.1 200 OK"
        writer.write(head + b"\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body or b""))
        writer.write(body or b"")
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deltas:
    """A registered key of a CA that publishes deltas, and a hub that asks about it."""

    key: SigningKey
    hub: Watcher
    site: Site
    template: RevocationList
    address: str

    def publish(self, *, number: int, revoked: bool = False) -> None:
        """Publish a new list that names the deltas."""
        made = replace(
            self.template, number=number, freshest=self.address, revoked=self._entries(is_revoked=revoked)
        )
        self.site.files["/issuing.crl"] = made.made().body

    def publish_delta(self, *, base: int, number: int, revoked: bool = False) -> None:
        """Publish what has changed since the list *base*."""
        made = replace(self.template, base=base, number=number, revoked=self._entries(is_revoked=revoked))
        self.site.files["/delta.crl"] = made.made().body

    def _entries(self, *, is_revoked: bool) -> dict[int, x509.ReasonFlags]:
        serial = self.key.certificate.serial_number
        return {serial: x509.ReasonFlags.key_compromise} if is_revoked else {}


@pytest.fixture
async def deltas(ca: ServedAuthority, keeper: Keeper, watching: Watching) -> AsyncIterator[Deltas]:
    key, host = ca.key(), ca.host
    await keeper.register("G22", key)
    await ca.stop()
    authority = ca.folder.authority()
    site = Site(files={"/root.crl": authority.crl({}, NOW, number=1, of_root=True)})
    port = int(host.rpartition(":")[2])
    server = await asyncio.start_server(site.handle, "127.0.0.1", port, reuse_address=True)
    yield Deltas(
        key=key,
        hub=watching(),
        site=site,
        template=RevocationList(at=NOW, authority=authority),
        address=f"http://{host}/delta.crl",
    )
    server.close()
    await server.wait_closed()


async def test_a_delta_is_fetched_once_its_list_is_known(deltas: Deltas) -> None:
    deltas.publish(number=10)
    deltas.publish_delta(base=10, number=11)

    await deltas.hub.refresh()
    before = await deltas.hub.words(deltas.key)
    await deltas.hub.refresh()

    assert before == ("INDETERMINATE", "TRY_LATER")
    assert await deltas.hub.words(deltas.key) == ("PASSED", None)
    assert set(await deltas.hub.sources()) == {"root.crl", "issuing.crl", "delta.crl", "ocsp"}


async def test_what_a_delta_revokes_is_refused(deltas: Deltas) -> None:
    deltas.publish(number=10)
    deltas.publish_delta(base=10, number=11)
    await deltas.hub.refresh()
    await deltas.hub.refresh()

    deltas.publish_delta(base=10, number=12, revoked=True)
    await deltas.hub.refresh(again=True)

    assert await deltas.hub.words(deltas.key) == ("FAILED", "REVOKED")


async def test_a_delta_to_another_list_replaces_nothing(deltas: Deltas) -> None:
    deltas.publish(number=10)
    deltas.publish_delta(base=10, number=11)
    await deltas.hub.refresh()
    await deltas.hub.refresh()

    deltas.publish_delta(base=20, number=21)
    await deltas.hub.refresh(again=True)

    assert await deltas.hub.words(deltas.key) == ("PASSED", None)
    assert "not signed by who may" in str((await deltas.hub.sources())["delta.crl"].failure)
