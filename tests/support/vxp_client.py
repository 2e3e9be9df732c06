"""The vendors' software on the wire, byte for byte as it was observed: nothing of the gateway is imported.

The Java software keeps one connection, sends what earlier calls set along with every later call, asks before
it sends a body (`Expect: 100-continue`), puts one line end too many behind a file, and prints hashes without
the leading zeros of their octets. The .NET software sends a form with a part `file_doc`.
"""

import asyncio
import gzip
import hashlib
import hmac
import json
from contextlib import suppress
from datetime import datetime, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7))
PREFIX = "XroadVnpt-"
PATIENCE = 300.0


class JavaSdk:
    """One object of the Java software, and its one connection."""

    def __init__(self, port: int, *, systemid: str, secret: str, host: str = "127.0.0.1") -> None:
        self.port = port
        self.host = host
        self.secret = secret
        self.piled_up: dict[str, str] = {"systemid": systemid}
        self.status_line = ""
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    # ——— the calls, as an agency's programmer writes them ———

    async def send_edoc(
        self, file: bytes, *, sender: str, to: list[str], messagetype: str = "edoc"
    ) -> dict[str, object]:
        said = {"servicetype": "eDoc", "messagetype": messagetype, "from": sender, "to": json.dumps(to)}
        said["hash-file"] = "".join(f"{octet:x}" for octet in hashlib.sha256(file).digest())
        return await self._json(
            "sendEdoc", said, body=file + b"\r\n", content_type="application/octet-stream", expects=True
        )

    async def get_received_edoc_list(self, messagetype: str = "edoc") -> list[dict[str, str]]:
        answer = await self._json("getReceivedEdocList", {"servicetype": "eDoc", "messagetype": messagetype})
        return answer["data"]

    async def get_sent_edoc_list(self, doc_id: str) -> list[dict[str, str]]:
        answer = await self._json("getSentEdocList", {"servicetype": "eDoc", "docId": doc_id}, expects=True)
        return answer["data"]

    async def get_edoc(self, doc_id: str) -> dict[str, object]:
        return await self._json("getEdoc", {"docId": doc_id}, body=b"{}")

    async def download_edoc(self, doc_id: str) -> bytes:
        return await self.call("downloadEdoc", {"docId": doc_id}, method="GET")

    async def update_status(self, doc_id: str, status: str) -> dict[str, object]:
        return await self._json("updateStatus", {"docId": doc_id, "status": status})

    async def count(self, name: str = "countReceiveEdoc", *, method: str = "POST") -> object:
        return json.loads(await self.call(name, {}, method=method))["count"]

    async def close(self) -> None:
        if self._stream is not None:
            self._stream[1].close()
            with suppress(OSError):
                await self._stream[1].wait_closed()
        self._stream = None

    # ——— how they look on the wire ———

    async def _json(
        self,
        name: str,
        said: dict[str, str],
        *,
        body: bytes = b"",
        content_type: str = "application/json",
        expects: bool = False,
    ) -> dict[str, object]:
        answer = await self.call(name, said, body=body, content_type=content_type, expects=expects)
        return json.loads(answer)

    async def call(
        self,
        name: str,
        said: dict[str, str],
        *,
        body: bytes = b"",
        content_type: str = "application/json",
        method: str = "POST",
        expects: bool = False,
    ) -> bytes:
        """Make one call over the kept connection and return the body of the answer."""
        head = self.head(
            name, said, octets=len(body), content_type=content_type, method=method, expects=expects
        )
        reader, writer = await self._connection()
        writer.write(head)
        if expects:
            self.status_line = (await reader.readuntil(b"\r\n\r\n")).decode().partition("\r\n")[0]
            if " 100 " not in self.status_line:
                message = f"no leave to send the body: {self.status_line}"
                raise AssertionError(message)
        writer.write(body)
        return await asyncio.wait_for(self._answer(reader), PATIENCE)

    def head(
        self, name: str, said: dict[str, str], *, octets: int, content_type: str, method: str, expects: bool
    ) -> bytes:
        """Return request line and headers; what *said* sets stays set for every later call."""
        self.piled_up |= said
        self.piled_up |= {"timestamp": _timestamp(), "Content-Type": content_type}
        signed = {f"{PREFIX}{key}": value for key, value in self.piled_up.items()}
        sign_header = json.dumps(signed, separators=(",", ":"), ensure_ascii=False)
        mac = hmac.new(self.secret.encode(), sign_header.encode(), hashlib.sha256).hexdigest()
        lines = [
            f"{method} /{name} HTTP/1.1",
            *(f"{key}: {value}" for key, value in signed.items()),
            f"{PREFIX}sign-header-key: {';'.join(self.piled_up)}",
            f"{PREFIX}sign-header: {sign_header}",
            f"{PREFIX}hash-header: {mac}",
            f"{PREFIX}version: 3.0.201608",
            f"Content-Type: {content_type}",
            *([f"Content-Length: {octets}"] if method == "POST" else []),
            *(["Expect: 100-continue"] if expects else []),
            f"Host: {self.host}:{self.port}",
            "Connection: Keep-Alive",
            "User-Agent: JAVASDKAgent/1.0.0 XRoad/VPCP",
            "Accept-Encoding: gzip,deflate",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._stream is None or self._stream[0].at_eof():
            self._stream = await asyncio.open_connection(self.host, self.port, limit=2**24)
        return self._stream

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.status_line, _, rest = head.partition("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in rest.splitlines() if line)
        if headers.get("transfer-encoding") == "chunked":
            body = await _chunks(reader)
        else:
            body = await reader.readexactly(int(headers["content-length"]))
        return gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body


class DotnetSdk(JavaSdk):
    """The .NET software: a form with a part for the file, and hashes with all their zeros."""

    async def send_edoc(
        self, file: bytes, *, sender: str, to: list[str], messagetype: str = "edoc"
    ) -> dict[str, object]:
        said = {"servicetype": "eDoc", "messagetype": messagetype, "from": sender, "to": json.dumps(to)}
        said["hash-file"] = hashlib.sha256(file).hexdigest().upper()
        body, content_type = form(file)
        return await self._json("sendEdoc", said, body=body, content_type=content_type)


def form(file: bytes, *, is_whole: bool = True) -> tuple[bytes, str]:
    """Return *file* as a form's only part; one that is not whole ends in the middle."""
    boundary = "---------------------------8dd3f2a1b4c5e67"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file_doc"; filename="edoc.edxml"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = head.encode() + file + f"\r\n--{boundary}--\r\n".encode()
    return body if is_whole else body[: len(body) // 2], f"multipart/form-data; boundary={boundary}"


def _timestamp() -> str:
    now = datetime.now(VIETNAM)
    return f"{now:%d%m%YT%H%M%S}+{now.microsecond // 1000:04}"


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return body
