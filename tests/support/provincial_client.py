"""Software of a province on the REST dialect, as its programmers would write it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx


class ProvincialSdk:
    """One system that has logged in."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def send(self, file: bytes, kind: str = "edoc") -> dict[str, Any]:
        answer = await self.client.post(
            "/sendEdoc", files={"edocFile": ("vb.edxml", file)}, data={"messageType": kind}
        )
        assert answer.json()["success"] is True, answer.text
        return dict(answer.json())

    async def received(self, kind: str = "edoc") -> list[dict[str, str]]:
        answer = await self.client.get("/syncReceivedEdocList", params={"messageType": kind})
        assert answer.json()["count"] == len(answer.json()["data"])
        return list(answer.json()["data"])

    async def fetch(self, doc_id: str) -> dict[str, Any]:
        return dict((await self.client.get("/getEdoc", params={"docId": doc_id})).json())

    async def report(self, doc_id: str, status: str) -> dict[str, Any]:
        answer = await self.client.post("/updateStatus", json={"docId": doc_id, "status": status})
        return dict(answer.json())


@asynccontextmanager
async def logged_in(
    port: int, *, username: str, password: str, systemid: str, secret: str
) -> AsyncIterator[ProvincialSdk]:
    """Log in and show what is to be shown with every call."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1", timeout=30) as client:
        answer = await client.post("/auth/login", json={"username": username, "password": password})
        token = answer.json()["data"]["token"]
        shown = {"Authorization": f"Bearer {token}", "X-SystemId": systemid, "X-SecretKey": secret}
        client.headers.update(shown)
        yield ProvincialSdk(client)
