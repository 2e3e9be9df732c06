"""Alerts against a real mail server and a real web server, on the loopback address."""

import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from deploy.local.ports import free_ports
from deploy.local.tls import BrokerAuthority
from hub.backends.alert_channels import HookChannel, MailChannel
from hub.backends.clock import SystemClock
from hub.errors import TemporaryFailure
from hub.message.alert import AlertKind, Moment
from hub.message.alert_text import Notice, letter
from hub.transport.mail_server import MailServer

# The mail server of the tests does not know that a connection is TLS from the start, and warns.
pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore:Requiring AUTH")]
PASSWORD = "a long word for the mail server"
NOTICES = (
    Notice(
        notice_id=7,
        alert_id=3,
        moment=Moment.START,
        kind=AlertKind.RECIPIENT_FAILING,
        subject="H41",
        detail={"waiting": 12},
        opened_at=datetime(2026, 1, 15, 2, 30, tzinfo=UTC),
        closed_at=None,
        attempts=0,
    ),
)
LETTER = letter(NOTICES)


class MailRoom:
    """What a mail server does with what it is handed."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.answer = "250 taken"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name there
        if self.answer.startswith("250"):
            self.taken.append(envelope)
        return self.answer

    def messages(self) -> list[EmailMessage]:
        parsed = [message_from_bytes(each.content or b"", policy=default) for each in self.taken]
        return [each for each in parsed if isinstance(each, EmailMessage)]


@pytest.fixture
def authority(tmp_path: Path) -> BrokerAuthority:
    made = BrokerAuthority(tmp_path / "tls")
    made.ensure()
    made.issue_server(tmp_path / "server.pem")
    return made


@pytest.fixture
def room() -> MailRoom:
    return MailRoom()


@pytest.fixture(params=["smtps", "smtp"])
def channel(
    request: pytest.FixtureRequest, room: MailRoom, authority: BrokerAuthority, tmp_path: Path
) -> Iterator[MailChannel]:
    """Start a mail server that asks for a password and for TLS: from the start, or by STARTTLS."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "server.pem")
    is_tls, (port,) = request.param == "smtps", free_ports(1)
    controller = Controller(
        room,
        hostname="127.0.0.1",
        port=port,
        ssl_context=tls if is_tls else None,
        tls_context=None if is_tls else tls,
        require_starttls=not is_tls,
        auth_required=True,
        auth_require_tls=not is_tls,
        authenticator=_knows,
    )
    controller.start()
    server = MailServer.parse(f"{request.param}://alerts:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{port}")
    yield MailChannel(
        server=server,
        sender="truc@axis.example",
        recipients=("lan@axis.example", "minh@axis.example"),
        clock=SystemClock(),
        authorities=str(authority.certificate_file),
    )
    controller.stop()


def _knows(server: object, session: object, envelope: object, mechanism: str, data: object) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
    return AuthResult(success=is_right, handled=False)


async def test_a_letter_arrives_as_it_was_written(channel: MailChannel, room: MailRoom) -> None:
    await channel.send(LETTER, NOTICES)

    (message,) = room.messages()
    assert message["Subject"] == LETTER.subject
    assert message["To"] == "lan@axis.example, minh@axis.example"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().splitlines() == LETTER.text.splitlines()


async def test_a_subject_is_one_line_whatever_it_is_made_of(channel: MailChannel, room: MailRoom) -> None:
    hostile = replace(LETTER, subject="thử, theo yêu cầu của lan\r\nBcc: evil@example.com\u2028x")

    await channel.send(hostile, NOTICES)

    (message,) = room.messages()
    assert message["Bcc"] is None
    assert message["Subject"] == "thử, theo yêu cầu của lan Bcc: evil@example.com x"
    assert room.taken[0].rcpt_tos == ["lan@axis.example", "minh@axis.example"]


async def test_a_password_that_no_server_takes_is_a_failure_and_ends_no_worker(channel: MailChannel) -> None:
    odd = replace(channel, server=replace(channel.server, password="mật khẩu"))

    with pytest.raises(TemporaryFailure) as failure:
        await odd.send(LETTER, NOTICES)

    assert "mật" not in str(failure.value)


async def test_a_server_that_nobody_trusts_gets_nothing(channel: MailChannel, room: MailRoom) -> None:
    with pytest.raises(TemporaryFailure):
        await replace(channel, authorities=None).send(LETTER, NOTICES)

    assert room.taken == []


async def test_a_wrong_password_is_told_without_it(channel: MailChannel, room: MailRoom) -> None:
    wrong = replace(channel, server=replace(channel.server, password="another long word"))

    with pytest.raises(TemporaryFailure) as told:
        await wrong.send(LETTER, NOTICES)

    assert "535" in str(told.value)
    assert "another long" not in f"{told.value!r} {told.value.__cause__!r} {wrong!r}"
    assert room.taken == []


async def test_a_server_that_refuses_is_told_by_its_number(channel: MailChannel, room: MailRoom) -> None:
    room.answer = "452 no room for H41"

    with pytest.raises(TemporaryFailure, match="452"):
        await channel.send(LETTER, NOTICES)


async def test_a_mail_server_that_is_away_is_a_temporary_failure() -> None:
    away = MailServer.parse("smtps://127.0.0.1:1")

    with pytest.raises(TemporaryFailure, match=r"127\.0\.0\.1:1 did not take it"):
        await MailChannel(server=away, sender="a@b", recipients=("c@d",), clock=SystemClock()).send(
            LETTER, NOTICES
        )


class Hook:
    """A web server that takes what is posted."""

    def __init__(self) -> None:
        self.status = 202
        self.taken: list[tuple[dict[str, str], bytes]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(hook.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/hooks/a-secret-path"

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join(10)
        self.server.server_close()


@pytest.fixture
def hook() -> Iterator[Hook]:
    opened = Hook()
    yield opened
    opened.close()


async def test_a_webhook_is_told_in_json_and_can_check_who_told_it(hook: Hook) -> None:
    await HookChannel(url=hook.url, key=b"a key", clock=SystemClock()).send(LETTER, NOTICES)

    ((headers, body),) = hook.taken
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(b"a key", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    told = json.loads(body)
    assert (told["title"], told["alerts"][0]["subject"]) == (LETTER.subject, "H41")


async def test_repetitions_carry_the_same_name(hook: Hook) -> None:
    channel = HookChannel(url=hook.url, key=None, clock=SystemClock())
    for notices in (NOTICES, NOTICES, (*NOTICES, replace(NOTICES[0], notice_id=8))):
        await channel.send(letter(notices), notices)

    names = [headers["webhook-id"] for headers, _ in hook.taken]
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize("status", [302, 403, 500])
async def test_a_webhook_that_does_not_take_it_is_tried_again_later(hook: Hook, status: int) -> None:
    hook.status = status
    channel = HookChannel(url=hook.url, key=None, clock=SystemClock())

    with pytest.raises(TemporaryFailure, match=str(status)) as told:
        await channel.send(LETTER, NOTICES)

    assert "a-secret-path" not in f"{told.value} {channel!r}"
    assert len(hook.taken) == 1
