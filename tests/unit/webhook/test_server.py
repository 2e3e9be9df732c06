"""Strangers, careless and hostile programs get the server's own problems, and the log no secret."""

import asyncio
import json
from datetime import timedelta
from uuid import uuid4

import pytest

from adapters.webhook.desk import utc_now
from tests.support.waiting import until
from tests.unit.webhook.conftest import TOKEN, Server
from tests.unit.webhook.places import AT, PDF, a_delivery

XML = {"Content-Type": "application/xml", "Idempotency-Key": "k"}
METADATA = {
    "from": "H41",
    "to": ["G22"],
    "number": "12/TB-VP",
    "date": "2026-11-20",
    "subject": "V/v thử nghiệm",
    "signer": "Trần Thị Thử",
}
PART = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n' + PDF + b"\r\n"
WHOLE = PART % (b"metadata", json.dumps(METADATA).encode()) + FILE + FILE + b"--b--\r\n"
HEAD = (
    b"POST /v1/documents HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
    + TOKEN.encode()
    + b"\r\nContent-Type: application/xml\r\nIdempotency-Key: k\r\n"
)


async def test_without_a_token_nothing_but_the_description_is_to_be_had(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    for token in ("x", "wrong", TOKEN + "x", TOKEN[:-1], "ü" * 40):
        async with server.client(token) as stranger:
            reply = await stranger.post("/v1/documents", headers=XML, content=b"<edXML/>")
            described = await stranger.get("/openapi.json")

        assert (reply.status_code, reply.json()["code"]) == (401, "HOOK-4001")
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.headers["www-authenticate"] == "Bearer"
        assert reply.json()["vi"].startswith("Thiếu hoặc sai")
        assert described.status_code == 200
    assert TOKEN[:-1] not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "not well-formed"),
        (b"no xml", "not well-formed"),
        (b"<edXML/>", "no edXML document"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "DOCTYPE or ENTITY"),
        (b"\xff\xfe\x00", "not encoded in UTF-8"),
    ],
    ids=["empty", "text", "foreign", "entity", "encoding"],
)
async def test_what_is_no_document_is_refused_with_the_reason_and_its_key_stays_free(
    server: Server, content: bytes, part: str
) -> None:
    async with server.client() as program:
        reply = await program.post("/v1/documents", headers=XML, content=content)
        form = {"data": {"metadata": json.dumps(METADATA)}, "files": {"file": ("a.pdf", PDF)}}
        corrected = await program.post("/v1/documents", headers={"Idempotency-Key": "k"}, **form)

    assert (reply.status_code, reply.json()["code"]) == (422, "HOOK-4011")
    assert part in reply.json()["errors"][0]
    assert corrected.status_code == 202


async def test_a_document_of_files_is_signed_and_safe_when_it_is_answered(server: Server) -> None:
    form = {"data": {"metadata": json.dumps(METADATA)}, "files": {"file": ("C:\\tam\\a.pdf", PDF)}}
    async with server.client() as program:
        sent = await program.post("/v1/documents", headers={"Idempotency-Key": "k"}, **form)
        looked = await program.get(sent.headers["location"])

    assert looked.json() == {
        "submission": sent.json()["submission"],
        "state": "journalled",
        "receipts": [],
        "statuses": [],
    }


@pytest.mark.parametrize(
    ("metadata", "errors"),
    [
        ("{", ["metadata.: Invalid JSON"]),
        (json.dumps(METADATA | {"number": "12"}), ["metadata.number: "]),
        (json.dumps(METADATA | {"to": [], "date": "20.11.2026"}), ["metadata.to: ", "metadata.date: "]),
        (json.dumps(METADATA | {"subjekt": "x"}), ["metadata.subjekt: "]),
    ],
)
async def test_every_fault_of_the_metadata_is_named(server: Server, metadata: str, errors: list[str]) -> None:
    form = {"data": {"metadata": metadata}, "files": {"file": ("a.pdf", PDF)}}
    async with server.client() as program:
        reply = await program.post("/v1/documents", headers={"Idempotency-Key": "k"}, **form)

    assert (reply.status_code, reply.json()["code"]) == (422, "HOOK-4000")
    assert [told.startswith(part) for told, part in zip(reply.json()["errors"], errors, strict=True)]


async def test_parts_that_are_missing_or_unknown_are_named(server: Server) -> None:
    async with server.client() as program:
        reply = await program.post(
            "/v1/documents",
            headers={"Idempotency-Key": "k"},
            data={"meta": "x", "file": "text"},
            files={"files": ("a.pdf", PDF)},
        )

    assert reply.status_code == 422
    assert reply.json()["errors"] == [
        "files: there is no such part",
        "meta: there is no such part",
        "metadata: this part is missing",
        "file: at least one part with a file name is needed",
    ]


