"""What an endpoint answers decides what the sender is told; a refusal is final and needs a reason."""

import json

import pytest

from adapters.kit.delivery import Accepted, Refused
from adapters.webhook.answers import Failed, read_reply
from adapters.webhook.posting import Reply
from hub.message.edxml import StatusCode


def reply(status: int, content: object = None, *, retry_after: str = "") -> Reply:
    raw = (
        content
        if isinstance(content, bytes)
        else json.dumps(content).encode()
        if content is not None
        else b""
    )
    return Reply(status=status, retry_after=retry_after, content=raw)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize("content", [None, {}, {"status": "ok"}, [], "text", b"\xff", b"{" * 9_999])
def test_any_success_means_arrived(status: int, content: object) -> None:
    assert read_reply(reply(status, content)) == Accepted(description="")


@pytest.mark.parametrize("code", ["01", "03", "04", "05", "06", "15"])
def test_a_success_may_name_another_status(code: str) -> None:
    found = read_reply(reply(200, {"status": code, "description": "Số đến 07"}))

    assert found == Accepted(statuses=(StatusCode(code),), description="Số đến 07")


def test_a_success_may_be_a_refusal_with_its_reason() -> None:
    assert read_reply(reply(200, {"status": "02", "reason": "sai nơi nhận"})) == Refused(
        reason="sai nơi nhận"
    )
    assert isinstance(read_reply(reply(200, {"status": "02"})), Failed)
    assert isinstance(read_reply(reply(200, {"status": "16"})), Failed)
    assert isinstance(read_reply(reply(200, {"status": "13"})), Failed)


@pytest.mark.parametrize("status", [409, 410, 422])
def test_a_refusal_is_one_only_with_a_reason(status: int) -> None:
    assert read_reply(reply(status, {"reason": "  sai\r\nnơi nhận "})) == Refused(reason="sai nơi nhận")
    assert isinstance(read_reply(reply(status, {"detail": "Conflict"})), Failed)
    assert isinstance(read_reply(reply(status, {"reason": "  "})), Failed)
    assert isinstance(read_reply(reply(status, {"reason": 7})), Failed)


@pytest.mark.parametrize("status", [100, 301, 307, 400, 401, 403, 404, 408, 413, 429, 500, 503, 599])
def test_everything_else_is_tried_again(status: int) -> None:
    found = read_reply(reply(status, {"reason": "not now", "status": "03"}))

    assert isinstance(found, Failed)
    assert str(status) in found.reason


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("3", 3.0),
        ("", 0.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0),
        ("-5", 0.0),
        ("9" * 99, 999_999.0),
        ("٣", 0.0),
    ],
)
def test_an_endpoint_may_ask_for_a_pause(said: str, seconds: float) -> None:
    found = read_reply(reply(503, retry_after=said))

    assert isinstance(found, Failed)
    assert found.pause == seconds


def test_a_reason_is_bounded() -> None:
    found = read_reply(reply(409, {"reason": "x" * 5_000}))

    assert isinstance(found, Refused)
    assert len(found.reason) == 1_000
