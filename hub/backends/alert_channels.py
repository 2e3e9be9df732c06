"""Where alerts go: e-mail, a webhook, the log. Each sends one letter, or says why it could not."""

import asyncio
import hashlib
import json
import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, make_msgid
from typing import Final, Protocol
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import structlog

from hub.errors import TemporaryFailure
from hub.message.alert import Moment
from hub.message.alert_text import Letter, Notice
from hub.ports import Clock
from hub.transport.hook_signing import HookKeys
from hub.transport.mail_server import MailServer

log = structlog.get_logger(__name__)
_PATIENCE: Final = timedelta(seconds=20)


class Channel(Protocol):
    """One way to tell people."""

    @property
    def name(self) -> str:
        """What its notices are kept under."""
        ...

    async def send(self, letter: Letter, notices: tuple[Notice, ...]) -> None:
        """Hand *letter* over; raises `TemporaryFailure` with a reason that holds no secret."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LogChannel:
    """Writes into the hub's own log."""

    name: str = "log"

    async def send(self, letter: Letter, notices: tuple[Notice, ...]) -> None:
        """Write a line for each notice; never fails."""
        del letter
        for each in notices:
            log.warning(
                _EVENTS[each.moment],
                kind=each.kind.value,
                subject=each.subject,
                since=each.opened_at.isoformat(),
                **{f"detail_{name}": value for name, value in each.detail.items()},
            )


_EVENTS: Final = {Moment.START: "alert.started", Moment.END: "alert.ended", Moment.TEST: "alert.tested"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MailChannel:
    """Sends plain-text e-mail (RFC 5322), marked as automatic so that nobody's absence answers it."""

    server: MailServer
    sender: str
    recipients: tuple[str, ...]
    clock: Clock
    authorities: str | None = None
    """PEM file with the authorities of the server's certificate; those that the machine trusts without it."""
    name: str = "mail"

    async def send(self, letter: Letter, notices: tuple[Notice, ...]) -> None:
        """Hand the letter to the server for all recipients together."""
        message = EmailMessage(policy=SMTP_POLICY)
        # A header is one line, whatever an operator calls themselves; two would be refused for ever.
        message["Subject"] = " ".join(letter.subject.split())
        message["From"] = self.sender
        message["To"] = ", ".join(self.recipients)
        message["Date"] = format_datetime(self.clock.now())
        message["Message-ID"] = make_msgid(idstring=str(notices[0].notice_id), domain="truc.invalid")
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds() * 2):
                await asyncio.to_thread(self._hand_over, message)
        except (OSError, smtplib.SMTPException, TimeoutError, ValueError) as error:
            # What is set may be nothing that a login can be written with (ValueError): no hub ends for that.
            # What a server says may repeat what it was told: its number is enough for an operator.
            said = getattr(error, "smtp_code", None)
            raise TemporaryFailure(
                f"the mail server {self.server.host}:{self.server.port} did not take it:"
                f" {type(error).__name__}{f' {said}' if said else ''}"
            ) from None

    def _hand_over(self, message: EmailMessage) -> None:
        server, seconds = self.server, _PATIENCE.total_seconds()
        tls = ssl.create_default_context(cafile=self.authorities)
        connect = (
            smtplib.SMTP_SSL(server.host, server.port, timeout=seconds, context=tls)
            if server.is_tls_from_start
            else smtplib.SMTP(server.host, server.port, timeout=seconds)
        )
        with connect as session:
            if not server.is_tls_from_start and not server.is_plain:
                session.starttls(context=tls)
            if server.user and server.password:
                session.login(server.user, server.password)
            session.send_message(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookChannel:
    """POSTs JSON to an address, signed as Standard Webhooks ask (HMAC-SHA256 over id, instant and body)."""

    url: str = field(repr=False)
    key: bytes | None = field(repr=False)
    clock: Clock
    name: str = "webhook"

    async def send(self, letter: Letter, notices: tuple[Notice, ...]) -> None:
        """Hand the letter over with its notices; any answer of the 200s means that it was taken."""
        body = json.dumps(
            {
                "type": "alert",
                "title": letter.subject,
                "text": letter.text,
                "alerts": [_told(each) for each in notices],
            },
            ensure_ascii=False,
        ).encode()
        host = urlsplit(self.url).hostname
        try:
            async with httpx.AsyncClient(
                follow_redirects=False, trust_env=False, timeout=_PATIENCE.total_seconds()
            ) as client:
                headers = {
                    "Content-Type": "application/json",
                    "User-Agent": "truc",
                    **self._signed(body, notices),
                }
                response = await client.post(self.url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TemporaryFailure(f"the webhook at {host} gives no answer: {type(error).__name__}") from None
        if not response.is_success:
            raise TemporaryFailure(f"the webhook at {host} answers with status {response.status_code}")

    def _signed(self, body: bytes, notices: tuple[Notice, ...]) -> dict[str, str]:
        # The same for every attempt with the same notices: the receiver drops repetitions by it.
        numbers = ",".join(str(each.notice_id) for each in notices)
        identity = str(UUID(bytes=hashlib.sha256(numbers.encode()).digest()[:16]))
        keys = HookKeys(secrets=(self.key,) if self.key is not None else ())
        return keys.headers(identity, self.clock.now(), body)


def _told(notice: Notice) -> dict[str, object]:
    return {
        "id": notice.alert_id,
        "moment": notice.moment.value,
        "kind": notice.kind.value,
        "subject": notice.subject,
        "opened_at": notice.opened_at.isoformat(),
        "closed_at": notice.closed_at.isoformat() if notice.closed_at is not None else None,
        "detail": notice.detail,
    }