@pytest.mark.parametrize(
    ("headers", "content", "number", "code"),
    [
        ({"Content-Type": "application/xml"}, b"<a/>", 400, "HOOK-4009"),
        ({"Content-Type": "application/xml", "Idempotency-Key": "a b"}, b"<a/>", 422, "HOOK-4000"),
        ({"Content-Type": "application/json", "Idempotency-Key": "k"}, b"{}", 415, "HOOK-4015"),
        (XML, b"<a>" + b"x" * 60_000 + b"</a>", 413, "HOOK-4007"),
        (
            {"Content-Type": "multipart/form-data; boundary=b", "Idempotency-Key": "k"},
            b"--b\r\nContent-Disp",
            400,
            "HOOK-4006",
        ),
        (
            {"Content-Type": "multipart/form-data; boundary=b", "Idempotency-Key": "k"},
            WHOLE[:-6],
            400,
            "HOOK-4006",
        ),
        ({"Content-Type": "multipart/form-data", "Idempotency-Key": "k"}, b"x", 400, "HOOK-4006"),
    ],
    ids=["keyless", "key", "type", "large", "broken", "cut-short", "boundary"],
)
async def test_what_cannot_be_read_gets_its_own_problem(
    server: Server, headers: dict[str, str], content: bytes, number: int, code: str
) -> None:
    async with server.client() as program:
        reply = await program.post("/v1/documents", headers=headers, content=content)

    assert (reply.status_code, reply.json()["code"]) == (number, code)
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["vi"] != reply.json()["en"]


@pytest.mark.parametrize(
    ("pieces", "status", "code"),
    [
        ([b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "], b"408", b"HOOK-4008"),
        ([HEAD + b"Content-Length: 1000\r\n\r\n", b"<a>"], b"408", b"HOOK-4008"),
        ([b"\x16\x03\x01 no HTTP\r\n\r\n"], b"400", b"HOOK-4006"),
        ([b"GET / HTTP/1.1\r\nX: " + b"x" * 99_000 + b"\r\n\r\n"], b"400", b"HOOK-4006"),
    ],
    ids=["header", "body", "no-http", "large-header"],
)
async def test_who_is_slow_or_does_not_speak_http_is_told_so_and_left(
    server: Server, capsys: pytest.CaptureFixture[str], pieces: list[bytes], status: bytes, code: bytes
) -> None:
    said = await server.speak(*pieces)

    assert said.startswith(b"HTTP/1.1 " + status)
    assert b"application/problem+json" in said
    assert code in said
    assert TOKEN not in capsys.readouterr().out


async def test_who_hangs_up_in_the_middle_leaves_nothing_behind(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    _reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(HEAD + b"Content-Length: 9999\r\n\r\n<edXML>")
    await writer.drain()
    unfinished = server.desk.spool.unfinished
    await until(lambda: unfinished.exists() and list(unfinished.iterdir()), what="the upload")

    writer.close()

    await until(lambda: not list(unfinished.iterdir()), what="the end of the upload")
    assert "request.failed" not in capsys.readouterr().out


async def test_what_arrived_is_to_be_had_until_it_is_swept(server: Server) -> None:
    kept = server.desk.spool.keep(a_delivery(("báo cáo.pdf", PDF)), AT)
    place = f"/v1/deliveries/{kept.delivery_id}"
    async with server.client() as program:
        replies = [await program.get(f"{place}{rest}") for rest in ("", "/body", "/attachments/1")]
        tail = await program.get(f"{place}/attachments/1", headers={"Range": "bytes=500-"})
        beyond = await program.get(f"{place}/attachments/1", headers={"Range": "bytes=9999-"})
        missing = [await program.get(f"{place}/attachments/{number}") for number in (0, 2, 10_001)]
        assert server.desk.spool.sweep(before=AT) == 0
        assert server.desk.spool.sweep(before=utc_now() + timedelta(seconds=1)) == 1
        gone = [await program.get(f"{place}{rest}") for rest in ("", "/body", "/attachments/1")]

    about, body, attachment = replies
    assert about.json()["attachments"][0]["url"] == f"https://truc.example.vn{place}/attachments/1"
    assert body.content == b"<edXML>signed</edXML>"
    assert (attachment.content, attachment.headers["content-type"]) == (PDF, "application/pdf")
    assert attachment.headers["x-content-type-options"] == "nosniff"
    assert attachment.headers["content-disposition"].startswith("attachment;")
    assert (tail.status_code, tail.content) == (206, PDF[500:])
    assert beyond.status_code == 416
    assert [each.status_code for each in missing] == [422, 404, 422]
    assert [each.json()["code"] for each in gone] == ["HOOK-4004"] * 3


async def test_unknown_things_are_not_found(server: Server) -> None:
    async with server.client() as program:
        replies = [
            await program.get("/v1/documents/none"),
            await program.get(f"/v1/deliveries/{uuid4()}"),
            await program.post(f"/v1/deliveries/{uuid4()}/statuses", json={"status": "03"}),
            await program.get("/v1/none"),
            await program.get("/"),
        ]
        other = await program.delete("/v1/documents/none")

    assert {each.json()["code"] for each in replies} == {"HOOK-4004"}
    assert (other.status_code, other.json()["code"], other.headers["allow"]) == (405, "HOOK-4005", "GET")
