"""The program of the how-to page is the one that is run here, and takes what the adapter sends, once."""

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from adapters.webhook.posting import Poster
from deploy.local.ports import free_ports
from hub.transport.hook_signing import HookKeys, read_secret
from tests.support.hook_endpoint import SECRET
from tests.support.waiting import until
from tests.unit.webhook.places import an_endpoint

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "adapters" / "webhook" / "examples" / "receive_webhooks.py"
BODY = b'{"type": "document.delivered"}'


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
    (port,) = free_ports(1)
    database = tmp_path / "agency.db"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROGRAM),
        str(port),
        str(database),
        env={**os.environ, "WEBHOOK_SECRET": SECRET},
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/"

    async def listens() -> bool:
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                return (await client.get(url)).status_code == 501
            except httpx.TransportError:
                return False

    try:
        await until(listens, what="the receiver")
        yield url, database
    finally:
        process.terminate()
        await process.wait()


async def post(url: str, *, at: datetime, secret: str = SECRET, identity: str = "id-1") -> int:
    endpoint = an_endpoint(url, keys=HookKeys(secrets=(read_secret(secret),)))
    async with Poster.open(endpoint, lambda: at) as poster:
        return (await poster.post(identity, BODY)).status


async def test_the_receiver_takes_what_the_adapter_sends_once(receiver: tuple[str, Path]) -> None:
    url, database = receiver
    now = datetime.now(UTC)
    other = "whsec_" + "QUFB" * 8

    taken = [await post(url, at=now) for _ in range(2)]
    refused = [
        await post(url, at=now - timedelta(minutes=6), identity="id-2"),
        await post(url, at=now + timedelta(minutes=6), identity="id-3"),
        await post(url, at=now, secret=other, identity="id-4"),
    ]

    assert taken == [200, 200]
    assert refused == [401, 401, 401]
    with sqlite3.connect(database) as opened:
        rows = opened.execute("SELECT id, type, body FROM events").fetchall()
    opened.close()
    assert rows == [("id-1", "document.delivered", BODY)]


def test_the_page_shows_the_program_that_is_tested() -> None:
    page = (ROOT / "docs" / "how-to" / "use-a-webhook.md").read_text("utf-8")

    assert f"```python\n{PROGRAM.read_text('utf-8')}```" in page
